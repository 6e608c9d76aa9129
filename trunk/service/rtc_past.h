/* rtc_past - WebRTC sessions that have ended a moment ago, and why: most that goes wrong is asked about when it is
 * over. Layer: service. */
#pragma once
#include <stdint.h>

enum { RTC_PAST_MAX = 64 };

struct rtc_session;

struct rtc_past {
	char id[9], ip[64];
	const char *type;                /* a literal; NULL: no entry */
	char *stream, *why, *candidates; /* owned */
	int64_t ended_wall_ms, lasted_ms;
	int64_t connect_ms;     /* from the answer to keys; -1: never */
	int64_t checks, forged; /* of ICE */
};

/* Puts a session among them that is about to go, in the place of the oldest one. */
void rtc_past_add(const struct rtc_session *session);
/* The newest is 0; NULL: there are no more. Borrowed until one is added. */
const struct rtc_past *rtc_past_get(int i);
void rtc_past_clear(void);
