/* rtc_refusal - what a client is told that gets no answer to its offer. Layer: service. */
#pragma once
#include "service/rtc_session.h"

/* As HTTP and as SRS's API have it. */
struct rtc_words {
	int status;
	int code;
	const char *text; /* a sentence; borrowed from the session or the trail */
};

/* Of a session that is over; NULL: of one that was refused at once, by that error. */
struct rtc_words rtc_refusal_words(enum rtc_refusal refusal, const struct rtc_session *session,
				   err e);
