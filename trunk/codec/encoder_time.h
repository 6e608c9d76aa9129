/* encoder_time - how far an encoder's own times are ahead of those of a stream, as servers of ours tell each other in a
 * data message of the stream (doc/wire-extensions.md, "srs_encoder_time"). Layer: codec.
 * A source has a clock of its own, and a relay sees that alone. Segments are cut by the encoder's times, so that all
 * origins that carry one run of it cut the same ones. */
#pragma once
#include "codec/msg.h"

enum { ENCODER_TIME_KINDS = 2 /* audio, video */ };

/* What to add to a time of the stream, milliseconds, modulo 2^32. Zeroed: the encoder's times are the stream's. */
struct encoder_time {
	uint32_t ahead[ENCODER_TIME_KINDS];
};

/* Of a message with audio or video. */
static inline uint32_t *encoder_time_of(struct encoder_time *t, const struct msg *m)
{
	return &t->ahead[m->type == MSG_VIDEO];
}

/* The message that says so, classified; NULL: there is no memory for it. */
struct msg *encoder_time_write(const struct encoder_time *t);
/* False: the message is no such one. */
bool encoder_time_read(struct encoder_time *out, const struct msg *m);
/* A message has come from another server, at this time of its stream: notes when the encoder has made it. Of further
 * tracks, which are not told of, that is right while they share the clock of the first one. */
static inline void encoder_time_note(struct encoder_time *t, struct msg *m, uint32_t ts)
{
	m->raw = m->type == MSG_DATA ? ts : ts + *encoder_time_of(t, m);
	m->has_raw = true;
}
