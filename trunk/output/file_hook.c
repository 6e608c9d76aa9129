#include "output/file_hook.h"

#include "base/mem.h"
#include "codec/url.h"
#include "node/hook_queue.h"
#include "node/json.h"

#include <stdlib.h>
#include <unistd.h>

enum { BODY_MAX = 16384, CWD_MAX = 4096 };

struct file_hook {
	struct server *server;
	struct conf *conf;
	const struct conf_http_hooks *hooks;
	const struct text_list *urls;
	const char *event;
	json_t *body;
};

static void put_ids(json_t *body, const struct file_hook_stream *s)
{
	char *key = stream_key(s->vhost->name, s->app, s->stream);
	char *url = mem_printf("%s%s", *key == '/' ? "" : "/", key);
	const struct stat_id *id = stat_stream_find(&s->server->stat, key);
	json_put_text(body, "stream_url", url);
	if (id)
		json_put_text(body, "stream_id", id->id);
	free(url);
	free(key);
}

static struct file_hook *begin(const struct file_hook_stream *s, const char *event,
			       const struct text_list *urls)
{
	const struct conf_http_hooks *hooks = &s->vhost->http_hooks;
	if (!hooks->enabled || urls->count == 0)
		return NULL;
	struct file_hook *h = mem_new(struct file_hook);
	*h = (struct file_hook){.server = s->server,
				.conf = conf_ref(s->conf),
				.hooks = hooks,
				.urls = urls,
				.event = event,
				.body = json_object()};
	char *tc_url = mem_printf("rtmp://%s/%s", s->vhost->name, s->app);
	json_put_text(h->body, "server_id", s->server->server_id);
	json_put_text(h->body, "service_id", s->server->service_id);
	json_put_text(h->body, "action", event);
	json_put_text(h->body, "client_id", co_id());
	json_put_text(h->body, "ip", "");
	json_put_text(h->body, "vhost", s->vhost->name);
	json_put_text(h->body, "app", s->app);
	json_put_text(h->body, "tcUrl", tc_url);
	json_put_text(h->body, "stream", s->stream);
	json_put_text(h->body, "param", "");
	put_ids(h->body, s);
	free(tc_url);
	return h;
}

struct file_hook *file_hook_dvr(const struct file_hook_stream *stream)
{
	return begin(stream, "on_dvr", &stream->vhost->http_hooks.on_dvr);
}

struct file_hook *file_hook_hls(const struct file_hook_stream *stream,
				const struct file_hook_segment *segment)
{
	struct file_hook *h = begin(stream, "on_hls", &stream->vhost->http_hooks.on_hls);
	if (!h)
		return NULL;
	json_object_set_new(h->body, "duration", json_real((double)segment->duration_ms / 1000));
	json_put_text(h->body, "url", segment->url);
	json_put_text(h->body, "m3u8", segment->list_file);
	json_put_text(h->body, "m3u8_url", segment->list_url);
	json_put_int(h->body, "seq_no", segment->number);
	return h;
}

static void tell(struct file_hook *h)
{
	char *text = json_dumps(h->body, JSON_COMPACT);
	struct hook_notice notice = {
		.event = h->event,
		.content_type = "application/json",
		.body = span_str(text ? text : "{}"),
		.timeout_ms = h->hooks->notice_timeout_ms,
		.age_ms = h->hooks->notice_age_ms,
		.queue_max = h->hooks->notice_queue,
	};
	for (int i = 0; i < h->urls->count; i++) {
		notice.url = h->urls->v[i];
		hook_queue_put(h->server->hook_queue, &notice);
	}
	free(text);
}

void file_hook_done(void *hook, const char *path)
{
	struct file_hook *h = hook;
	if (!h)
		return;
	/* The path as it is configured: what stands in front is the folder of the process. */
	if (path && strncmp(path, "././", 4) == 0)
		path += 2;
	if (path) {
		char *cwd = mem_alloc(CWD_MAX);
		json_put_text(h->body, "cwd", getcwd(cwd, CWD_MAX) ? cwd : "");
		free(cwd);
		json_put_text(h->body, "file", path);
		tell(h);
	}
	json_decref(h->body);
	conf_unref(&h->conf);
	free(h);
}
