/* stream - a TCP connection of a WebRTC peer (RFC 6544): each packet behind two bytes of its length
 * (RFC 4571). Layer: rtc. */
#pragma once
#include "base/budget.h"
#include "net/sock.h"
#include "rtc/port.h"

enum {
	RTC_FRAME_MAX = 2048, /* a longer one ends the connection */
	RTC_STREAM_QUEUE =
		1 << 18, /* bytes that wait to be sent: more are dropped by whole packets */
};

enum { RTC_STREAM_IN_MAX = 8 * (2 + RTC_FRAME_MAX) };

/* Serves an accepted connection until it ends: what comes goes to the port, first what was read of it already (at
 * most RTC_STREAM_IN_MAX bytes). The first packet has to be a check that the port knows, or the connection goes to
 * another process that has the port (rtc_port_hand_stream). The socket stays the caller's. */
err rtc_stream_run(struct rtc_port *port, struct sock *sock, struct span read) BLOCKS;
/* Queues a packet; false: dropped. Called by the port. */
bool rtc_stream_send(struct rtc_stream *stream, struct span packet);
