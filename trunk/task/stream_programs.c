/* Programs of a published stream: those of vhost.exec, and one for each engine of vhost.transcode. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/list.h"
#include "session/publication.h"
#include "task/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { PROGRAMS_MAX = 64 };

/* A program that a stream is to have. */
struct wanted_program {
	const char *kind;
	char *name;
	char *makes; /* of a transcoder: the key of the stream that it brings here; "" */
	struct words command;
};

struct program {
	struct child *child;
	char *makes;
};

struct task_stream {
	struct task_stream *prev, *next;
	char *key;
	int64_t wall_ms; /* when it began: the date in the words of its programs */
	struct program programs[PROGRAMS_MAX];
	int count;
};

struct program_plan {
	struct tasks *tasks;
	const struct source *source;
	const struct conf_vhost *vhost;
	const struct request *request;
	int64_t wall_ms;
	struct wanted_program wanted[PROGRAMS_MAX];
	int count;
};

/* ---- what is wanted ---- */

static struct wanted_program *add_wanted(struct program_plan *p, const char *kind, char *name)
{
	if (p->count == PROGRAMS_MAX) {
		log_error("%s: only the first %d programs are started", p->source->key,
			  PROGRAMS_MAX);
		free(name);
		return NULL;
	}
	struct wanted_program *w = &p->wanted[p->count++];
	*w = (struct wanted_program){.kind = kind, .name = name, .makes = mem_strdup("")};
	return w;
}

static void drop_wanted(struct program_plan *p)
{
	struct wanted_program *w = &p->wanted[--p->count];
	words_fini(&w->command);
	free(w->name);
	free(w->makes);
}

/* A name that a client has chosen becomes a part of paths and words. */
static bool is_usable(const struct source *s)
{
	return pattern_name_ok(s->app) && pattern_name_ok(s->stream) && *s->app != '-' &&
	       *s->stream != '-';
}

static struct pattern_values values_of(const struct program_plan *p,
				       const struct pattern_text *more)
{
	return (struct pattern_values){.vhost = p->vhost->name,
				       .app = p->source->app,
				       .stream = p->source->stream,
				       .more = more,
				       .timestamp = p->wall_ms,
				       .wall_ms = p->wall_ms,
				       .is_utc = p->tasks->server->conf->utc_time};
}

static bool fill_words(struct words *c, const char *text, const struct pattern_values *values)
{
	char *words = mem_strdup(text), *rest = words;
	bool ok = true;
	while (rest && ok) {
		char *word = rest;
		rest = strchr(word, CONF_COMMAND_JOINT);
		if (rest)
			*rest++ = '\0';
		ok = words_fill(c, word, values);
	}
	free(words);
	words_end(c);
	return ok;
}

static void plan_exec(struct program_plan *p)
{
	const struct conf_exec *conf = &p->vhost->exec;
	const struct request *r = p->request;
	char *url = mem_printf("%s/%s", r->tc_url, r->target->stream);
	const struct pattern_text more[] = {{"tcUrl", r->tc_url},
					    {"swfUrl", r->swf_url},
					    {"pageUrl", r->page_url},
					    {"url", url},
					    {NULL, NULL}};
	struct pattern_values values = values_of(p, more);
	for (int i = 0; conf->enabled && i < conf->publish.count; i++) {
		struct wanted_program *w =
			add_wanted(p, "exec", mem_printf("%s %d", p->source->key, i + 1));
		if (w && !fill_words(&w->command, conf->publish.v[i], &values)) {
			log_warn("%s: exec %d is not started: what the publisher says would be an "
				 "option",
				 p->source->key, i + 1);
			drop_wanted(p);
		}
	}
	free(url);
}

/* ---- transcoders ---- */

static bool is_in_scope(const struct conf_transcode *t, const struct source *s)
{
	char *whole = mem_printf("%s/%s", s->app, s->stream);
	bool in = !*t->name || strcmp(t->name, s->app) == 0 || strcmp(t->name, whole) == 0;
	free(whole);
	return in;
}

static bool is_ours(const struct target *t, int port)
{
	return t->port == port &&
	       (strcmp(t->host, "127.0.0.1") == 0 || strcmp(t->host, "localhost") == 0 ||
		strcmp(t->host, "::1") == 0);
}

char *task_output_key(const struct server *server, const char *url)
{
	const char *stream = strrchr(url, '/');
	struct target t = {0};
	char *key = NULL;
	if (strncmp(url, "rtmp://", 7) != 0 || !stream)
		return mem_strdup("");
	char *tc_url = mem_strndup(url, (size_t)(stream - url));
	if (target_parse(&t, tc_url, stream + 1) == OK && is_ours(&t, server_rtmp_port(server))) {
		const struct conf_vhost *vhost = conf_vhost_find(server->conf, t.vhost);
		key = vhost ? stream_key(vhost->name, t.app, t.stream) : NULL;
	}
	target_fini(&t);
	free(tc_url);
	return key ? key : mem_strdup("");
}

static void plan_engine(struct program_plan *p, const struct conf_transcode *t,
			const struct conf_engine *engine)
{
	char port[8];
	snprintf(port, sizeof(port), "%d", server_rtmp_port(p->tasks->server));
	const struct pattern_text more[] = {{"port", port},
					    {"param", p->request->target->param},
					    {"engine", engine->name},
					    {NULL, NULL}};
	struct pattern_values values = values_of(p, more);
	struct wanted_program *w =
		add_wanted(p, "transcode", mem_printf("%s %s", p->source->key, engine->name));
	if (!w)
		return;
	char *input = mem_printf("rtmp://127.0.0.1:%s/%s?vhost=%s/%s", port, p->source->app,
				 p->vhost->name, p->source->stream);
	char *output = pattern_fill(engine->output, &values);
	words_ffmpeg(&w->command, &(struct ffmpeg_job){.program = t->ffmpeg,
						       .input = input,
						       .engine = engine,
						       .output = output});
	words_end(&w->command);
	free(w->makes);
	w->makes = task_output_key(p->tasks->server, output);
	free(output);
	free(input);
}

/* A stream that a transcoder makes is transcoded no further: that would never end. */
static void plan_transcode(struct program_plan *p)
{
	const struct conf_vhost *v = p->vhost;
	if (stream_is_transcoded(p->tasks, p->source))
		return;
	for (int i = 0; i < v->transcode_count; i++) {
		const struct conf_transcode *t = &v->transcodes[i];
		for (int k = 0; t->enabled && is_in_scope(t, p->source) && k < t->engine_count; k++)
			if (t->engines[k].enabled && *t->engines[k].output)
				plan_engine(p, t, &t->engines[k]);
	}
}

static void make_plan(struct program_plan *p)
{
	const struct publication *publication = publication_of(p->source);
	p->vhost = conf_vhost_find(p->tasks->server->conf, p->source->vhost);
	if (!publication || !p->vhost || !p->vhost->enabled || p->tasks->is_over ||
	    (!p->vhost->exec.enabled && !p->vhost->transcode_count))
		return;
	p->request = publication->request;
	if (!is_usable(p->source)) {
		log_warn("%s: no program is started for it: its name cannot be a part of a path",
			 p->source->key);
		return;
	}
	plan_exec(p);
	plan_transcode(p);
}

/* ---- what runs ---- */

static struct task_stream *stream_find(const struct tasks *t, const char *key)
{
	struct task_stream *s;
	DL_FOREACH (t->streams, s)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

static void program_end(struct program *p)
{
	child_end(&p->child);
	free(p->makes);
	p->makes = NULL;
}

static bool is_wanted(const struct program_plan *p, const struct child *child)
{
	for (int i = 0; i < p->count; i++) {
		struct spawn_opts run = words_run(&p->wanted[i].command);
		if (child_runs(child, &run))
			return true;
	}
	return false;
}

static bool runs(const struct task_stream *s, const struct spawn_opts *run)
{
	for (int i = 0; i < s->count; i++)
		if (child_runs(s->programs[i].child, run))
			return true;
	return false;
}

static void drop_unwanted(struct task_stream *s, const struct program_plan *p)
{
	int kept = 0;
	for (int i = 0; i < s->count; i++) {
		if (is_wanted(p, s->programs[i].child))
			s->programs[kept++] = s->programs[i];
		else
			program_end(&s->programs[i]);
	}
	s->count = kept;
}

static void start_missing(struct task_stream *s, struct program_plan *p)
{
	for (int i = 0; i < p->count && s->count < PROGRAMS_MAX; i++) {
		struct wanted_program *w = &p->wanted[i];
		struct spawn_opts run = words_run(&w->command);
		if (runs(s, &run))
			continue;
		struct child_opts opts = {.kind = w->kind,
					  .name = w->name,
					  .run = run,
					  .group = &p->tasks->server->services};
		s->programs[s->count++] =
			(struct program){child_start(&p->tasks->children, &opts), w->makes};
		w->makes = mem_strdup("");
	}
}

static void stream_free(struct tasks *t, struct task_stream *s)
{
	for (int i = 0; i < s->count; i++)
		program_end(&s->programs[i]);
	DL_DELETE(t->streams, s);
	free(s->key);
	free(s);
}

void stream_programs_settle(struct tasks *t, struct source *source)
{
	struct program_plan *p = mem_new(struct program_plan);
	p->tasks = t;
	p->source = source;
	struct task_stream *s = stream_find(t, source->key);
	p->wall_ms = s ? s->wall_ms : clock_wall_ms();
	make_plan(p);
	if (!s && p->count) {
		s = mem_new(struct task_stream);
		s->key = mem_strdup(source->key);
		s->wall_ms = p->wall_ms;
		DL_APPEND(t->streams, s);
	}
	if (s && publication_of(source)) {
		drop_unwanted(s, p);
		start_missing(s, p);
	}
	while (p->count)
		drop_wanted(p);
	free(p);
}

void stream_programs_end(struct tasks *t, const struct source *source)
{
	struct task_stream *s, *next;
	DL_FOREACH_SAFE (t->streams, s, next)
		if (!source || strcmp(s->key, source->key) == 0)
			stream_free(t, s);
}

bool stream_is_transcoded(const struct tasks *t, const struct source *source)
{
	const struct task_stream *s;
	DL_FOREACH (t->streams, s)
		for (int i = 0; i < s->count; i++)
			if (strcmp(s->programs[i].makes, source->key) == 0)
				return true;
	return false;
}
