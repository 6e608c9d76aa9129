#include "output/hls_stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "output/hls_paths.h"
#include "output/pattern.h"
#include "output/render.h"

#include <stdlib.h>

enum {
	ROUNDING_MS = 3,    /* times of pictures are rounded to milliseconds */
	LEAST_PERCENT = 85, /* of PART-TARGET that a part has to have (RFC 8216bis 4.4.4.9) */
	SEQUENCES = 64,     /* numbers of fragments for each segment */
};

/* Parts have whole pictures: as many as fit into what is configured, unless that would be too little of it,
 * then one more. What is told to players never changes. */
static void choose_length(struct hls_stream *s, int64_t picture_ms)
{
	int64_t want = s->opts->part_ms, n = want / picture_ms;
	if (n * picture_ms * 100 < want * LEAST_PERCENT)
		n++;
	s->parts.each_ms = n * picture_ms;
	if (s->list.part_ms == 0)
		s->list.part_ms = (s->parts.each_ms > want ? s->parts.each_ms : want) + ROUNDING_MS;
}

static void open_segment(struct hls_stream *s)
{
	const struct cut *cut = &s->segmenter.cut;
	if (s->list.open)
		return;
	hls_stream_renew_init(s, cut->number);
	s->list.open = mem_new(struct hls_segment);
	*s->list.open = (struct hls_segment){
		.number = cut->number,
		.wall_ms = cut->wall_ms,
		.init = s->init ? hls_item_ref(s->init) : NULL,
		.is_discontinuous = segmenter_is_discontinuous(&s->segmenter),
	};
	s->list.is_ended = false;
	s->segmenter.cut.is_fixed = true;
}

/* The first picture of these units is a key frame. */
static bool is_independent(const struct hls_stream *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (segmenter_can_begin(&s->segmenter, &s->segmenter.cut.units[i].au))
			return s->segmenter.cut.units[i].au.is_key;
	return false;
}

/* The path that parts of this segment have: it may hold the time, so it is made once. */
static const char *stem(struct hls_stream *s, int64_t number)
{
	if (!s->parts.path || s->parts.number != number) {
		free(s->parts.path);
		s->parts.path = hls_stream_path(s, s->opts->fmp4_file, number, 0);
		s->parts.number = number;
	}
	return s->parts.path;
}

void hls_parts_hint(struct hls_stream *s)
{
	const struct hls_segment *open = s->list.open, *last = s->list.last;
	free(s->list.hint);
	free(s->parts.hint_path);
	s->list.hint = s->parts.hint_path = NULL;
	if (s->list.part_ms == 0 || !last || s->list.is_ended)
		return;
	const char *path = stem(s, open ? open->number : last->number + 1);
	s->parts.hint_path = hls_part_path(path, open ? open->part_count : 0);
	s->list.hint = pattern_relative(s->list_path, s->parts.hint_path);
}

static bool add_part(struct hls_stream *s, struct blob *blob, int64_t duration_ms, size_t from)
{
	struct hls_segment *open = s->list.open;
	char *path = hls_part_path(stem(s, open->number), open->part_count);
	if (!blob) {
		log_error("%s: a part of HLS is lost: there is no memory for it", s->key);
		free(path);
		return false;
	}
	hls_segment_add_part(open, hls_stream_put_part(s, path, blob), duration_ms,
			     is_independent(s, from, s->parts.units));
	return true;
}

/* The units that are in no part yet become one, which ends there. The segment has the bytes of its parts alone, whose
 * places in it are counted from their lengths. */
static bool cut_part(struct hls_stream *s, int64_t end)
{
	const struct cut *cut = &s->segmenter.cut;
	struct hls_parts *p = &s->parts;
	struct buf bytes = {.max = RENDER_SEGMENT_MAX};
	size_t from = p->units;
	open_segment(s);
	render_mp4_part(&s->segmenter,
			&(struct render_part){.from = from,
					      .to = cut->count,
					      .end = end,
					      .sequence = (uint32_t)(cut->number * SEQUENCES +
								     s->list.open->part_count),
					      .clock = &p->clock},
			&bytes);
	p->units = cut->count;
	p->bytes.max = RENDER_SEGMENT_MAX;
	struct blob *blob = blob_new(&bytes);
	if (blob)
		buf_put(&p->bytes, blob->p, blob->n);
	bool done = add_part(s, blob, end - p->begin, from) && buf_ok(&p->bytes);
	p->begin = end;
	return done;
}

static bool is_due(const struct hls_stream *s, int64_t time)
{
	const struct hls_parts *p = &s->parts;
	if (p->each_ms == 0 || p->units == s->segmenter.cut.count)
		return false;
	/* Or the picture that comes would not fit, if it lasts as long as the one before. */
	return time - p->begin >= p->each_ms - ROUNDING_MS + 1 ||
	       2 * time - p->last - p->begin > s->list.part_ms;
}

void hls_parts_take(struct hls_stream *s, const struct msg *msg, const struct au *au)
{
	struct hls_parts *p = &s->parts;
	if (s->segmenter.cut.count == 0 || !segmenter_can_begin(&s->segmenter, au) ||
	    !hls_stream_follows(s, s->segmenter.cut.number))
		return;
	int64_t time = segmenter_time(&s->segmenter, msg);
	if (p->units == 0 && !s->list.open)
		p->begin = s->segmenter.cut.begin;
	p->last = p->last < p->begin ? p->begin : p->last;
	if (p->each_ms == 0 && time > p->last)
		choose_length(s, time - p->last);
	if (is_due(s, time)) {
		(void)cut_part(s, time); /* told; the segment will lack it */
		hls_stream_write_parts(s);
	}
	p->last = time;
}

bool hls_parts_end(struct hls_stream *s)
{
	const struct cut *cut = &s->segmenter.cut;
	if (s->list.part_ms == 0)
		choose_length(s, s->opts->part_ms);
	if (s->parts.units == 0 && !s->list.open)
		s->parts.begin = cut->begin;
	return s->parts.units == cut->count || cut_part(s, cut->end);
}

void hls_parts_join(struct hls_segment *segment)
{
	size_t from = 0;
	for (struct hls_part *p = segment->parts; p; p = p->next) {
		blob_unref(&p->file->blob);
		p->file->blob = blob_ref(segment->file->blob);
		p->file->from = from;
		from += p->file->n;
	}
}

void hls_parts_reset(struct hls_stream *s)
{
	s->parts.units = 0;
	s->parts.last = INT64_MIN / 4;
	s->parts.clock = (struct sample_clock){0};
	buf_clear(&s->parts.bytes);
	hls_segment_free(&s->list.open);
}

void hls_parts_fini(struct hls_stream *s)
{
	hls_parts_reset(s);
	buf_free(&s->parts.bytes);
	free(s->parts.path);
	free(s->parts.hint_path);
	free(s->list.hint);
}
