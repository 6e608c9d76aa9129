/* Streams that this server fetches: vhost.ingest. Each engine of an ingest is a program, or a pull where
 * nothing has to be encoded. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "task/ingest_pull.h"
#include "task/ingest_srt.h"
#include "task/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct ingest {
	struct ingest *prev, *next;
	struct words command; /* of its program; of a pull: what makes it this one */
	struct child *child;
	struct ingest_pull *pull;
	struct ingest_srt *srt;
	bool is_wanted;
};

struct wanted_ingest {
	const struct conf_vhost *vhost;
	const struct conf_ingest *conf;
	const struct conf_engine *engine;
	char *name, *output;
};

/* ---- how it is fetched ---- */

static bool copies(const struct conf_engine *e)
{
	bool plain =
		!e->perfile.count && !e->vfilter.count && !e->vparams.count && !e->aparams.count;
	return !e->enabled ||
	       (plain && strcmp(e->vcodec, "copy") == 0 && strcmp(e->acodec, "copy") == 0);
}

static bool is_native(const struct tasks *t, const struct wanted_ingest *w)
{
	char *key = task_output_key(t->server, w->output);
	bool ours = *key != '\0';
	free(key);
	return ours && w->conf->type == INGEST_STREAM &&
	       (ingest_pull_takes(w->conf->url) || ingest_srt_takes(w->conf->url)) &&
	       copies(w->engine);
}

/* "?vhost=__defaultVhost__" says nothing. */
static void drop_default_vhost(char *url)
{
	static const char plain[] = "?vhost=" DEFAULT_VHOST;
	char *at = strstr(url, plain);
	size_t n = sizeof(plain) - 1;
	if (at && (!at[n] || at[n] == '/'))
		memmove(at, at + n, strlen(at + n) + 1);
}

static char *output_of(const struct tasks *t, const struct wanted_ingest *w)
{
	char port[8];
	snprintf(port, sizeof(port), "%d", server_rtmp_port(t->server));
	const struct pattern_text more[] = {
		{"port", port}, {"engine", w->engine->name}, {NULL, NULL}};
	struct pattern_values values = {.vhost = w->vhost->name,
					.app = "[app]",
					.stream = "[stream]",
					.more = more,
					.timestamp = t->wall_ms,
					.wall_ms = t->wall_ms,
					.is_utc = t->server->conf->utc_time};
	char *url = pattern_fill(w->engine->output, &values);
	drop_default_vhost(url);
	return url;
}

static struct words words_of(const struct tasks *t, const struct wanted_ingest *w, bool native)
{
	struct words c = {0};
	if (native) {
		words_add(&c, w->conf->url);
		words_add(&c, w->output);
	} else {
		words_ffmpeg(&c, &(struct ffmpeg_job){
					 .program = w->conf->ffmpeg,
					 .log_level = t->server->conf->ff_log_level,
					 .real_time = true,
					 .input = w->conf->url,
					 .engine = w->engine->enabled ? w->engine : NULL,
					 .output = w->output,
				 });
	}
	words_end(&c);
	return c;
}

/* ---- what runs ---- */

static bool same_words(const struct words *a, const struct words *b)
{
	if (a->list.count != b->list.count)
		return false;
	for (int i = 0; i < a->list.count; i++)
		if (strcmp(a->list.v[i], b->list.v[i]) != 0)
			return false;
	return true;
}

static struct ingest *find(const struct tasks *t, const struct words *words, bool native)
{
	struct ingest *i;
	DL_FOREACH (t->ingests, i)
		if (!i->is_wanted && same_words(&i->command, words) && (i->child == NULL) == native)
			return i;
	return NULL;
}

static void start(struct tasks *t, const struct wanted_ingest *w, struct words *words, bool native)
{
	struct ingest *i = mem_new(struct ingest);
	i->command = *words;
	*words = (struct words){0};
	i->is_wanted = true;
	if (native && ingest_srt_takes(w->conf->url))
		i->srt = ingest_srt_start(t->server, w->name, w->conf->url, w->output);
	else if (native)
		i->pull = ingest_pull_start(t->server, w->name, w->conf->url, w->output);
	else
		i->child = child_start(&t->children,
				       &(struct child_opts){.kind = "ingest",
							    .name = w->name,
							    .run = words_run(&i->command),
							    .group = &t->server->services});
	DL_APPEND(t->ingests, i);
}

/* With `starts` what is wanted and does not run is started. */
static void want(struct tasks *t, struct wanted_ingest *w, bool starts)
{
	w->name = mem_printf("%s/%s%s%s", w->vhost->name, w->conf->name,
			     *w->engine->name ? " " : "", w->engine->name);
	w->output = output_of(t, w);
	bool native = is_native(t, w);
	struct words words = words_of(t, w, native);
	struct ingest *there = find(t, &words, native);
	if (there)
		there->is_wanted = true;
	else if (starts)
		start(t, w, &words, native);
	words_fini(&words);
	free(w->output);
	free(w->name);
}

static void ingest_free(struct tasks *t, struct ingest *i)
{
	DL_DELETE(t->ingests, i);
	child_end(&i->child);
	ingest_pull_end(&i->pull);
	ingest_srt_end(&i->srt);
	words_fini(&i->command);
	free(i);
}

static void want_all_of(struct tasks *t, const struct conf_vhost *v, bool starts)
{
	for (int i = 0; v->enabled && i < v->ingest_count; i++)
		for (int e = 0; v->ingests[i].enabled && e < v->ingests[i].engine_count; e++)
			if (*v->ingests[i].engines[e].output)
				want(t,
				     &(struct wanted_ingest){.vhost = v,
							     .conf = &v->ingests[i],
							     .engine = &v->ingests[i].engines[e]},
				     starts);
}

static void want_all(struct tasks *t, bool starts)
{
	struct ingest *i;
	DL_FOREACH (t->ingests, i)
		i->is_wanted = false;
	for (int v = 0; t->serves && !t->is_over && v < t->server->conf->vhost_count; v++)
		want_all_of(t, &t->server->conf->vhosts[v], starts);
}

/* What has to end does so before something else takes its place. */
void ingests_settle(struct tasks *t)
{
	struct ingest *i, *next;
	want_all(t, false);
	DL_FOREACH_SAFE (t->ingests, i, next)
		if (!i->is_wanted)
			ingest_free(t, i);
	want_all(t, true);
}

void tasks_each_ingest(const struct tasks *t,
		       void (*each)(const struct ingest_facts *facts, void *ctx), void *ctx)
{
	const struct ingest *i;
	DL_FOREACH (t->ingests, i) {
		struct ingest_facts facts;
		if (!i->pull && !i->srt)
			continue;
		if (i->pull)
			ingest_pull_facts(i->pull, &facts);
		else
			ingest_srt_facts(i->srt, &facts);
		each(&facts, ctx);
	}
}
