/* rtc_hub - what all WebRTC sessions of a process share: the ports, the certificate, who is there. Layer:
 * service. */
#pragma once
#include "net/listen.h"
#include "node/server.h"
#include "rtc/port.h"

enum {
	RTC_HALF_OPEN_MAX = 1024,       /* sessions without a connected peer; more are refused */
	RTC_HALF_OPEN_PER_ADDRESS = 64, /* of one IP address, those without an answer among them */
	RTC_HALF_OPEN_MS = 10000,       /* until a peer has to be connected */
};

struct rtc_hub_port;
struct rtc_session;
struct rtc_shore;

struct rtc_hub {
	struct server *server;
	struct dtls_identity *identity; /* of new sessions; NULL: none was needed yet */
	struct rtc_hub_port *ports;     /* the one that is listened on first */
	int tcp_port;                   /* 0: there is none */
	struct rtc_session *sessions;
	struct map *tokens; /* sessions by their secret */
	int count, half_open;
	struct places connecting; /* of sessions without a connected peer, for each address */
	/* since the start */
	int64_t opened, connected, never_connected;
	/* Of an upgrade in place, see rtc_sharing.h. */
	struct rtc_shore *shores[RTC_SIDES];
	struct crossing_counts crossed; /* by those that have ended */
};

struct rtc_hub *rtc_hub_new(struct server *server);
/* After all sessions. */
void rtc_hub_free(struct rtc_hub **hub) BLOCKS;

/* New sessions are reached at this socket, which is taken. */
void rtc_hub_listen(struct rtc_hub *hub, struct udp **udp);
/* Stops listening on the port; sessions that use it keep it until they end. */
void rtc_hub_unlisten(struct rtc_hub *hub, int port);
/* A connection to the TCP port; for listen_opts.on_accept. */
void rtc_hub_accept(void *hub, struct sock *sock);
/* One that came to another process, which has read that of it. Takes the descriptor. */
void rtc_hub_adopt(struct rtc_hub *hub, int fd, struct span read);
/* Whether this process reads the port that is listened on, or leaves that to another one that has it, too. */
void rtc_hub_read(struct rtc_hub *hub, bool on);
/* The port for new sessions; NULL: WebRTC is off, or not listened on. */
struct rtc_port *rtc_hub_port(const struct rtc_hub *hub);
/* The certificate for a new session. */
err rtc_hub_identity(struct rtc_hub *hub, const struct dtls_identity **out);
/* Ports that nobody uses any more are closed. */
void rtc_hub_reap(struct rtc_hub *hub) BLOCKS;
