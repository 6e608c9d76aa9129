#include "output/hls_stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "output/pattern.h"

#include <stdlib.h>

const char hls_type_list[] = "application/vnd.apple.mpegurl";
const char hls_type_ts[] = "video/MP2T";
const char hls_type_mp4[] = "video/mp4";
const char hls_type_init[] = "video/mp4";
const char hls_type_key[] = "application/octet-stream";

void hls_begin(struct hls *hls, struct source *source)
{
	const struct conf_vhost *vhost = conf_vhost_find(hls->server->conf, source->vhost);
	struct hls_stream *s = map_get(hls->streams, source->key);
	if (!vhost || !vhost->hls.enabled || vhost->cluster.mode == MODE_REMOTE)
		return;
	if (!pattern_name_ok(source->app) || !pattern_name_ok(source->stream) ||
	    !pattern_name_ok(source->vhost)) {
		log_warn("no HLS of %s: its name cannot be the name of a file", source->key);
		return;
	}
	if (s)
		hls_stream_begin(s, source);
	else
		hls_stream_new(hls, source, vhost);
}

static void begins(struct source_observer *observer, struct source *source, bool resumed)
{
	(void)resumed;
	hls_begin(container_of(observer, struct hls, observer), source);
}

struct hls *hls_new(struct server *server)
{
	struct hls *hls = mem_new(struct hls);
	hls->server = server;
	hls->streams = map_new();
	hls->items = map_new();
	hls->observer.on_begin = begins;
	registry_observe(&server->registry, &hls->observer);
	return hls;
}

void hls_free(struct hls **hls)
{
	struct hls *h = *hls;
	*hls = NULL;
	if (!h)
		return;
	registry_unobserve(&h->server->registry, &h->observer);
	map_free(&h->streams);
	map_free(&h->items);
	free(h);
}

const struct hls_item *hls_find(const struct hls *hls, const char *vhost, const char *path)
{
	if (map_count(hls->items) == 0) /* an edge */
		return NULL;
	char *key = mem_printf("%s%s", vhost, path);
	const struct hls_item *item = map_get(hls->items, key);
	free(key);
	return item;
}

struct hls_name hls_name_of(const struct hls_item *item)
{
	const struct hls_stream *s = item->ctx;
	return (struct hls_name){mem_strdup(s->app), mem_strdup(s->stream),
				 mem_strdup(s->list_path)};
}

void hls_name_fini(struct hls_name *name)
{
	free(name->app);
	free(name->stream);
	free(name->list_path);
	*name = (struct hls_name){0};
}

/* A key must not come by another name. */
static void remove_file(struct hls_stream *s, const struct hls_item *item)
{
	if (item->type != hls_type_list && item->type != hls_type_key)
		files_retire(s->files, item->path);
	else
		files_remove(s->files, item->path);
}

static void forget(struct hls_item *item)
{
	struct hls_stream *s = item->ctx;
	char *key = mem_printf("%s/%s", s->vhost, item->path);
	if (map_get(s->hls->items, key) == item)
		(void)map_remove(s->hls->items, key);
	if (item->has_file && s->files && s->opts->cleanup)
		remove_file(s, item);
	free(key);
}

struct hls_item *hls_stream_put(struct hls_stream *s, char *path, struct blob *blob,
				const char *type)
{
	return hls_stream_put_segment(s, path, blob, type, (struct files_done){0});
}

struct hls_item *hls_stream_put_part(struct hls_stream *s, char *path, struct blob *blob)
{
	struct hls_item *item = hls_item_new(s->list_path, path, blob, hls_type_mp4);
	char *key = mem_printf("%s/%s", s->vhost, path);
	item->on_free = forget;
	item->ctx = s;
	(void)map_set(s->hls->items, key, item);
	free(key);
	return item;
}

struct hls_item *hls_stream_put_file(struct hls_stream *s, char *path, const char *type, size_t n)
{
	struct hls_item *item = hls_stream_put_part(s, path, NULL);
	item->type = type;
	item->has_file = true;
	item->n = n;
	return item;
}

struct hls_item *hls_stream_put_segment(struct hls_stream *s, char *path, struct blob *blob,
					const char *type, struct files_done done)
{
	struct hls_item *item = hls_stream_put_part(s, path, blob);
	item->type = type;
	item->has_file = s->files != NULL;
	if (s->files)
		files_write(s->files, path, blob, done);
	else if (done.fn)
		done.fn(done.ctx, path);
	return item;
}
