/* gb_stream - a stream of a camera that is expected, by the SSRC that its packets will have. Layer: service.
 * Owned by the call to the camera; fed by the line that brings the packets. */
#pragma once
#include "service/gb_hub.h"
#include "session/gb_feed.h"
#include "session/own_publish.h"

struct gb_stream_ops {
	/* Media has come, and the stream is published; it is over, for that reason, also when it has not begun.
	 * Neither may block. */
	void (*on_begin)(void *ctx);
	void (*on_end)(void *ctx, const char *why);
};

struct gb_stream {
	struct gb_stream *prev, *next;
	struct gb_hub *hub;
	uint32_t ssrc;
	char name[GB_NAME_MAX];
	struct own_publish publish;
	struct addr from;      /* which address may send it */
	struct addr also_from; /* another one, by the device's own words; zeroed: none */
	bool is_bound;         /* to them */
	struct gb_feed *feed;  /* while it is fed */
	struct aac_maker *aac; /* of its sound; NULL: none is made, or not yet */
	bool keeps_sound;      /* it is published as it is */
	struct gb_flow *flow;  /* of datagrams, which feed it or are about to; NULL */
	bool is_closed;        /* its owner has left: it is freed when nothing feeds it */
	const struct gb_stream_ops *ops;
	void *ctx;
};

struct gb_stream_opts {
	const char *name;
	uint32_t ssrc;
	const struct addr *from; /* NULL: any */
	const struct gb_stream_ops *ops;
	void *ctx;
};

/* Prepares a publication of that name by stream_caster.output, as own_publish_init(). */
err gb_publish_init(struct own_publish *out, const struct gb_hub *hub, const char *name,
		    const struct addr *from);

/* ERR_FULL: that name or SSRC is expected already, there are too many, or the server ends. ERR_DENIED: that address may
 * not publish (security); of a stream that any may send, packets of such a one are nobody's. */
err gb_stream_open(struct gb_stream **out, struct gb_hub *hub, const struct gb_stream_opts *opts);
/* Ends it, for that reason; nothing is told any more. NULL is fine; clears. */
void gb_stream_close(struct gb_stream **stream, const char *why);
/* The device has said another SSRC than it was asked for; one that another stream has from the same address is not
 * believed, nor are words that come behind the media. */
void gb_stream_set_ssrc(struct gb_stream *stream, uint32_t ssrc);

/* The one whose packets these are: by SSRC and address, else the only one that is expected from that address, since
 * devices write what they like into theirs: it has that SSRC from now on. NULL: none is, it comes from elsewhere, or
 * it is what is left of a stream that has ended. */
struct gb_stream *gb_stream_find(struct gb_hub *hub, uint32_t ssrc, const struct addr *from);
/* Its media cannot be had, for that reason: its owner is told. */
void gb_stream_fail(struct gb_stream *stream, const char *why);
/* Publishes it from that line, to the end; nothing else feeds it. The stream may be gone afterwards. */
err gb_stream_run(struct gb_stream *stream, struct gb_line *line) BLOCKS;
