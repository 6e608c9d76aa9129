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

void hls_segment_free(struct hls_segment **segment)
{
	struct hls_segment *s = *segment;
	*segment = NULL;
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

static void write_segment(const struct hls_list *l, const struct hls_segment *s,
			  const struct hls_segment *before, struct buf *out)
{
	if (s->is_discontinuous)
		buf_printf(out, "#EXT-X-DISCONTINUITY\n");
	bool is_new_init = s->init && (!before || before->init != s->init);
	const struct hls_item *key = before ? before->key : NULL;
	/* A key is for initialization segments behind it too, and those are not encrypted. */
	if (key && (!s->key || is_new_init)) {
		buf_printf(out, "#EXT-X-KEY:METHOD=NONE\n");
		key = NULL;
	}
	if (is_new_init)
		buf_printf(out, "#EXT-X-MAP:URI=\"%s\"\n", s->init->uri);
	if (s->key && s->key != key)
		buf_printf(out, "#EXT-X-KEY:%s\n", s->key->tag);
	buf_printf(out, "#EXTINF:%lld.%03d, no desc\n", (long long)(s->duration_ms / 1000),
		   (int)(s->duration_ms % 1000));
	buf_printf(out, "%s%s\n", l->prefix ? l->prefix : "", s->file->uri);
}

void hls_list_write(const struct hls_list *l, struct buf *out)
{
	const struct hls_segment *before = NULL;
	bool has_init = false;
	for (const struct hls_segment *s = l->first; s; s = s->next)
		has_init |= s->init != NULL;
	buf_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n", has_init ? 7 : 3);
	buf_printf(out, "#EXT-X-MEDIA-SEQUENCE:%lld\n",
		   (long long)(l->first ? l->first->number : 0));
	if (l->discontinuities > 0)
		buf_printf(out, "#EXT-X-DISCONTINUITY-SEQUENCE:%lld\n",
			   (long long)l->discontinuities);
	buf_printf(out, "#EXT-X-TARGETDURATION:%lld\n", (long long)l->target_s);
	for (const struct hls_segment *s = l->first; s; s = s->next) {
		write_segment(l, s, before, out);
		before = s;
	}
	if (l->is_ended)
		buf_printf(out, "#EXT-X-ENDLIST\n");
}
