/* chunk_stream - the chunk streams of one reader and the messages that are being assembled on them. Layer:
 * codec, for chunk.c.
 *
 * A media message is assembled in the struct msg that is handed out, everything else in a buf. Nothing is
 * allocated before the first payload byte. FIRST_RESERVE bytes are reserved at once as long as all such
 * reservations stay below the limit of unfinished bytes; beyond that memory at most doubles with what was
 * received. Of a message that is longer than the limit nothing is kept. */
#pragma once
#include "codec/chunk.h"

struct chunk_stream {
	uint32_t csid;
	uint32_t ts;
	uint32_t delta;
	uint32_t field; /* the timestamp field of the last header, as extended */
	bool is_extended;
	bool is_open;    /* a message has begun and is not complete */
	bool is_skipped; /* it is too long: its bytes are dropped */
	uint8_t type;
	uint32_t stream_id;
	uint32_t length;
	uint32_t received;
	struct msg *media; /* its n is what is reserved */
	struct buf body;
};

struct chunk_streams {
	struct chunk_stream *v;
	size_t count, room;
	size_t at;    /* the stream of this chunk */
	size_t evict; /* where the search for a place begins when all are taken */
	size_t message_max;
	size_t pending_max;
	size_t pending;  /* received bytes of unfinished messages */
	size_t reserved; /* memory of unfinished media messages */
};

/* The stream with this id, which becomes the one at hand, or NULL. */
struct chunk_stream *chunk_streams_find(struct chunk_streams *s, uint32_t csid);
/* A new one, at hand. When there are CHUNK_STREAMS_MAX, one without an unfinished message is forgotten for
 * it; NULL when there is none. */
struct chunk_stream *chunk_streams_add(struct chunk_streams *s, uint32_t csid);
/* The stream at hand. */
static inline struct chunk_stream *chunk_streams_at(const struct chunk_streams *s)
{
	return &s->v[s->at];
}
void chunk_streams_fini(struct chunk_streams *s);

/* Appends n bytes to the message of the stream. ERR_LIMIT: too many bytes are unfinished. */
err chunk_stream_append(struct chunk_streams *s, struct chunk_stream *stream, struct span bytes);
/* The complete message; afterwards the stream is idle. */
void chunk_stream_take(struct chunk_streams *s, struct chunk_stream *stream, struct rtmp_msg *out);
/* Forgets the unfinished message. */
void chunk_stream_reset(struct chunk_streams *s, struct chunk_stream *stream);
