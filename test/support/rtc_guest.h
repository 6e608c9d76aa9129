/* rtc_guest - a WebRTC client of a test server, from its offer on: a session and the peer at its other end. Layer:
 * test. */
#pragma once
#include "service/rtc_session.h"
#include "support/rtc_peer.h"

/* The hub of a server, listening at 127.0.0.1; rtc_guest_close_hub() at the end. */
void rtc_guest_open_hub(struct server *server);
void rtc_guest_close_hub(struct server *server);

struct rtc_guest {
	struct rtc_peer peer;
	const char *ip;              /* from which it asks; NULL: 192.0.2.1 */
	struct rtc_session *session; /* one reference */
	enum rtc_refusal refusal;
	err e;
};

/* An offer of this client, malloc'ed: Opus 111 and H.264 108. */
char *rtc_guest_offer(const struct rtc_guest *guest, bool publish);
/* Asks for live/<stream> and takes the answer; false: there is none. */
bool rtc_guest_ask(struct rtc_guest *guest, struct server *server, const char *stream,
		   bool publish) BLOCKS;
/* The same, and connects. */
bool rtc_guest_join(struct rtc_guest *guest, struct server *server, const char *stream,
		    bool publish) BLOCKS;
/* Waits until its session is over. */
bool rtc_guest_is_over(struct rtc_guest *guest, int64_t ms) BLOCKS;
void rtc_guest_close(struct rtc_guest *guest);
