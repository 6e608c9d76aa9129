/* live_tracks - the tracks of a stream as a continuous format sees them: from its headers, then from
 * its messages. Layer: output, for wire_*.c. The default tracks alone. */
#pragma once
#include "codec/track.h"
#include "live/headers.h"

struct live_tracks {
	struct track video, audio;
};

static inline struct track *live_track(struct live_tracks *t, const struct au *au)
{
	return au->type == MSG_VIDEO ? &t->video : &t->audio;
}

static inline void live_tracks_free(struct live_tracks *t)
{
	track_free(&t->video);
	track_free(&t->audio);
}

/* Takes headers and what is said in frames; true when something has changed. */
static inline bool live_tracks_take(struct live_tracks *t, const struct au *au)
{
	return au->track == 0 && track_take(live_track(t, au), au);
}

static inline bool live_tracks_begin(struct live_tracks *t, const struct headers *set)
{
	bool has_changed = false;
	for (int i = 0; set && i < set->count; i++) {
		struct au_walk w;
		struct au au;
		for (au_begin(&w, set->v[i]); au_next(&w, &au);)
			has_changed |= live_tracks_take(t, &au);
	}
	return has_changed;
}
