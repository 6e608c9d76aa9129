/* guard - a filter of the kernel's in front of libsrt, which believes numbers of a handshake that nobody has proven.
 * Layer: srt. */
#pragma once
#include "base/err.h"

enum {
	SRT_WINDOW_MAX = 1 << 17, /* packets; over a gigabit for a second */
	SRT_MSS_MIN = 200,        /* bytes */
};

/* Handshakes that come to this UDP socket with a window or a packet size beyond that are dropped, and so is what is
 * too short for one. libsrt takes memory for the window of a peer at once: a single packet of a stranger would ask
 * for gigabytes. */
err srt_guard(int fd);
