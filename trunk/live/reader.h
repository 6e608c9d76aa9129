/* reader - takes the messages of a source one after another: for recorders, packetisers, segmenters.
 * Layer: live.
 *
 * A reader is a position; who is woken when there is news says the consumer that its owner opens
 * beside it (live/consumer.h, CONSUMER_INTERNAL). Typical:
 *
 *   consumer_open(&r->consumer, source, &(struct consumer_opts){
 *           .kind = CONSUMER_INTERNAL, .instant = true, .co = co_self()});
 *   reader_open(&r->reader, source, &(struct reader_opts){.from_start = true});
 *   while (!consumer_ended(&r->consumer)) {
 *           struct reading got;
 *           while (reader_next(&r->reader, &got)) {
 *                   if (got.headers)
 *                           begin_anew(r, got.headers, got.lost);
 *                   take(r, got.msg);
 *           }
 *           TRY(co_wait(deadline));
 *   }
 *   reader_close(&r->reader);
 *   consumer_close(&r->consumer);
 *
 * It may be slow, to write to a disk for one: messages are kept for it as long as it is less than the
 * source's backlog behind. Beyond that, or when too many bytes are kept, it is moved to the newest
 * start, or to live, and told how many messages it has missed. */
#pragma once
#include "live/msg_log.h"

struct source;

struct reader_opts {
	bool with_twin;  /* messages of TRACK_TWIN too (codec/frame.h) */
	bool from_start; /* begins at the newest start that is kept, if there is one; else live, with
	                  * pictures from the next key frame on */
};

struct reading {
	struct msg *msg; /* borrowed until something is published: msg_ref() to keep it */
	uint64_t seq; /* of this message; a gap is only what `lost` says and pictures waited for */
	/* The decoder's state before this message, when the reader must begin anew: with its first
	 * message, and after some were lost. Borrowed likewise. Else NULL; changes of headers come as
	 * messages (frame.is_header, frame.is_meta). */
	const struct headers *headers;
	uint64_t lost; /* messages missed just before this one */
};

/* Zeroed memory. The reader's owner holds the source (a consumer does) until reader_close(). */
void reader_open(struct reader *r, struct source *source, const struct reader_opts *opts);
/* Zeroed memory is fine, and is what it leaves. */
void reader_close(struct reader *r);
/* The next message; false: there is none for now. Does not block. */
bool reader_next(struct reader *r, struct reading *out);
/* How far it is behind, in milliseconds of the stream. */
int64_t reader_lag(const struct reader *r);
