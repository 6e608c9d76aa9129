/* port - where WebRTC peers reach this process: one UDP port, and a TCP port for those that have no UDP
 * (RFC 6544, 4571). Layer: rtc.
 *
 * What a datagram is says its first byte (RFC 7983), whose it is the address that it comes from, and for a check
 * of ICE the name in it. From unknown addresses only checks are heard, and nothing else is ever answered, so a
 * stranger can make nobody a target. A peer that was let in can: its media follows its checks, and a check
 * proves who has sent it, not from where (ice.h). */
#pragma once
#include "net/udp.h"
#include "rtc/crossing.h"
#include "rtc/link.h"

enum {
	RTC_DATAGRAM_MAX = 1500, /* of those that are sent */
	RTC_LINKS_MAX = 65536,
};

struct rtc_port_counts {
	int64_t stun, dtls, media;                            /* datagrams that were somebody's */
	int64_t unknown_name, unknown_peer, malformed, other; /* and that were dropped */
	int64_t send_dropped;
};

/* Takes the socket, which is bound. The coroutine that serves it is the caller's: rtc_port_run(). */
struct rtc_port *rtc_port_new(struct udp *udp);
struct rtc_port *rtc_port_ref(struct rtc_port *port);
/* The last one closes the socket. Links hold it. */
void rtc_port_unref(struct rtc_port **port);
/* Receives and sends until it is stopped. */
err rtc_port_run(struct rtc_port *port) BLOCKS;
int rtc_port_number(const struct rtc_port *port);
const struct rtc_port_counts *rtc_port_counts(const struct rtc_port *port);
const struct udp_counts *rtc_port_udp_counts(const struct rtc_port *port);
int rtc_port_links(const struct rtc_port *port);

/* Takes a datagram; `p` may be changed. */
void rtc_port_take(struct rtc_port *port, uint8_t *p, size_t n, const struct rtc_path *path);

/* ---- with another process that has the socket, too ---- */

/* A connection whose first packets are for nobody here goes to the former process, with what was read of it. False:
 * there is none, or no room. */
bool rtc_port_hand_stream(const struct rtc_port *port, int fd, struct span read,
			  const struct rtc_path *path);
/* Datagrams of unknown peers go to that process from now on; NULL: no more. The crossing is the caller's. */
void rtc_port_share(struct rtc_port *port, enum rtc_side side, struct crossing *crossing);
/* Takes a datagram of the other process; one of an unknown peer goes on to the process beyond. */
void rtc_port_take_from(struct rtc_port *port, enum rtc_side side, uint8_t *p, size_t n,
			const struct rtc_path *path);
/* Whether this process reads the socket; see udp_receive(). */
err rtc_port_receive(struct rtc_port *port, bool on);
/* Its descriptor, borrowed. */
int rtc_port_fd(const struct rtc_port *port);

/* ---- for streams ---- */

/* The path is a link's. */
bool rtc_port_knows(const struct rtc_port *port, const struct rtc_path *path);
/* Forgets a path that has ended, whichever link it belonged to. */
void rtc_port_lose(struct rtc_port *port, const struct rtc_path *path);

/* ---- for links ---- */

/* ERR_BUSY: there is one of that name; ERR_LIMIT: there are RTC_LINKS_MAX. */
err rtc_port_add(struct rtc_port *port, const char *ufrag, struct rtc_link *link);
void rtc_port_remove(struct rtc_port *port, const char *ufrag);
/* Datagrams from there are this link's; another one that had the path loses it. */
void rtc_port_learn(struct rtc_port *port, const struct rtc_path *path, struct rtc_link *link);
void rtc_port_forget(struct rtc_port *port, const struct rtc_path *path,
		     const struct rtc_link *link);
/* Room for a datagram of at most RTC_DATAGRAM_MAX bytes to that path, which rtc_port_put() then sends. */
uint8_t *rtc_port_room(struct rtc_port *port);
bool rtc_port_put(struct rtc_port *port, const struct rtc_path *path, size_t n);
/* Sends what waits. */
void rtc_port_flush(struct rtc_port *port);
