/* rx_clock - times of packets on one timeline of milliseconds. Layer: rtc, a part of rx.
 * Each track begins where it has arrived. When the peer's reports say how its tracks are to each other, the pictures
 * move slowly to where they belong beside the sound: time never goes back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct rx_clock {
	int rate; /* units in a second */
	bool begun, has_report;
	int64_t ts; /* the last one, in full */
	int64_t base_ts, base_us;
	int64_t adjust_us, wanted_us; /* what it is moved by, and ought to be */
	int64_t report_ntp_us, report_ts;
	int64_t arrived_us, last_us; /* the last packet: arrival, and where it was put */
};

/* Microseconds of a packet with this time, which rise. */
int64_t rx_clock_map(struct rx_clock *clock, uint32_t ts, int64_t now_us);
/* A report: at this NTP time the track was at ts. */
void rx_clock_report(struct rx_clock *clock, uint64_t ntp, uint32_t ts);
/* Moves `other` to where it belongs beside `master`, by what both have reported. */
void rx_clock_align(const struct rx_clock *master, struct rx_clock *other);
