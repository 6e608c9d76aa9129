#include "session/forward.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/tree.h"
#include "session/publication.h"

#include <stdlib.h>
#include <string.h>

enum { ASK_AGAIN_MS = 10000, TARGETS_MAX = 32 };

/* A stream that is on, and where it goes. */
struct forwarded_stream {
	struct forwards *forwards;
	char *key;
	struct source
		*source; /* borrowed: the set goes with the end of the stream; NULL: it is over */
	struct forward_target *targets[TARGETS_MAX];
	int count;
	struct forward_answer answer; /* of a backend that no publisher was asked with */
	struct co *asker; /* it asks that backend; it frees this when the stream is over */
};

struct forwards {
	struct server *server;
	const struct wire_format *ts;
	struct source_observer observer;
	struct map *streams; /* by the source's key */
};

/* ---- what there is to know of the stream ---- */

/* Its names; parameters are those of the publisher here. Borrowed. */
static struct target own_target(const struct source *source)
{
	const struct publication *p = publication_of(source);
	if (p)
		return *p->request->target;
	return (struct target){.host = source->vhost,
			       .port = PORT_RTMP,
			       .vhost = source->vhost,
			       .app = source->app,
			       .stream = source->stream,
			       .param = (char *)(uintptr_t) ""};
}

static const struct conf_vhost *vhost_of(const struct forwarded_stream *s)
{
	return conf_vhost_find(s->forwards->server->conf, s->source->vhost);
}

/* ---- its targets ---- */

static bool has_text(const struct text_list *list, const char *text)
{
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->v[i], text) == 0)
			return true;
	return false;
}

static bool has_target(const struct forwarded_stream *s, const char *text)
{
	for (int i = 0; i < s->count; i++)
		if (strcmp(forward_target_text(s->targets[i]), text) == 0)
			return true;
	return false;
}

static void drop_unwanted(struct forwarded_stream *s, const struct text_list *wanted)
{
	int kept = 0;
	for (int i = 0; i < s->count; i++) {
		if (has_text(wanted, forward_target_text(s->targets[i])))
			s->targets[kept++] = s->targets[i];
		else
			forward_target_end(&s->targets[i]);
	}
	s->count = kept;
}

static void add_target(struct forwarded_stream *s, const char *text)
{
	const struct publication *p = publication_of(s->source);
	struct target own = own_target(s->source);
	struct forward_place place;
	err e = forward_place_parse(&place, text, &own);
	if (e) {
		log_error("%s: it cannot be forwarded to '%s': %s", s->key, log_quote(text),
			  err_trail(e));
		return;
	}
	struct forward_opts opts = {
		.server = s->forwards->server,
		.vhost = vhost_of(s),
		.source = s->source,
		.ts = s->forwards->ts,
		.path = p ? p->request->path : "",
	};
	s->targets[s->count++] = forward_target_start(&opts, &place);
}

static void apply(struct forwarded_stream *s, const struct text_list *wanted)
{
	drop_unwanted(s, wanted);
	for (int i = 0; i < wanted->count; i++) {
		if (has_target(s, wanted->v[i]))
			continue;
		if (s->count == TARGETS_MAX) {
			log_error("%s: it is forwarded to the first %d destinations alone", s->key,
				  TARGETS_MAX);
			return;
		}
		add_target(s, wanted->v[i]);
	}
}

/* ---- a backend, where no publisher asks ---- */

static void stream_free(struct forwarded_stream *s)
{
	forward_answer_fini(&s->answer);
	free(s->key);
	free(s);
}

static err ask(struct forwarded_stream *s)
{
	if (!vhost_of(s))
		return OK;
	const struct target own = own_target(s->source);
	const struct addr nobody = {0};
	struct outcome outcome = {0};
	struct conf *conf = conf_ref(s->forwards->server->conf);
	struct request r = {
		.server = s->forwards->server,
		.conf = conf,
		.vhost = vhost_of(s),
		.target = &own,
		.peer = &nobody,
		.tc_url = "",
	};
	struct forward_answer answer = {0};
	err e = forward_ask(&r, &answer, &outcome);
	forward_answer_fini(&s->answer);
	s->answer = answer;
	conf_unref(&conf);
	return e;
}

static void settle(struct forwarded_stream *s);

static void ask_main(void *arg)
{
	struct forwarded_stream *s = arg;
	struct source *source = source_ref(s->source);
	while (s->source && ask(s) != OK) {
		log_info("%s: where it is forwarded to is asked again in %d s", s->key,
			 ASK_AGAIN_MS / 1000);
		if (co_sleep(ASK_AGAIN_MS) != OK)
			break;
	}
	s->asker = NULL;
	if (s->source && !co_stopping())
		settle(s);
	else if (!s->source)
		stream_free(s);
	source_unref(&source);
}

static bool is_of(const struct forward_answer *answer, const char *backend)
{
	return answer->backend && strcmp(answer->backend, backend) == 0;
}

/* What the backend says, or NULL: it is being asked. */
static const struct text_list *answered(struct forwarded_stream *s, const char *backend)
{
	const struct publication *p = publication_of(s->source);
	if (p && is_of(&p->forward, backend))
		return &p->forward.urls;
	if (is_of(&s->answer, backend))
		return &s->answer.urls;
	if (!s->asker)
		s->asker = co_start_in(&s->forwards->server->services, "forward-ask", ask_main, s);
	return NULL;
}

/* ---- what happens to streams ---- */

static const struct text_list nowhere;

/* What an origin fetches from a coworker is forwarded by that one. */
static bool is_forwarded(const struct forwarded_stream *s, const struct conf_vhost *vhost)
{
	return vhost && vhost->enabled && vhost->forward.enabled &&
	       (vhost->cluster.mode == MODE_REMOTE || source_is_published(s->source));
}

static void settle(struct forwarded_stream *s)
{
	const struct conf_vhost *vhost = vhost_of(s);
	bool on = is_forwarded(s, vhost);
	const struct text_list *wanted = !on ? &nowhere
					 : *vhost->forward.backend
						 ? answered(s, vhost->forward.backend)
						 : &vhost->forward.destination;
	if (wanted)
		apply(s, wanted);
}

static struct forwarded_stream *stream_of(struct forwards *f, struct source *source)
{
	struct forwarded_stream *s = map_get(f->streams, source->key);
	const struct conf_vhost *vhost = conf_vhost_find(f->server->conf, source->vhost);
	if (s || !vhost || !vhost->forward.enabled)
		return s;
	s = mem_new(struct forwarded_stream);
	s->forwards = f;
	s->key = mem_strdup(source->key);
	s->source = source;
	map_set(f->streams, s->key, s);
	return s;
}

static void on_begin(struct source_observer *observer, struct source *source, bool resumed)
{
	struct forwarded_stream *s =
		stream_of(container_of(observer, struct forwards, observer), source);
	(void)resumed;
	if (!s)
		return;
	settle(s);
	for (int i = 0; i < s->count; i++)
		forward_target_wake(s->targets[i]);
}

static void on_end(struct source_observer *observer, struct source *source)
{
	struct forwards *f = container_of(observer, struct forwards, observer);
	struct forwarded_stream *s = map_remove(f->streams, source->key);
	if (!s)
		return;
	apply(s, &nowhere);
	s->source = NULL;
	if (s->asker)
		co_stop(s->asker);
	else
		stream_free(s);
}

void forwards_reload(struct forwards *f)
{
	for (struct map_iter it = map_begin(f->server->registry.sources); map_next(&it);) {
		struct source *source = it.value;
		struct forwarded_stream *s = source->is_on ? stream_of(f, source) : NULL;
		if (s)
			settle(s);
	}
}

/* ---- the process ---- */

struct forwards *forwards_new(struct server *server, const struct wire_format *ts)
{
	struct forwards *f = mem_new(struct forwards);
	f->server = server;
	f->ts = ts;
	f->streams = map_new();
	f->observer.on_begin = on_begin;
	f->observer.on_end = on_end;
	registry_observe(&server->registry, &f->observer);
	return f;
}

void forwards_free(struct forwards **forwards)
{
	struct forwards *f = *forwards;
	*forwards = NULL;
	if (!f)
		return;
	registry_unobserve(&f->server->registry, &f->observer);
	for (struct map_iter it = map_begin(f->streams); map_next(&it);) {
		struct forwarded_stream *s = it.value;
		apply(s, &nowhere);
		stream_free(s);
	}
	map_free(&f->streams);
	free(f);
}

void forwards_each(const struct forwards *f, const struct source *source,
		   void (*each)(const struct forward_facts *facts, void *ctx), void *ctx)
{
	const struct forwarded_stream *s = f ? map_get(f->streams, source->key) : NULL;
	for (int i = 0; s && i < s->count; i++) {
		struct forward_facts facts;
		forward_target_facts(s->targets[i], &facts);
		each(&facts, ctx);
	}
}
