#include "output/hls_list.h"
#include "base/mem.h"
#include "output/pattern.h"

#include <stdlib.h>

struct hls_item *hls_item_new(const char *list_path, char *path, struct blob *blob,
			      const char *type)
{
	struct hls_item *item = mem_new(struct hls_item);
	*item = (struct hls_item){.refs = 1,
				  .path = path,
				  .uri = pattern_relative(list_path, path),
				  .blob = blob,
				  .n = blob ? blob->n : 0,
				  .type = type};
	return item;
}

struct hls_item *hls_item_ref(struct hls_item *item)
{
	item->refs++;
	return item;
}

void hls_item_unref(struct hls_item **item)
{
	struct hls_item *i = *item;
	*item = NULL;
	if (!i || --i->refs > 0)
		return;
	if (i->on_free)
		i->on_free(i);
	blob_unref(&i->blob);
	free(i->path);
	free(i->uri);
	free(i->tag);
	free(i);
}

void hls_segment_add_part(struct hls_segment *s, struct hls_item *file, int64_t duration_ms,
			  bool is_independent)
{
	struct hls_part *part = mem_new(struct hls_part), **at = &s->parts;
	*part = (struct hls_part){
		.file = file, .duration_ms = duration_ms, .is_independent = is_independent};
	while (*at)
		at = &(*at)->next;
	*at = part;
	s->part_count++;
}

static void free_parts(struct hls_segment *s)
{
	struct hls_part *part;
	while ((part = s->parts)) {
		s->parts = part->next;
		hls_item_unref(&part->file);
		free(part);
	}
}

void hls_segment_free(struct hls_segment **segment)
{
	struct hls_segment *s = *segment;
	*segment = NULL;
	if (!s)
		return;
	free_parts(s);
	hls_item_unref(&s->file);
	hls_item_unref(&s->init);
	hls_item_unref(&s->key);
	free(s);
}

static void remove_first(struct hls_list *l, int64_t now_ms)
{
	struct hls_segment *s = l->first, **at = &l->old;
	l->first = s->next;
	l->last = l->first ? l->last : NULL;
	l->count--;
	l->duration_ms -= s->duration_ms;
	l->discontinuities += s->is_discontinuous;
	s->next = NULL;
	s->gone_ms = now_ms + s->duration_ms + l->longest_ms;
	while (*at)
		at = &(*at)->next;
	*at = s;
}

static int64_t rounded_s(int64_t ms)
{
	return (ms + 500) / 1000;
}

/* Players have the whole segments by then. */
static void drop_old_parts(struct hls_list *l)
{
	int64_t behind = l->duration_ms;
	for (struct hls_segment *s = l->first; s; s = s->next) {
		behind -= s->duration_ms;
		if (behind > 6 * l->target_s * 1000)
			free_parts(s);
	}
}

void hls_list_add(struct hls_list *l, struct hls_segment *s, int64_t window_ms, int64_t now_ms)
{
	if (l->last)
		l->last->next = s;
	else
		l->first = s;
	l->last = s;
	l->count++;
	l->duration_ms += s->duration_ms;
	l->is_ended = false;
	if (rounded_s(s->duration_ms) > l->target_s)
		l->target_s = rounded_s(s->duration_ms);
	int64_t least = 3 * l->target_s * 1000;
	int64_t keep = window_ms > least ? window_ms : least;
	while (l->duration_ms - l->first->duration_ms >= keep)
		remove_first(l, now_ms);
	l->longest_ms = l->duration_ms > l->longest_ms ? l->duration_ms : l->longest_ms;
	drop_old_parts(l);
}

void hls_list_retire(struct hls_list *l, int64_t now_ms)
{
	while (l->first)
		remove_first(l, now_ms);
}

struct hls_segment *hls_list_expired(struct hls_list *l, int64_t now_ms)
{
	struct hls_segment *s = l->old;
	if (!s || s->gone_ms > now_ms)
		return NULL;
	l->old = s->next;
	s->next = NULL;
	return s;
}

struct hls_bandwidth hls_list_bandwidth(const struct hls_list *l)
{
	int64_t bits = 0, ms = 0, peak = 0;
	for (const struct hls_segment *s = l->first; s; s = s->next) {
		int64_t own = s->duration_ms > 0 ? (int64_t)s->bytes * 8000 / s->duration_ms : 0;
		peak = own > peak ? own : peak;
		bits += (int64_t)s->bytes * 8;
		ms += s->duration_ms;
	}
	int64_t average = ms > 0 ? bits * 1000 / ms : 0;
	return (struct hls_bandwidth){peak > 0 ? peak : 1, average > 0 ? average : 1};
}

struct hls_segment *hls_list_shrink(struct hls_list *l)
{
	struct hls_segment *s = hls_list_expired(l, INT64_MAX);
	if (!s && l->first && l->duration_ms - l->first->duration_ms >= 3 * l->target_s * 1000) {
		remove_first(l, 0);
		s = hls_list_expired(l, INT64_MAX);
	}
	return s;
}
