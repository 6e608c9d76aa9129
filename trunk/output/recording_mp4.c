/* Recordings in MP4 are fragmented: each second or two is whole as soon as it is written, and any
 * player takes the file at each moment. Other decoders, or times that jump, are another file. */
#include "output/recording.h"
#include "output/render.h"

#include "codec/mp4.h"

enum { FRAGMENT_MS = 1000, LONGEST_MS = 2000, FRAGMENT_BYTES = 32 << 20 };

struct recording_mp4_state {
	struct segmenter segmenter;
	bool has_init;
	unsigned configuration; /* of the init */
	int64_t base;           /* subtracted from all times */
	struct buf before;      /* the init that stands in the file already; empty: none */
};

static void take_units(struct recording *r, struct msg *msg)
{
	struct recording_mp4_state *s = r->state;
	struct au_walk w;
	struct au au;
	for (au_begin(&w, msg); au_next(&w, &au);)
		segmenter_add(&s->segmenter, msg, &au, 0);
}

static void begin(struct recording *r, const struct headers *headers, struct stored *before)
{
	struct recording_mp4_state *s = r->state;
	segmenter_init(&s->segmenter,
		       &(struct segmenter_opts){
			       .fragment_ms = FRAGMENT_MS,
			       .longest_ms = LONGEST_MS,
			       .bytes_max = FRAGMENT_BYTES,
		       },
		       before ? before->sequence : 0);
	if (before) {
		s->before = before->init;
		before->init = (struct buf){0};
	}
	for (int i = 0; headers && i < headers->count; i++)
		take_units(r, headers->v[i]);
}

/* A file that is gone on with has to be for the same decoders, since it has one init alone. */
static void write_init(struct recording *r)
{
	struct recording_mp4_state *s = r->state;
	render_mp4_init(&s->segmenter, &r->pending);
	bool is_same =
		s->before.n == r->pending.n && memcmp(s->before.p, r->pending.p, s->before.n) == 0;
	if (is_same)
		buf_clear(&r->pending);
	else if (s->before.n > 0)
		recording_part(r);
	buf_free(&s->before);
	s->has_init = true;
	s->configuration = s->segmenter.configuration;
	s->base = s->segmenter.cut.begin - r->offset_ms;
}

static void write_fragment(struct recording *r)
{
	struct recording_mp4_state *s = r->state;
	struct cut *cut = &s->segmenter.cut;
	if (!s->has_init)
		write_init(r);
	for (size_t i = 0; i < cut->count; i++) {
		cut->units[i].au.dts -= s->base;
		cut->units[i].au.pts -= s->base;
	}
	cut->begin -= s->base;
	cut->end -= s->base;
	render_mp4(&s->segmenter, &r->pending);
	segmenter_close(&s->segmenter);
	recording_flush(r, true);
}

static bool take(struct recording *r, struct msg *msg)
{
	struct recording_mp4_state *s = r->state;
	struct au_walk w;
	struct au au;
	s->segmenter.opts.any_start = r->is_sequel;
	for (au_begin(&w, msg); au_next(&w, &au);) {
		enum segment_end end = segmenter_ends(&s->segmenter, msg, &au);
		if (end == SEGMENT_BY_CHANGE)
			return false;
		/* A track that appears later has no place in the file. */
		if (s->has_init && s->configuration != s->segmenter.configuration)
			return false;
		if (end != SEGMENT_GOES_ON)
			write_fragment(r);
		segmenter_add(&s->segmenter, msg, &au, 0);
	}
	return true;
}

static void finish(struct recording *r)
{
	struct recording_mp4_state *s = r->state;
	if (segmenter_finish(&s->segmenter) &&
	    (!s->has_init || s->configuration == s->segmenter.configuration))
		write_fragment(r);
	segmenter_fini(&s->segmenter);
	buf_free(&s->before);
}

const struct recording_format recording_mp4 = {
	.ending = ".mp4",
	.state_size = sizeof(struct recording_mp4_state),
	.begin = begin,
	.take = take,
	.finish = finish,
};
