#include "service/hls_cache.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/upstream_get.h"
#include "codec/media_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	FETCHES_MAX = 1024,        /* at a time */
	FILES_MAX = 65536,         /* in all */
	FILE_BYTES_MAX = 64 << 20, /* of one */
	ATTEMPT_MS = 5000,         /* for one origin */
	REFUSED_MS = 500,          /* so long a file that could not be had is not asked for again */
	LIST_LEAST_MS = 200,       /* a playlist is new for a part of its target duration: */
	LIST_MOST_MS = 1000,
	LIST_SHARE = 4,
	STEP_MS = 1000,
};

enum file_state { FILE_NEW, FILE_FETCHING, FILE_HELD, FILE_REFUSED };

struct waiter {
	struct waiter *prev, *next;
	struct co *co;
	bool is_queued;
};

/* A stream of which files are held. */
struct cached_stream {
	int files;
	char *key;
	char *from;        /* the origin that had it last; NULL */
	struct conf *conf; /* that knew this origin; NULL */
};

/* One file. */
struct cached {
	struct cached *prev, *next; /* what was asked for longest ago first */
	struct hls_cache *cache;
	struct cached_stream *stream;
	char *key, *path, *query;
	char *came_by; /* these three are of who had it fetched: */
	struct conf *conf;
	const struct conf_vhost *vhost;
	enum file_state state;
	bool is_list, waits; /* an origin with low latency answers when it has what is asked for */
	struct blob *blob;   /* also of before, while it is fetched anew */
	char *variant;
	err why;      /* FILE_REFUSED */
	char *reason; /* likewise */
	int64_t fresh_ms, until_ms, made_ms;
	struct waiter *waiters;
	int users; /* requests that have it in hand */
};

struct hls_cache {
	struct server *server;
	struct map *files;
	struct cached *oldest;
	struct map *streams; /* those of the files, by their keys */
	int fetching;
	struct co *keeper; /* NULL while nothing is held */
	struct hls_cache_facts facts;
};

void hls_file_fini(struct hls_file *file)
{
	blob_unref(&file->blob);
	free(file->variant);
	*file = (struct hls_file){0};
}

struct hls_cache *hls_cache_new(struct server *server)
{
	struct hls_cache *cache = mem_new(struct hls_cache);
	cache->server = server;
	cache->files = map_new();
	cache->streams = map_new();
	return cache;
}

/* ---- what is held ---- */

static void set_blob(struct cached *f, struct blob *blob)
{
	f->cache->facts.bytes -= f->blob ? f->blob->n : 0;
	blob_unref(&f->blob);
	f->blob = blob;
	f->cache->facts.bytes += blob ? blob->n : 0;
}

static struct cached_stream *stream_enter(struct hls_cache *c, const struct hls_asked *a)
{
	char *key = stream_key(a->vhost->name, a->name.app, a->name.stream);
	struct cached_stream *s = map_get(c->streams, key);
	if (!s) {
		s = mem_new(struct cached_stream);
		s->key = mem_strdup(key);
		(void)map_set(c->streams, key, s);
	}
	free(key);
	s->files++;
	return s;
}

static void stream_leave(struct hls_cache *c, struct cached_stream *s)
{
	if (--s->files > 0)
		return;
	(void)map_remove(c->streams, s->key);
	conf_unref(&s->conf);
	free(s->from);
	free(s->key);
	free(s);
}

static void cached_free(struct cached *f)
{
	stream_leave(f->cache, f->stream);
	(void)map_remove(f->cache->files, f->key);
	DL_DELETE(f->cache->oldest, f);
	set_blob(f, NULL);
	conf_unref(&f->conf);
	free(f->variant);
	free(f->key);
	free(f->path);
	free(f->query);
	free(f->came_by);
	free(f->reason);
	free(f);
}

void hls_cache_free(struct hls_cache **cache)
{
	struct hls_cache *c = *cache;
	*cache = NULL;
	if (!c)
		return;
	while (c->oldest)
		cached_free(c->oldest);
	map_free(&c->streams);
	map_free(&c->files);
	free(c);
}

static bool is_idle(const struct cached *f)
{
	return f->state != FILE_FETCHING && f->users == 0;
}

/* The oldest ones go until n bytes fit. */
static void make_room(struct hls_cache *c, size_t n)
{
	struct cached *f, *next;
	DL_FOREACH_SAFE (c->oldest, f, next) {
		if (media_memory_has_room(n) && map_count(c->files) < FILES_MAX)
			break;
		if (is_idle(f))
			cached_free(f);
	}
}

static void keeper_main(void *arg)
{
	struct hls_cache *c = arg;
	struct cached *f, *next;
	while (c->oldest && co_wait(clock_after(STEP_MS)) != ERR_STOPPED) {
		int64_t now = clock_ms();
		DL_FOREACH_SAFE (c->oldest, f, next)
			if (f->until_ms <= now && is_idle(f))
				cached_free(f);
		make_room(c, 0);
	}
	c->keeper = NULL;
}

/* ---- a fetch ---- */

static void wake_all(struct cached *f)
{
	struct waiter *w;
	while ((w = f->waiters)) {
		DL_DELETE(f->waiters, w);
		w->is_queued = false;
		co_wake(w->co);
	}
}

static int64_t target_ms(const struct blob *list)
{
	static const char tag[] = "#EXT-X-TARGETDURATION:";
	const char *at = memmem(list->p, list->n, tag, sizeof(tag) - 1);
	int64_t s = 0;
	for (at = at ? at + sizeof(tag) - 1 : NULL;
	     at && at < (const char *)list->p + list->n && *at >= '0' && *at <= '9' && s < 3600;
	     at++)
		s = 10 * s + (*at - '0');
	return s * 1000;
}

static bool has_text(const struct blob *list, const char *text)
{
	return memmem(list->p, list->n, text, strlen(text)) != NULL;
}

/* Segments never change. A playlist that was asked for with a number does not, in what it was asked for, if the
 * origin has waited for that: one without low latency, or whose stream is over, answers with what there is. */
static bool is_settled(const struct cached *f)
{
	return !f->is_list || (f->waits && has_text(f->blob, "CAN-BLOCK-RELOAD=YES") &&
			       !has_text(f->blob, "#EXT-X-ENDLIST"));
}

static int64_t lasts_ms(const struct cached *f)
{
	if (is_settled(f))
		return 2 * f->vhost->hls.window_ms;
	int64_t ms = target_ms(f->blob) / LIST_SHARE;
	return ms < LIST_LEAST_MS ? LIST_LEAST_MS : ms > LIST_MOST_MS ? LIST_MOST_MS : ms;
}

/* An origin is remembered for as long as the configuration is the one that it comes from. */
static const char *origin_of(const struct cached *f)
{
	return f->stream->conf == f->conf ? f->stream->from : "";
}

static void remember_origin(const struct cached *f, const char *name)
{
	struct cached_stream *s = f->stream;
	conf_unref(&s->conf);
	free(s->from);
	s->conf = conf_ref(f->conf);
	s->from = mem_strdup(name);
}

static void refuse(struct cached *f, err e)
{
	/* What is known of a stream is better than nothing while its origins are away. */
	bool is_of_use = f->blob && f->is_list && e != ERR_NOTFOUND &&
			 clock_ms() - f->made_ms < 3 * target_ms(f->blob);
	f->cache->facts.failures++;
	f->state = is_of_use ? FILE_HELD : FILE_REFUSED;
	f->why = e;
	free(f->reason);
	f->reason = mem_strdup(err_trail(e));
	f->fresh_ms = clock_after(REFUSED_MS);
	if (!is_of_use)
		set_blob(f, NULL);
}

static void take(struct cached *f, struct upstream_file *got)
{
	make_room(f->cache, got->body.n);
	struct blob *blob = blob_new(&got->body);
	if (!blob) {
		refuse(f, err_fail(ERR_FULL, "there is no memory for a file of HLS"));
		return;
	}
	set_blob(f, blob);
	free(f->variant);
	f->variant = mem_strdup(got->variant);
	f->state = FILE_HELD;
	f->made_ms = clock_ms();
	f->fresh_ms = clock_after(lasts_ms(f));
	remember_origin(f, got->from);
}

static void fetch_main(void *arg)
{
	struct cached *f = arg;
	struct hls_cache *c = f->cache;
	struct upstream_file *file = mem_new(struct upstream_file);
	*file = (struct upstream_file){
		.vhost = f->vhost,
		.key = f->stream->key,
		.path = f->path,
		.query = f->query,
		.came_by = f->came_by,
		.body_max = FILE_BYTES_MAX,
		.attempt_ms = ATTEMPT_MS + (f->waits ? 3 * f->vhost->hls.fragment_ms : 0),
	};
	snprintf(file->from, sizeof(file->from), "%s", origin_of(f));
	err e = upstream_get(c->server->cluster, file);
	if (e)
		log_debug("HLS %s: %s", log_quote(f->path), err_trail(e));
	if (e)
		refuse(f, e);
	else
		take(f, file);
	c->fetching--;
	buf_free(&file->body);
	free(file);
	wake_all(f);
}

/* A reload may have changed the origins since the file was asked for first. */
static void take_asker(struct cached *f, const struct hls_asked *a)
{
	struct conf *conf = conf_ref(a->request.conf);
	conf_unref(&f->conf);
	free(f->came_by);
	f->conf = conf;
	f->vhost = a->vhost;
	f->came_by = mem_strdup(a->request.is_relay ? a->request.path : "");
}

static err start(struct cached *f, const struct hls_asked *a)
{
	struct hls_cache *c = f->cache;
	enum file_state was = f->state;
	if (c->fetching >= FETCHES_MAX)
		return err_fail(ERR_FULL, "too many files of HLS are being fetched");
	take_asker(f, a);
	f->state = FILE_FETCHING;
	c->fetching++;
	c->facts.fetches++;
	if (co_start_in(&c->server->services, "hls-fetch", fetch_main, f))
		return OK;
	f->state = was;
	c->fetching--;
	return err_fail(ERR_FULL, "there is no memory to fetch a file of HLS");
}

/* ---- a request ---- */

static struct cached *cached_new(struct hls_cache *c, const struct hls_asked *a, const char *key,
				 const char *path, const char *query)
{
	struct cached *f = mem_new(struct cached);
	f->cache = c;
	f->key = mem_strdup(key);
	f->path = mem_strdup(path);
	f->query = mem_strdup(query);
	f->stream = stream_enter(c, a);
	f->is_list = a->is_list;
	f->waits = a->want.waits;
	(void)map_set(c->files, key, f);
	DL_APPEND(c->oldest, f);
	return f;
}

static struct cached *get(struct hls_cache *c, const struct hls_asked *a, const char *path)
{
	struct buf query = {.max = 256};
	hls_want_write(&query, &a->want);
	char *key = mem_printf("%s%s?%s", a->vhost->name, path, buf_text(&query));
	struct cached *f = map_get(c->files, key);
	if (!f) {
		make_room(c, 0);
		f = cached_new(c, a, key, path, buf_text(&query));
	}
	DL_DELETE(c->oldest, f);
	DL_APPEND(c->oldest, f);
	f->until_ms = clock_after(2 * a->vhost->hls.window_ms);
	free(key);
	buf_free(&query);
	return f;
}

static err wait_for(struct cached *f)
{
	struct waiter self = {.co = co_self(), .is_queued = true};
	err e = OK;
	DL_APPEND(f->waiters, &self);
	while (self.is_queued && e == OK)
		e = co_wait(CLOCK_NEVER);
	if (self.is_queued)
		DL_DELETE(f->waiters, &self);
	return e;
}

static err give(const struct cached *f, struct hls_file *out)
{
	if (f->state == FILE_REFUSED)
		return err_fail(f->why, "%s", f->reason);
	*out = (struct hls_file){.blob = blob_ref(f->blob),
				 .variant = mem_strdup(f->variant ? f->variant : "")};
	return OK;
}

static err obtain(struct cached *f, const struct hls_asked *a, struct hls_file *out)
{
	bool is_known = f->state == FILE_HELD || f->state == FILE_REFUSED;
	if (is_known && f->fresh_ms > clock_ms()) {
		f->cache->facts.hits++;
		return give(f, out);
	}
	if (f->state != FILE_FETCHING)
		TRY(start(f, a));
	TRY(wait_for(f));
	return give(f, out);
}

err hls_cache_get(struct hls_cache *c, const struct hls_asked *a, const char *path,
		  struct hls_file *out)
{
	struct cached *f = get(c, a, path);
	if (!c->keeper)
		c->keeper = co_start_in(&c->server->services, "hls-cache", keeper_main, c);
	f->users++;
	err e = obtain(f, a, out);
	f->users--;
	return e;
}

struct hls_cache_facts hls_cache_facts(const struct hls_cache *c)
{
	struct hls_cache_facts facts = c->facts;
	facts.files = map_count(c->files);
	return facts;
}
