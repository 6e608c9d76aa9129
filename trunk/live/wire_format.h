/* wire_format - how one kind of receiver gets messages as bytes: a table of functions for each format.
 * Layer: live. Each format is a file of its own, here (wire_rtmp.c, wire_flv.c) or in a layer above;
 * nothing else knows which formats there are.
 *
 * A message is *rendered* once, into bytes that all receivers of the format share. In some formats a
 * rendering leans on the one before it in its *chain* (RTMP: the time is a delta to the message before
 * on the chunk stream). A receiver that did not get that one is *primed*: it is given bytes of its own
 * instead of the beginning of the shared ones, and then follows the chain again. */
#pragma once
#include "base/buf.h"
#include "codec/msg.h"

/* What a receiver may want. The twin of the sound (codec/frame.h) and the encoder's time (codec/encoder_time.h) are no
 * part of all: they are for servers. */
enum {
	WIRE_AUDIO = 1,
	WIRE_VIDEO = 2,
	WIRE_DATA = 4,
	WIRE_ALL = 7,
	WIRE_TWIN = 8,
	WIRE_ENCODER_TIME = 16
};

static inline uint8_t wire_kind(const struct msg *m)
{
	return m->type == MSG_AUDIO ? WIRE_AUDIO : m->type == MSG_VIDEO ? WIRE_VIDEO : WIRE_DATA;
}

/* The bit that a receiver of the message wants. */
static inline uint8_t wire_want(const struct msg *m)
{
	if (m->frame.is_encoder_time)
		return WIRE_ENCODER_TIME;
	return m->frame.is_twin ? WIRE_TWIN : wire_kind(m);
}

struct wire_opts {
	uint32_t chunk_size; /* for formats that cut messages into chunks */
	int64_t backlog_ms;  /* a receiver further behind is moved */
};

/* The receiver that bytes of its own are made for. */
struct wire_receiver {
	const struct wire_opts *opts;
	uint32_t stream_id; /* RTMP message stream */
	uint32_t ts;        /* of the message, for this receiver */
};

/* A message as it lies in the wire. */
struct rendering {
	struct span bytes; /* shared */
	uint32_t n;        /* payload bytes */
	uint8_t kind;      /* one WIRE_ bit */
	uint8_t chain;
};

struct headers;

struct wire_format {
	const char *name;
	size_t state_size; /* of `state`, zeroed: what the format remembers of the wire */
	/* The chain of the message, below CHAINS_MAX. NULL: renderings stand by themselves, nobody is
	 * primed, and all receivers get the times of the source. */
	uint8_t (*chain)(const struct msg *m);
	/* Whether the message can follow the one before in its chain. False: all chains end here, the
	 * format begins anew, and all receivers are primed. */
	bool (*follows)(void *state, const struct msg *m);
	/* Exactly the bytes that render() will write; 0: receivers of the format get nothing of it. */
	size_t (*size)(const struct wire_opts *opts, void *state, const struct msg *m);
	void (*render)(const struct wire_opts *opts, void *state, const struct msg *m,
		       struct buf *out);
	/* Writes what a receiver gets in place of the first bytes of the rendering: so many. */
	uint32_t (*prime)(const struct wire_receiver *to, const struct rendering *r,
			  struct buf *out);
	/* The whole message for one receiver alone, outside of the chain: a header. */
	void (*write)(const struct wire_receiver *to, const struct msg *m, struct buf *out);
	/* These headers are in effect from the next message on. NULL: the format does not care. */
	void (*learn)(void *state, const struct headers *headers);
	/* In place of write(), for formats whose beginning is not made of messages: what one receiver
	 * gets first, with these headers in effect. */
	void (*greet)(void *state, const struct headers *headers, struct buf *out);
	/* Releases what the state holds. NULL: nothing. */
	void (*fini)(void *state);
};

extern const struct wire_format wire_rtmp, wire_flv;
