/* Requests that wait for news: a playlist with a certain part, the part that comes next (RFC 8216bis 6.2.5.2). */
#include "output/hls_stream.h"

#include "base/mem.h"
#include "codec/url.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { MS = 1000, WAIT_TARGETS = 3, AHEAD_MS = 3000, AHEAD_SEGMENTS = 2 };

static struct hls_stream *find(const struct hls *hls, const char *vhost,
			       const struct hls_name *name)
{
	char *key = stream_key(vhost, name->app, name->stream);
	struct hls_stream *s = map_get(hls->streams, key);
	free(key);
	return s;
}

static bool is_list(const struct hls_stream *s, const char *path)
{
	return strcmp(path + 1, s->list_path) == 0;
}

bool hls_expects(const struct hls *hls, const char *vhost, const struct hls_name *name,
		 const char *path)
{
	const struct hls_stream *s = find(hls, vhost, name);
	if (!s || !s->source || !s->opts->low_latency || s->list.is_ended)
		return false;
	return is_list(s, path) ? !s->list_item
				: s->parts.hint_path && strcmp(path + 1, s->parts.hint_path) == 0;
}

struct blob *hls_delta(const struct hls *hls, const char *vhost, const struct hls_name *name)
{
	struct hls_stream *s = find(hls, vhost, name);
	return s && s->list_item ? hls_stream_delta(s) : NULL;
}

/* ---- whether it is there ---- */

static int parts_of(const struct hls_list *l, int64_t number)
{
	if (l->open && l->open->number == number)
		return l->open->part_count;
	return l->last && l->last->number == number ? l->last->part_count : 0;
}

static enum hls_awaited look_at_list(const struct hls_list *l, const struct hls_want *want)
{
	int64_t number = want->number, part = want->part, last = l->last ? l->last->number : 0;
	if (l->part_ms == 0 || l->is_ended)
		return HLS_IS_THERE;
	if (number > last + AHEAD_SEGMENTS)
		return HLS_TOO_FAR;
	if (number == last && want->for_part && part >= parts_of(l, last)) {
		number++; /* one behind the end of a segment is the first of the next */
		part = 0;
	}
	if (number <= last)
		return HLS_IS_THERE;
	int64_t ahead = l->part_ms < MS ? AHEAD_MS / l->part_ms : AHEAD_MS / MS;
	if (want->for_part && part >= parts_of(l, number) + ahead)
		return HLS_TOO_FAR;
	return want->for_part && part < parts_of(l, number) ? HLS_IS_THERE : HLS_NOT_THERE;
}

static enum hls_awaited look(const struct hls *hls, const char *vhost, const struct hls_name *name,
			     const char *path, const struct hls_want *want, bool *may_come)
{
	const struct hls_item *item = hls_find(hls, vhost, path);
	if (item && !want->waits)
		return HLS_IS_THERE;
	const struct hls_stream *s = find(hls, vhost, name);
	*may_come = s && (item || hls_expects(hls, vhost, name, path));
	if (!item)
		return HLS_NOT_THERE;
	return s && is_list(s, path) ? look_at_list(&s->list, want) : HLS_IS_THERE;
}

/* ---- waiting ---- */

void hls_stream_wake(struct hls_stream *s)
{
	struct hls_waiter *waiter;
	while ((waiter = s->waiters)) {
		DL_DELETE(s->waiters, waiter);
		waiter->is_queued = false;
		co_wake(waiter->co);
	}
}

static err wait_for_news(struct hls_stream *s, int64_t deadline)
{
	struct hls_waiter self = {.co = co_self(), .is_queued = true};
	err e = OK;
	DL_APPEND(s->waiters, &self);
	while (self.is_queued && e == OK)
		e = co_wait(deadline);
	if (self.is_queued) /* then the stream is still there */
		DL_DELETE(s->waiters, &self);
	return e;
}

static int64_t patience_ms(const struct hls_stream *s)
{
	int64_t target = s->list.target_s > 0 ? s->list.target_s : 1;
	return WAIT_TARGETS * target * MS;
}

err hls_await(const struct hls *hls, const char *vhost, const struct hls_name *name,
	      const char *path, const struct hls_want *want, enum hls_awaited *result)
{
	int64_t deadline = 0;
	bool may_come = false;
	for (;;) {
		*result = look(hls, vhost, name, path, want, &may_come);
		if (*result != HLS_NOT_THERE || !may_come)
			return OK;
		struct hls_stream *s = find(hls, vhost, name);
		deadline = deadline ? deadline : clock_after(patience_ms(s));
		err e = wait_for_news(s, deadline);
		if (e == ERR_TIMEOUT) {
			*result = HLS_TOO_LATE;
			return OK;
		}
		if (e)
			return e;
	}
}
