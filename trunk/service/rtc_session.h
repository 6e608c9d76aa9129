/* rtc_session - one WebRTC peer that publishes or plays, from its offer to its end. Layer: service.
 *
 * A coroutine of its own owns all of it and is the only one that ends it: DELETE, a kick, the peer's leaving,
 * silence and the end of the stream are all facts that it is woken to look at. Whoever has asked over HTTP
 * waits for the answer, and may go at any time. */
#pragma once
#include "rtc/answer.h"
#include "service/rtc_ask.h"
#include "service/rtc_hub.h"
#include "session/outcome.h"
#include "session/request.h"

enum rtc_stage {
	RTC_ASKED,     /* it is looked whether it may */
	RTC_ANSWERED,  /* half-open: the peer has not been heard, or has no keys yet */
	RTC_CONNECTED, /* media flows */
	RTC_OVER,
};

/* Why it has no answer, beside the outcomes that all protocols share. */
enum rtc_refusal {
	RTC_ACCEPTED,
	RTC_DISABLED,     /* WebRTC, or what is asked for, is off */
	RTC_MALFORMED,    /* the offer makes no sense */
	RTC_UNACCEPTABLE, /* it has nothing that can be taken */
	RTC_NO_ROOM,
	RTC_BY_OUTCOME, /* see the outcome */
	RTC_FAILED,     /* here */
};

struct rtc_sender;
struct rx;

struct rtc_session {
	struct rtc_session *prev, *next;
	int refs;
	struct rtc_hub *hub;
	struct conf *conf;
	struct conn_place place;
	struct rtc_ask ask;
	struct request request;
	struct rtc_offer offer;
	struct rtc_media media;
	struct rtc_link *link;           /* from the answer to the end */
	const struct rx *rx;             /* what a publisher sends, for the API; NULL */
	const struct rtc_sender *sender; /* what a player is sent, likewise */
	struct buf answer;
	char *candidates; /* that the answer has, for the API */
	char id[9];       /* of its coroutine, and so in the log and the API */
	char token[33];   /* who knows it may end the session */
	enum rtc_stage stage;
	struct conn_place connecting; /* until the peer is connected */
	bool is_half_open;            /* it is counted as such */
	bool has_left;                /* the client has said so by HTTP */
	int64_t since_ms, answered_ms, connected_ms;
	struct traffic traffic;   /* of a link that is closed */
	struct ice_counts checks; /* likewise */
	struct co *co, *waiter;   /* waiter: for the answer; NULL */
	enum rtc_refusal refusal;
	struct outcome *outcome; /* NULL: none, or it was not because of one */
	char *why;               /* it has ended, or was refused; NULL */
};

/* Begins one; takes the ask, also on failure. One reference; NULL with an error, which *refusal tells more of. */
err rtc_session_start(struct rtc_session **out, struct rtc_hub *hub, struct conf *conf,
		      struct rtc_ask *ask, enum rtc_refusal *refusal);
/* Until it is answered or refused. An error: the caller is being stopped, or it took too long; the session is
 * then ended. */
err rtc_session_wait(struct rtc_session *session) BLOCKS;
void rtc_session_unref(struct rtc_session **session);
/* By its secret; borrowed. NULL: there is none. */
struct rtc_session *rtc_session_find(const struct rtc_hub *hub, const char *token);
/* The client has said that it leaves. */
void rtc_session_leave(struct rtc_session *session);

/* ---- for the two kinds ---- */

err rtc_publish_run(struct rtc_session *session) BLOCKS;
err rtc_play_run(struct rtc_session *session) BLOCKS;
/* Answers the offer; the peer may connect then. `video` and `profile`: of the stream, if it is known. */
err rtc_session_answer(struct rtc_session *session, enum rtc_codec video, uint32_t profile,
		       const struct rtc_link_ops *ops, void *ctx) BLOCKS;
/* Waits until media can flow. `outcome`: of its publication or viewing; ends it when it has a code. */
err rtc_session_connect(struct rtc_session *session, const struct outcome *outcome) BLOCKS;
/* Wakes the coroutine that waits for the session. */
void rtc_session_set_stage(struct rtc_session *session, enum rtc_stage stage);
/* An error when it has to end; lowers *deadline to when silence would end it. */
err rtc_session_check(struct rtc_session *session, int64_t *deadline);
/* The peer is told, and nothing of it comes any more. */
void rtc_session_close_link(struct rtc_session *session);
/* Why its publication or viewing has not begun, or has ended. */
void rtc_session_keep_outcome(struct rtc_session *session, const struct outcome *outcome);
struct traffic rtc_session_traffic(const struct rtc_session *session);
int64_t rtc_session_heard_ms(const struct rtc_session *session);
