/* sip_rig - an endpoint of SIP on real sockets of loopback, and peers that say what a test wants. Layer: test. */
#pragma once
#include "net/listen.h"
#include "sip/endpoint.h"

enum { SIP_RIG_TEXT = 70000, SIP_RIG_ANSWERS = 32 };

/* The last test's. */
extern struct sip_rig {
	struct sip_endpoint *endpoint;
	struct listener *listener;
	int udp_port;
	/* what it does with a request */
	struct sip_answer answer; /* status 0: none */
	bool accepts, closes;
	/* what came to its owner */
	int requests, closed;
	char method[32], body[64];
	struct sip_flow *flow; /* of the last request */
	bool may_log;
	int lines; /* that were asked for */
	/* of requests of ours */
	struct sip_call *call;
	struct sip_dialog dialog;
	bool acks, releases; /* what is done in on_answer of a final one */
	int statuses[SIP_RIG_ANSWERS], count;
	int64_t at_ms[SIP_RIG_ANSWERS];
	err failure;
	int64_t failure_ms;
} rig;

/* Opens it with what of the options is set; its callbacks are the rig's. */
void sip_rig_open(struct sip_endpoint_opts opts);
int sip_rig_setup(void **state);
/* The same in a time of its own. */
int sip_rig_setup_fake_time(void **state);
int sip_rig_teardown(void **state);
/* Sends a request along the flow of the last one that came, in rig.dialog, which begins with it. */
err sip_rig_send(const char *method, int timeout_ms);

/* The other side. */
struct sip_peer {
	struct udp *udp;
	struct sock *sock;
	struct addr server;
	int64_t at_ms; /* when the last message came */
	bool is_closed;
	size_t n;
	uint8_t in[SIP_RIG_TEXT], text[SIP_RIG_TEXT];
	struct sip_message message; /* the last one */
};
struct sip_peer *sip_peer_new(enum sip_transport transport);
void sip_peer_free(struct sip_peer **peer);
/* As it is. */
void sip_peer_put(struct sip_peer *peer, const char *text, size_t n);
/* A request with an empty body, whose branch and Call-ID these are. */
void sip_peer_ask(struct sip_peer *peer, const char *method, const char *branch);
/* Answers the last message: with a tag "peer", a Contact and extra lines. */
void sip_peer_answer(struct sip_peer *peer, int status, const char *lines);
/* The next message within so many milliseconds; false: there was none, or the connection has ended. */
bool sip_peer_get(struct sip_peer *peer, int64_t ms) BLOCKS;
