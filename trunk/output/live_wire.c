#include "output/live_wire.h"

void live_tracks_free(struct live_tracks *t)
{
	track_free(&t->video);
	track_free(&t->audio);
}

/* Headers, and what is said in frames. */
static bool take(struct live_tracks *t, const struct au *au)
{
	return au->track == 0 && track_take(live_track(t, au), au);
}

bool live_tracks_begin(struct live_tracks *t, const struct headers *set)
{
	bool has_changed = false;
	for (int i = 0; set && i < set->count; i++) {
		struct au_walk w;
		struct au au;
		for (au_begin(&w, set->v[i]); au_next(&w, &au);)
			has_changed |= take(t, &au);
	}
	return has_changed;
}

size_t live_wire_size(struct live_wire *s, const struct msg *m, const struct live_wire_ops *ops)
{
	struct au_walk w;
	struct au au;
	if (ops->only && m->type != ops->only)
		return 0;
	s->out.max = ops->message_max;
	buf_clear(&s->out);
	for (au_begin(&w, m); au_next(&w, &au);) {
		if (take(&s->tracks, &au) && ops->begin)
			ops->begin(s, true);
		const struct track *t = live_track(&s->tracks, &au);
		if (track_fits(t, &au))
			ops->put(s, t, &au);
	}
	if (!buf_ok(&s->out))
		buf_free(&s->out);
	return s->out.n;
}

void live_wire_render(const struct wire_opts *opts, void *state, const struct msg *m,
		      struct buf *out)
{
	const struct live_wire *s = state;
	(void)opts;
	(void)m;
	buf_put(out, s->out.p, s->out.n);
}

void live_wire_learn(struct live_wire *s, const struct headers *headers,
		     const struct live_wire_ops *ops)
{
	if (live_tracks_begin(&s->tracks, headers) && ops->begin)
		ops->begin(s, false);
}

void live_wire_fini(struct live_wire *s)
{
	live_tracks_free(&s->tracks);
	buf_free(&s->out);
}
