/* msg - one media message: audio, video or data. Layer: codec.
 * Filled by its receiver; from the moment it is published it is never written again and
 * is shared by reference. The count is a plain integer: there is one thread. */
#pragma once
#include "base/buf.h"
#include "codec/frame.h"

enum msg_type { MSG_AUDIO = 8, MSG_VIDEO = 9, MSG_DATA = 18 };

struct msg {
	int refs;
	uint8_t type;       /* enum msg_type */
	bool is_classified; /* frame is known */
	bool has_raw;       /* .raw is known already: source_publish() leaves it */
	struct frame frame; /* what the payload is */
	int64_t ts;         /* milliseconds, on the timeline of its holder */
	uint32_t n;         /* payload bytes */
	uint32_t raw;       /* the time that its encoder gave it */
	uint8_t payload[];
};

/* One reference, payload of n bytes not yet filled. n must have met a limit before. NULL: there is no
 * memory for it (codec/media_memory.h). */
struct msg *msg_new(enum msg_type type, int64_t ts, size_t n);
/* Another payload size while it is being filled; only with a single reference. The message may
 * move; the bytes that fit stay. NULL: there is no memory, and the message is as it was. */
struct msg *msg_resize(struct msg *msg, size_t n);
/* Finds out what the payload of a message that has just come is: sets its frame, once. */
void msg_classify(struct msg *msg);
struct msg *msg_ref(struct msg *msg);
/* NULL is fine; clears the pointer. */
void msg_unref(struct msg **msg);
static inline struct span msg_span(const struct msg *m)
{
	return (struct span){m->payload, m->n};
}
/* The number of messages that exist, for leak tests. */
long msg_live(void);
