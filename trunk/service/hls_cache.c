#include "service/hls_cache.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/upstream_get.h"
#include "co/waiters.h"
#include "codec/media_memory.h"
#include "service/hls_origin.h"

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
	QUERY_MAX = 256,
	KNOWN_TARGETS = 3, /* so long what is known of a stream says how far it may be */
};

enum file_state { FILE_NEW, FILE_FETCHING, FILE_HELD, FILE_REFUSED };

/* A file of the cache. */
struct cached {
	struct cached *prev, *next; /* what was asked for longest ago first */
	struct hls_cache *cache;
	struct hls_origin *stream;
	char *key, *path, *query;
	char *came_by; /* these three are of who had it fetched: */
	struct conf *conf;
	const struct conf_vhost *vhost;
	enum file_state state;
	bool is_list, waits; /* an origin with low latency answers when it has what is asked for */
	struct blob *blob;   /* also of before, while it is fetched anew */
	char *variant;
	err why;                /* FILE_REFUSED */
	char *reason;           /* likewise */
	struct hls_known known; /* of a playlist */
	int64_t fresh_ms, until_ms;
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

static void cached_free(struct cached *f)
{
	hls_origin_leave(f->cache->streams, f->stream);
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

/* Segments never change. A playlist that was asked for with a number does not, in what it was asked for, if the
 * origin has waited for that: one without low latency, or whose stream is over, answers with what there is. */
static bool is_settled(const struct cached *f)
{
	return !f->is_list || (f->waits && f->known.waits && !f->known.is_ended);
}

static int64_t lasts_ms(const struct cached *f)
{
	if (is_settled(f))
		return 2 * f->vhost->hls.window_ms;
	int64_t ms = f->known.target_ms / LIST_SHARE;
	return ms < LIST_LEAST_MS ? LIST_LEAST_MS : ms > LIST_MOST_MS ? LIST_MOST_MS : ms;
}

static void refuse(struct cached *f, err e)
{
	/* What is known of a stream is better than nothing while its origins are away. */
	bool is_of_use = f->blob && f->is_list && e != ERR_NOTFOUND &&
			 clock_ms() - f->known.made_ms < 3 * f->known.target_ms;
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
	if (f->is_list) {
		hls_known_read(&f->known, blob_span(blob), clock_ms());
		f->stream->newest = f->known;
	}
	f->fresh_ms = clock_after(lasts_ms(f));
	hls_origin_remember(f->stream, f->conf, got->from);
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
	snprintf(file->from, sizeof(file->from), "%s", hls_origin_name(f->stream, f->conf));
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
	waiters_wake(&f->waiters);
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

static struct cached *cached_new(struct hls_cache *c, const struct hls_asked *a,
				 const struct hls_want *want, const char *key, const char *path)
{
	struct cached *f = mem_new(struct cached);
	struct buf query = {.max = QUERY_MAX};
	hls_want_write(&query, want);
	f->cache = c;
	f->key = mem_strdup(key);
	f->path = mem_strdup(path);
	f->query = mem_strdup(buf_text(&query));
	f->stream = hls_origin_enter(c->streams, a);
	f->is_list = a->is_list;
	f->waits = want->waits;
	(void)map_set(c->files, key, f);
	DL_APPEND(c->oldest, f);
	buf_free(&query);
	return f;
}

/* By what a file is known; owned by the caller. */
static char *key_of(const struct hls_asked *a, const struct hls_want *want, const char *path)
{
	struct buf query = {.max = QUERY_MAX};
	hls_want_write(&query, want);
	char *key = mem_printf("%s%s?%s", a->vhost->name, path, buf_text(&query));
	buf_free(&query);
	return key;
}

static struct cached *get(struct hls_cache *c, const struct hls_asked *a,
			  const struct hls_want *want, const char *path)
{
	char *key = key_of(a, want, path);
	struct cached *f = map_get(c->files, key);
	if (!f) {
		make_room(c, 0);
		f = cached_new(c, a, want, key, path);
	}
	DL_DELETE(c->oldest, f);
	DL_APPEND(c->oldest, f);
	f->until_ms = clock_after(2 * a->vhost->hls.window_ms);
	free(key);
	return f;
}

static err give(const struct cached *f, struct hls_file *out)
{
	if (f->state == FILE_REFUSED)
		return err_fail(f->why, "%s", f->reason);
	*out = (struct hls_file){.blob = blob_ref(f->blob),
				 .variant = mem_strdup(f->variant ? f->variant : ""),
				 .known = f->known};
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
	TRY(waiters_wait(&f->waiters));
	return give(f, out);
}

static err have(struct hls_cache *c, const struct hls_asked *a, const struct hls_want *want,
		const char *path, struct hls_file *out)
{
	struct cached *f = get(c, a, want, path);
	if (!c->keeper)
		c->keeper = co_start_in(&c->server->services, "hls-cache", keeper_main, c);
	f->users++;
	err e = obtain(f, a, out);
	f->users--;
	return e;
}

static bool is_held(const struct hls_cache *c, const struct hls_asked *a, const char *path)
{
	char *key = key_of(a, &a->want, path);
	bool held = map_get(c->files, key) != NULL;
	free(key);
	return held;
}

/* A reload that nobody has asked for yet. Nothing in *out: it is to be asked for. */
static err judge(struct hls_cache *c, const struct hls_asked *a, const char *path,
		 struct hls_file *out)
{
	struct hls_want plain = {.skips = a->want.skips};
	const struct hls_origin *stream = hls_origin_find(c->streams, a);
	struct hls_known newest = stream ? stream->newest : (struct hls_known){0};
	if (!newest.is_known || clock_ms() - newest.made_ms > KNOWN_TARGETS * newest.target_ms) {
		TRY(have(c, a, &plain, path, out));
		newest = out->known;
		hls_file_fini(out);
	}
	if (hls_known_is_far(&newest, &a->want, clock_ms()))
		return err_fail(ERR_LIMIT, "segment %lld is too far ahead of %lld",
				(long long)a->want.number, (long long)newest.last);
	if (!hls_known_has(&newest, &a->want))
		return OK;
	TRY(have(c, a, &plain, path, out));
	if (!hls_known_has(&out->known, &a->want))
		hls_file_fini(out);
	return OK;
}

err hls_cache_get(struct hls_cache *c, const struct hls_asked *a, const char *path,
		  struct hls_file *out)
{
	static const struct hls_want nothing;
	if (a->is_list && a->want.waits && !is_held(c, a, path))
		TRY(judge(c, a, path, out));
	return out->blob ? OK : have(c, a, a->is_list ? &a->want : &nothing, path, out);
}

struct hls_cache_facts hls_cache_facts(const struct hls_cache *c)
{
	struct hls_cache_facts facts = c->facts;
	facts.files = map_count(c->files);
	return facts;
}
