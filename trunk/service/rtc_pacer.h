/* rtc_pacer - when WebRTC players are sent their pictures: as soon as there is time. Layer: service, used by
 * rtc_sender. Never blocks.
 *
 * Pictures are most of the work, and a key frame for all players of a stream can be a tenth of a second of it. Sound
 * must not wait behind that: it goes out in the send slot, and pictures in slices of a millisecond, between which the
 * process looks at what has come, and sends sound if that is it. One player gets so many packets at once that its
 * line can hold them, and the rest some time later. */
#pragma once
#include "live/consumer.h"

enum { RTC_PACED_NEEDS = CONSUMER_NEEDS + CONSUMER_WAY };

/* A player in the queue; zeroed memory is one that is not. */
struct rtc_paced {
	struct rtc_paced *prev, *next;
	int64_t due; /* not before, monotonic milliseconds */
	bool is_fresh, is_queued;
	/* Sends at most so many packets; true: there are more. `now`: monotonic milliseconds. */
	bool (*send)(struct rtc_paced *paced, int most, int64_t now);
	const void *needs
		[RTC_PACED_NEEDS]; /* memory that it looks at, in pieces of 128 bytes; NULL: less */
};

/* There is something to be sent: now, when there is time, else soon. Calls send(), or has it called later. One that
 * is in the queue already keeps its place. */
void rtc_pacer_add(struct rtc_paced *paced, int64_t now);
/* It is called no more. */
void rtc_pacer_remove(struct rtc_paced *paced);
