#include "output/file_hook.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "node/hook_form.h"
#include "node/hook_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY_MAX = 128 * 1024, CWD_MAX = 4096, WARM_MS = 10000 };

struct file_hook {
	struct server *server;
	struct conf *conf;
	const struct conf_http_hooks *hooks;
	const struct text_list *urls, *warm;
	const char *event;
	size_t notify_max; /* bytes of an answer that are of interest */
	json_t *body;
};

/* ---- who publishes ---- */

void file_hook_look(struct file_hook_publisher *p, const struct source *source)
{
	const struct client *c = source && source->feeder ? source->feeder->client : NULL;
	if (!c)
		return;
	file_hook_publisher_fini(p);
	snprintf(p->id, sizeof(p->id), "%s", c->id);
	snprintf(p->stream_id, sizeof(p->stream_id), "%s", c->of_stream ? c->of_stream->id : "");
	client_ip(p->ip, c);
	p->tc_url = mem_strdup(c->tc_url);
	p->param = mem_strdup(c->param);
}

void file_hook_publisher_fini(struct file_hook_publisher *p)
{
	free(p->tc_url);
	free(p->param);
	*p = (struct file_hook_publisher){0};
}

/* ---- the body ---- */

/* A stream that another server has may have no publisher here. */
static void put_publisher(json_t *body, const struct file_hook_stream *s)
{
	const struct file_hook_publisher *p = s->publisher;
	char *tc_url = p->tc_url ? mem_strdup(p->tc_url)
				 : mem_printf("rtmp://%s/%s", s->vhost->name, s->app);
	json_put_text(body, "client_id", p->tc_url ? p->id : co_id());
	json_put_text(body, "ip", p->ip);
	json_put_text(body, "vhost", s->vhost->name);
	json_put_text(body, "app", s->app);
	json_put_text(body, "tcUrl", tc_url);
	json_put_text(body, "stream", s->stream);
	json_put_text(body, "param", p->param ? p->param : "");
	free(tc_url);
}

static void put_ids(json_t *body, const struct file_hook_stream *s)
{
	char *key = stream_key(s->vhost->name, s->app, s->stream);
	char *url = mem_printf("%s%s", *key == '/' ? "" : "/", key);
	const struct stat_id *id = stat_stream_find(&s->server->stat, key);
	json_put_text(body, "stream_url", url);
	if (id || *s->publisher->stream_id)
		json_put_text(body, "stream_id", id ? id->id : s->publisher->stream_id);
	free(url);
	free(key);
}

/* The members have SRS's order; what is known when the file is there has its place. */
static struct file_hook *begin(const struct file_hook_stream *s, const char *event,
			       const struct text_list *urls, const struct text_list *warm)
{
	const struct conf_http_hooks *hooks = &s->vhost->http_hooks;
	if (!hooks->enabled || urls->count + (warm ? warm->count : 0) == 0)
		return NULL;
	struct file_hook *h = mem_new(struct file_hook);
	*h = (struct file_hook){.server = s->server,
				.conf = conf_ref(s->conf),
				.hooks = hooks,
				.urls = urls,
				.warm = warm,
				.event = event,
				.notify_max = (size_t)s->vhost->hls.nb_notify,
				.body = json_object()};
	json_put_text(h->body, "server_id", s->server->server_id);
	json_put_text(h->body, "service_id", s->server->service_id);
	json_put_text(h->body, "action", event);
	put_publisher(h->body, s);
	return h;
}

static void put_file(json_t *body)
{
	json_put_text(body, "cwd", "");
	json_put_text(body, "file", "");
}

struct file_hook *file_hook_dvr(const struct file_hook_stream *stream)
{
	struct file_hook *h = begin(stream, "on_dvr", &stream->vhost->http_hooks.on_dvr, NULL);
	if (!h)
		return NULL;
	put_file(h->body);
	put_ids(h->body, stream);
	return h;
}

struct file_hook *file_hook_hls(const struct file_hook_stream *stream,
				const struct file_hook_segment *segment)
{
	struct file_hook *h = begin(stream, "on_hls", &stream->vhost->http_hooks.on_hls,
				    &stream->vhost->http_hooks.on_hls_notify);
	if (!h)
		return NULL;
	int64_t hundredths = (segment->duration_ms + 5) / 10;
	json_object_set_new(h->body, "duration", json_real((double)hundredths / 100));
	put_file(h->body);
	json_put_text(h->body, "url", segment->url);
	json_put_text(h->body, "m3u8", segment->list_file);
	json_put_text(h->body, "m3u8_url", segment->list_url);
	json_put_int(h->body, "seq_no", segment->number);
	put_ids(h->body, stream);
	return h;
}

static void tell(struct file_hook *h)
{
	struct buf body = {.max = BODY_MAX};
	struct hook_notice notice = {
		.event = h->event,
		.tls_name = h->hooks->tls_name,
		.content_type = hook_form_write(&body, h->body, h->hooks->format),
		.body = buf_span(&body),
		.timeout_ms = h->hooks->notice_timeout_ms,
		.age_ms = h->hooks->notice_age_ms,
		.queue_max = h->hooks->notice_queue,
	};
	if (!buf_ok(&body))
		log_warn("%s: the words of the stream are too long, nobody is told", h->event);
	for (int i = 0; i < h->urls->count && buf_ok(&body); i++) {
		notice.url = h->urls->v[i];
		hook_queue_put(h->server->hook_queue, &notice);
	}
	buf_free(&body);
}

/* ---- on_hls_notify ---- */

static const char *member(const struct file_hook *h, const char *name)
{
	const char *text = json_string_value(json_object_get(h->body, name));
	return text ? text : "";
}

static void put_escaped(struct buf *out, const struct file_hook *h, const char *name)
{
	url_escape(out, member(h, name));
}

/* What the publisher said, with the "?" in front: it is escaped already, or makes no URL. */
static void put_param(struct buf *out, const struct file_hook *h)
{
	for (const char *p = member(h, "param"); *p; p++)
		if (*p > ' ' && *p < 0x7f)
			buf_u8(out, (uint8_t)*p);
		else
			buf_printf(out, "%%%02X", (unsigned char)*p);
}

/* The URL with the names in place of the variables, so that a CDN can be made to fetch the segment. */
static void fill(struct buf *out, const struct file_hook *h, const char *url)
{
	static const struct {
		const char *variable, *member;
	} names[] = {{"[server_id]", "server_id"},
		     {"[service_id]", "service_id"},
		     {"[app]", "app"},
		     {"[stream]", "stream"},
		     {"[ts_url]", "url"},
		     {"[param]", "param"}};
	while (*url) {
		size_t i = 0, n = 0;
		for (; i < sizeof(names) / sizeof(*names) && !n; i++)
			if (strncmp(url, names[i].variable, strlen(names[i].variable)) == 0)
				n = strlen(names[i].variable);
		if (n && strcmp(names[i - 1].member, "param") == 0)
			put_param(out, h);
		else if (n)
			put_escaped(out, h, names[i - 1].member);
		else
			buf_u8(out, (uint8_t)*url);
		url += n ? n : 1;
	}
}

/* A service that is not there is not told later: by then the segment is old. */
static void warm_up(const struct file_hook *h)
{
	for (int i = 0; h->warm && i < h->warm->count; i++) {
		struct buf url = {.max = URL_MAX};
		fill(&url, h, h->warm->v[i]);
		struct hook_notice notice = {
			.event = "on_hls_notify",
			.url = buf_text(&url),
			.tls_name = h->hooks->tls_name,
			.body = span_str(""),
			.timeout_ms = WARM_MS,
			.age_ms = WARM_MS,
			.queue_max = h->hooks->notice_queue,
			.answer_max = h->notify_max,
		};
		if (buf_ok(&url))
			hook_queue_put(h->server->hook_queue, &notice);
		buf_free(&url);
	}
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
		warm_up(h);
	}
	json_decref(h->body);
	conf_unref(&h->conf);
	free(h);
}
