/* A stream that begins when the server has just started goes on with the playlist that lies in its files: its segments
 * stay in the window, numbers go on, players that poll find their list again. What such a list says is not trusted:
 * its paths have to be those that this stream's patterns make, since its files are served, and removed one day. */
#include "output/hls_stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "output/file_facts.h"
#include "output/hls_list_read.h"
#include "output/hls_paths.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4 << 20, PATIENCE_MS = 1000 };

struct found {
	char *path, *init,
		*key; /* below the folder of the outputs; init and key: NULL where there are none */
	int64_t bytes;
};

/* The work of a helper thread. It has copies of all names: a disk may take longer than the stream lives. */
struct past {
	struct conf *conf; /* the stream may get another one meanwhile */
	const struct conf_vhost *vhost;
	struct hls_name name;
	char *prefix;
	struct hls_read_list list;
	struct found *found; /* as many as segments */
	size_t from;         /* the first of those whose files are all there */
	int64_t modified_ms; /* since 1970 */
	bool is_there, is_done;
	struct co *waiter; /* NULL: nobody waits for it any more */
};

static char *whole(const struct past *p, const char *path)
{
	return mem_printf("%s/%s", p->vhost->hls.path, path);
}

static bool read_list(struct past *p)
{
	struct file_facts facts = {0};
	struct buf text = {.max = TEXT_MAX};
	char *path = whole(p, p->name.list_path);
	bool is_good = file_read(&facts, path, &text) && hls_list_read(&p->list, buf_span(&text));
	p->modified_ms = facts.modified_s * 1000;
	buf_free(&text);
	free(path);
	return is_good;
}

static bool is_own(const struct past *p, const char *path, const char *type)
{
	struct hls_name name = {0};
	const char *found = NULL;
	char *asked = mem_printf("/%s", path);
	bool is_good = hls_name_by_path(p->vhost, asked, &name, &found) &&
		       strcmp(name.stream, p->name.stream) == 0 &&
		       (!*name.app || strcmp(name.app, p->name.app) == 0) &&
		       (type ? found == type : found == hls_type_ts || found == hls_type_mp4);
	hls_name_fini(&name);
	free(asked);
	return is_good;
}

/* How large the file of that path is; below 0: it is none of this stream's. type NULL: that of a segment. */
static int64_t size_of(const struct past *p, const char *path, const char *type)
{
	struct file_facts facts;
	if (!path || !is_own(p, path, type))
		return -1;
	char *file = whole(p, path);
	bool is_there = file_facts(&facts, file);
	free(file);
	return is_there ? facts.bytes : -1;
}

static char *path_behind(const struct past *p, const char *prefix, const char *uri)
{
	size_t n = strlen(prefix);
	if (n == 0 || strncmp(uri, prefix, n) != 0)
		return hls_read_path(p->name.list_path, uri);
	return hls_read_path("", uri + n + (uri[n] == '/'));
}

static char *key_path(const struct past *p, const char *attributes)
{
	char *uri = attributes ? hls_read_uri(attributes) : NULL;
	char *path = uri ? path_behind(p, p->vhost->hls.key_url, uri) : NULL;
	free(uri);
	return path;
}

static bool find_files(const struct past *p, const struct hls_read_segment *g, struct found *f)
{
	size_t n = strlen(p->prefix);
	bool is_prefixed = n > 0 && strncmp(g->uri, p->prefix, n) == 0;
	f->path = hls_read_path(p->name.list_path, g->uri + (is_prefixed ? n : 0));
	f->init = g->init ? hls_read_path(p->name.list_path, g->init) : NULL;
	f->key = key_path(p, g->key);
	f->bytes = size_of(p, f->path, NULL);
	return f->bytes > 0 && (!g->init || size_of(p, f->init, hls_type_init) > 0) &&
	       (!g->key || size_of(p, f->key, hls_type_key) > 0);
}

static void read_past(void *arg)
{
	struct past *p = arg;
	p->is_there = read_list(p);
	if (!p->is_there)
		return;
	p->found = mem_zalloc(p->list.count * sizeof(*p->found));
	for (size_t i = 0; i < p->list.count; i++)
		if (!find_files(p, &p->list.v[i], &p->found[i]))
			p->from = i + 1;
}

static void past_free(struct past *p)
{
	for (size_t i = 0; p->found && i < p->list.count; i++) {
		free(p->found[i].path);
		free(p->found[i].init);
		free(p->found[i].key);
	}
	free(p->found);
	free(p->prefix);
	hls_name_fini(&p->name);
	conf_unref(&p->conf);
	hls_list_read_fini(&p->list);
	free(p);
}

static void past_main(void *arg)
{
	struct past *p = arg;
	co_offload(read_past, p);
	p->is_done = true;
	if (p->waiter)
		co_wake(p->waiter);
	else
		past_free(p);
}

/* ---- what is made of it ---- */

/* The one before is for this segment, too, where it has the same path. */
static struct hls_item *share(struct hls_stream *s, struct hls_item *before, const char *path,
			      const char *type)
{
	if (!path)
		return NULL;
	if (before && strcmp(before->path, path) == 0)
		return hls_item_ref(before);
	return hls_stream_put_file(s, mem_strdup(path), type, 0);
}

static void add_segment(struct hls_stream *s, const struct hls_read_segment *g,
			const struct found *f)
{
	const struct hls_segment *last = s->list.last;
	struct hls_segment *segment = mem_new(struct hls_segment);
	*segment = (struct hls_segment){
		.number = g->number,
		.duration_ms = g->duration_ms,
		.wall_ms = g->wall_ms,
		.bytes = (size_t)f->bytes,
		.is_discontinuous = g->is_discontinuous,
		.file = hls_stream_put_file(s, mem_strdup(f->path),
					    f->init ? hls_type_mp4 : hls_type_ts, (size_t)f->bytes),
		.init = share(s, last ? last->init : NULL, f->init, hls_type_init),
		.key = share(s, last ? last->key : NULL, f->key, hls_type_key),
	};
	if (segment->key && !segment->key->tag)
		segment->key->tag = mem_strdup(g->key);
	hls_list_add(&s->list, segment, INT64_MAX / 4, clock_ms());
}

/* With another hls_fragment, or after so long that nobody has it any more, the list begins anew. */
static bool is_current(const struct hls_stream *s, const struct past *p)
{
	int64_t age = clock_wall_ms() - p->modified_ms, dispose = s->opts->dispose_ms;
	int64_t longest_s = s->segmenter.opts.longest_ms / 1000 + 1;
	return (dispose == 0 || age <= dispose) && p->list.target_s >= s->list.target_s &&
	       p->list.target_s <= (longest_s > s->list.target_s ? longest_s : s->list.target_s);
}

static void go_on(struct hls_stream *s, const struct past *p)
{
	const struct hls_read_list *l = &p->list;
	bool goes_on = is_current(s, p);
	int64_t now = clock_ms();
	for (size_t i = 0; i < l->count; i++) {
		if (i < p->from)
			s->list.discontinuities += l->v[i].is_discontinuous;
		else
			add_segment(s, &l->v[i], &p->found[i]);
	}
	s->list.discontinuities += l->discontinuities;
	segmenter_resume(&s->segmenter,
			 &(struct segmenter_past){.number = l->number + (int64_t)l->count - 1,
						  .clock_ms = l->clock_ms,
						  .wall_ms = p->modified_ms,
						  .is_old = !goes_on});
	if (!goes_on)
		hls_list_retire(&s->list, now);
	else
		s->list.target_s = l->target_s;
	if (s->list.first)
		hls_stream_write_parts(s);
	log_info("HLS of %s goes on behind %lld%s", s->key,
		 (long long)(l->number + (int64_t)l->count - 1),
		 goes_on ? "" : ", with a list of its own");
}

static struct past *past_start(struct hls_stream *s)
{
	struct past *p = mem_new(struct past);
	*p = (struct past){
		.conf = conf_ref(s->conf),
		.vhost = s->conf_vhost,
		.name = {mem_strdup(s->app), mem_strdup(s->stream), mem_strdup(s->list_path)},
		.prefix = hls_stream_prefix(s),
		.waiter = co_self(),
	};
	if (co_start_in(&s->hls->server->services, "hls-recover", past_main, p))
		return p;
	past_free(p);
	return NULL;
}

void hls_stream_recover(struct hls_stream *s)
{
	int64_t deadline = clock_after(PATIENCE_MS);
	err e = OK;
	if (!s->files || !s->opts->recover || s->hls->server->former.state != GENERATION_NONE)
		return;
	struct past *p = past_start(s);
	while (p && !p->is_done && e == OK)
		e = co_wait(deadline);
	if (p && !p->is_done) {
		p->waiter = NULL; /* it releases itself */
		if (e != ERR_STOPPED)
			log_warn("HLS of %s begins anew: its files cannot be read in time", s->key);
		return;
	}
	if (p && p->is_there && e != ERR_STOPPED)
		go_on(s, p);
	if (p)
		past_free(p);
}
