/* srt_sender - MPEG-TS out of a wire into messages of an SRT connection, for players and for destinations. Layer:
 * session. */
#pragma once
#include "live/cursor.h"
#include "node/send_monitor.h"
#include "srt/link.h"

struct srt_sender {
	struct srt_link *link; /* borrowed */
	size_t message;        /* bytes of one, whole packets */
};

void srt_sender_init(struct srt_sender *s, struct srt_link *link);
/* Sends what the cursor has, as much as one slice may; sets monitor->left, and adds to *sent. */
err srt_sender_send(struct srt_sender *s, struct cursor *cursor, struct send_monitor *monitor,
		    int64_t *sent);
/* Drops what the peer sends; ERR_CLOSED when it has left. */
err srt_sender_take(struct srt_sender *s);
/* A peer that is there takes what is sent: libsrt ends the connection of others. ERR_STALLED when its window stays
 * closed for so long; lowers *deadline to the next look. */
err srt_sender_check(const struct srt_sender *s, const struct send_monitor *monitor,
		     int64_t stalled_ms, int64_t *deadline);
/* Nothing more will be sent: waits until all has arrived and the peer's latency has passed, which throws away what
 * waits there at the end of a connection; at most so long. */
void srt_sender_finish(struct srt_sender *s, int64_t ms) BLOCKS;
