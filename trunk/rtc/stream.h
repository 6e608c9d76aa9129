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

/* Serves an accepted connection until it ends: what comes goes to the port. The first packet has to be a
 * check that the port knows. The socket stays the caller's. */
err rtc_stream_run(struct rtc_port *port, struct sock *sock) BLOCKS;
/* Queues a packet; false: dropped. Called by the port. */
bool rtc_stream_send(struct rtc_stream *stream, struct span packet);
