/* rtc_sharing - the WebRTC port while two processes have it: one takes over from the other (SIGUSR2), and the
 * sessions of that one go on. Layer: service.
 *
 * Both have the same socket and send by it. One of them reads (rtc_hub_read()): the former process until it has
 * handed over, then the next one, and again the former one if that should end. What is nobody's there crosses to the
 * other (rtc/crossing.h); a process in the middle of several upgrades passes it on. */
#pragma once
#include "rtc/crossing.h"
#include "service/rtc_hub.h"

/* The descriptor of the port that is listened on, borrowed; -1: there is none. */
int rtc_sharing_fd(const struct rtc_hub *hub);
/* The process on that side has the port, too, and is reached by this local socket, which is taken. False: there is no
 * port, or no memory. */
bool rtc_sharing_begin(struct rtc_hub *hub, enum rtc_side side, int fd);
/* The other process has given up the port, or has no peers at it. Does not block. */
void rtc_sharing_end(struct rtc_hub *hub, enum rtc_side side);
/* Whether it is that port which is shared. */
bool rtc_sharing_is_of(const struct rtc_hub *hub, enum rtc_side side, const struct rtc_port *port);
/* Sums of both sides since the start, and the bytes that wait now. */
void rtc_sharing_counts(const struct rtc_hub *hub, struct crossing_counts *out, size_t *waiting);
