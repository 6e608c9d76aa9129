/* live_wire - what the continuous formats have in common: the tracks of a stream, from its headers and then
 * from its messages, and one walk over the access units of a message. Layer: output, for wire_*.c. The default
 * tracks alone. */
#pragma once
#include "codec/track.h"
#include "live/headers.h"
#include "live/wire_format.h"

struct live_tracks {
	struct track video, audio;
};

static inline struct track *live_track(struct live_tracks *t, const struct au *au)
{
	return au->type == MSG_VIDEO ? &t->video : &t->audio;
}

void live_tracks_free(struct live_tracks *tracks);
/* Takes what the headers say; true when something has changed. */
bool live_tracks_begin(struct live_tracks *tracks, const struct headers *headers);

/* The front of the state of each of these formats. */
struct live_wire {
	struct live_tracks tracks;
	struct buf out; /* the rendering of the message whose size was asked */
};

struct live_wire_ops {
	/* The tracks have changed: by a message of the stream, or by headers in front of it. NULL: of no
	 * interest. */
	void (*begin)(struct live_wire *wire, bool in_stream);
	/* Appends an access unit of a track that is known to wire->out. */
	void (*put)(struct live_wire *wire, const struct track *track, const struct au *au);
	size_t message_max; /* bytes of a rendering; a longer one is left out */
	enum msg_type only; /* 0: sound and pictures */
};

/* For wire_format.size: makes the rendering, and says how long it is. */
size_t live_wire_size(struct live_wire *wire, const struct msg *m, const struct live_wire_ops *ops);
/* wire_format.render. */
void live_wire_render(const struct wire_opts *opts, void *state, const struct msg *m,
		      struct buf *out);
/* For wire_format.learn. */
void live_wire_learn(struct live_wire *wire, const struct headers *headers,
		     const struct live_wire_ops *ops);
/* For wire_format.fini. */
void live_wire_fini(struct live_wire *wire);
