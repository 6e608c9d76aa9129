/* A finished segment becomes bytes, an item, and a line of the list. */
#include "output/hls_stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/media_memory.h"
#include "output/file_hook.h"
#include "output/pattern.h"
#include "output/render.h"

#include <stdlib.h>

enum { SHORTEST_MS = 50, LIST_MAX = 1 << 20 };

char *hls_stream_path(const struct hls_stream *s, const char *pattern, int64_t number, int64_t ms)
{
	int64_t wall = clock_wall_ms();
	struct pattern_values v = {
		.vhost = s->vhost,
		.app = s->app,
		.stream = s->stream,
		.seq = number,
		.duration_ms = ms,
		.timestamp = s->opts->ts_floor ? number : wall,
		.wall_ms = wall,
		.is_utc = s->conf->utc_time,
	};
	return pattern_fill(pattern, &v);
}

/* "live/a/init.mp4" to "live/a/init-3.mp4": what a player has kept is never another's. */
static char *numbered(char *path, int64_t number)
{
	char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
	char *out = mem_printf("%.*s-%lld%s", (int)stem, path, (long long)number, path + stem);
	free(path);
	return out;
}

void hls_stream_renew_init(struct hls_stream *s, int64_t number)
{
	struct buf bytes = {.max = 1 << 20};
	if (s->init && s->init_configuration == s->segmenter.configuration)
		return;
	render_mp4_init(&s->segmenter, &bytes);
	hls_item_unref(&s->init);
	struct blob *blob = blob_new(&bytes);
	if (blob)
		s->init = hls_stream_put(
			s, numbered(hls_stream_path(s, s->opts->init_file, number, 0), number),
			blob, hls_type_init);
	s->init_configuration = s->segmenter.configuration;
}

static void choose_format(struct hls_stream *s)
{
	bool was = s->is_mp4;
	s->is_mp4 = s->opts->use_fmp4 || s->opts->low_latency || !render_fits_ts(&s->segmenter);
	if (!was && s->is_mp4 && !s->opts->use_fmp4 && !s->opts->low_latency && !s->says_format) {
		s->says_format = true;
		log_info("%s: MPEG-TS has no place for these codecs, segments are MP4", s->key);
	}
	if (was && !s->is_mp4)
		hls_item_unref(&s->init);
}

static err render(struct hls_stream *s, struct buf *bytes)
{
	choose_format(s);
	if (s->is_mp4)
		render_mp4(&s->segmenter, bytes);
	else
		render_ts(&s->segmenter, bytes, s->opts->dts_directly);
	if (!buf_ok(bytes))
		return err_fail(ERR_LIMIT, "a segment is too large");
	if (!s->opts->keys) {
		hls_item_unref(&s->key_item);
		return OK;
	}
	if (s->key_left-- <= 0 || !s->key_item)
		TRY(hls_key_renew(s, s->segmenter.cut.number));
	return hls_key_encrypt(s, bytes);
}

/* Media memory is what live streams and their players need first. Before a segment of so many bytes is
 * kept, older ones leave the memory, if they are in files, else the list. */
static void make_room(struct hls_stream *s, size_t n)
{
	bool was_short = s->is_short;
	struct hls_segment *lists[2] = {s->list.old, s->list.first}, *g;
	s->is_short = !media_memory_has_room(n);
	for (size_t i = 0; i < 2 && s->files; i++)
		for (g = lists[i]; g && !media_memory_has_room(n); g = g->next)
			blob_unref(&g->file->blob);
	while (!media_memory_has_room(n) && !s->files && (g = hls_list_shrink(&s->list)))
		hls_segment_free(&g);
	if (s->is_short && !was_short)
		log_warn("%s: media memory is short (max_memory), so older segments of HLS are %s",
			 s->key, s->files ? "read from their files" : "given up before their time");
}

/* The services of on_hls are told when the file is there. */
static struct hls_item *put_segment(struct hls_stream *s, char *path, struct blob *blob, int64_t ms)
{
	char *list = mem_printf("%s/%s", s->opts->path, s->list_path);
	file_hook_look(&s->publisher, s->source);
	struct file_hook_stream stream = {.server = s->hls->server,
					  .conf = s->conf,
					  .vhost = s->conf_vhost,
					  .app = s->app,
					  .stream = s->stream,
					  .publisher = &s->publisher};
	struct file_hook_segment segment = {.number = s->segmenter.cut.number,
					    .duration_ms = ms,
					    .list_file = list,
					    .list_url = s->list_path,
					    .url = path};
	struct files_done done = {.fn = file_hook_done, .ctx = file_hook_hls(&stream, &segment)};
	free(list);
	return hls_stream_put_segment(s, path, blob, s->is_mp4 ? hls_type_mp4 : hls_type_ts, done);
}

/* The one whose parts are listed, or a new one. */
static struct hls_segment *take_open(struct hls_stream *s)
{
	struct hls_segment *g = s->list.open;
	s->list.open = NULL;
	return g ? g : mem_new(struct hls_segment);
}

static void add(struct hls_stream *s, struct blob *blob)
{
	const struct cut *cut = &s->segmenter.cut;
	int64_t ms = cut->end - cut->begin, now = clock_ms();
	struct hls_segment *g = take_open(s), *gone;
	const char *pattern = s->is_mp4 ? s->opts->fmp4_file : s->opts->ts_file;
	if (s->is_mp4)
		hls_stream_renew_init(s, cut->number);
	g->file = put_segment(s, hls_stream_path(s, pattern, cut->number, ms), blob, ms);
	if (!g->init && s->is_mp4 && s->init)
		g->init = hls_item_ref(s->init);
	g->key = s->key_item ? hls_item_ref(s->key_item) : NULL;
	g->number = cut->number;
	g->duration_ms = ms;
	g->wall_ms = cut->wall_ms;
	g->is_discontinuous |= cut->is_discontinuous;
	g->bytes = blob->n;
	hls_parts_join(g);
	if (s->list.last && (s->list.last->init != NULL) != s->is_mp4)
		g->is_discontinuous = true;
	s->list.clock_ms = s->segmenter.clock_ms;
	hls_list_add(&s->list, g, s->opts->window_ms, now);
	hls_stream_write_list(s);
	while ((gone = hls_list_expired(&s->list, now)))
		hls_segment_free(&gone);
}

bool hls_stream_follows(struct hls_stream *s, int64_t number)
{
	const struct hls_segment *last = s->list.last;
	if (last && number > last->number + 1)
		hls_list_retire(&s->list, clock_ms());
	return !last || number > last->number;
}

/* The number is used again: those of a list have no gaps. */
static void drop(struct hls_stream *s, bool is_discontinuous)
{
	s->segmenter.last_number--;
	s->segmenter.has_break |= is_discontinuous;
}

/* The bytes of the segment, in `own` unless they are those of its parts. */
static err gather(struct hls_stream *s, struct buf *own, struct buf **bytes)
{
	*bytes = own;
	if (!s->opts->low_latency)
		return render(s, own);
	choose_format(s);
	*bytes = &s->parts.bytes;
	return hls_parts_end(s) ? OK : err_fail(ERR_LIMIT, "one of its parts is");
}

static struct hls_segment_counts counts;

const struct hls_segment_counts *hls_segment_counts(void)
{
	return &counts;
}

void hls_stream_publish(struct hls_stream *s)
{
	struct buf own = {.max = RENDER_SEGMENT_MAX};
	struct buf *bytes;
	const struct cut *cut = &s->segmenter.cut;
	if (cut->end - cut->begin < SHORTEST_MS) { /* a stray frame */
		drop(s, cut->is_discontinuous);
		hls_parts_reset(s);
		return;
	}
	if (!hls_stream_follows(s, cut->number)) {
		hls_parts_reset(s);
		return;
	}
	err e = gather(s, &own, &bytes);
	make_room(s, bytes->n);
	struct blob *blob = e ? NULL : blob_new(bytes);
	if (!e && !blob)
		e = err_fail(ERR_LIMIT, "there is no memory for it");
	counts.made += blob != NULL;
	counts.lost += blob == NULL;
	if (blob) {
		add(s, blob);
	} else {
		log_error("%s: a segment is lost: %s", s->key, err_trail(e));
		drop(s, true);
	}
	hls_parts_reset(s);
	buf_free(&own);
}

/* In front of each segment: hls_entry_prefix, with the list's folder unless it ends with a slash. */
char *hls_stream_prefix(const struct hls_stream *s)
{
	const char *prefix = s->opts->entry_prefix, *slash = strrchr(s->list_path, '/');
	size_t n = strlen(prefix);
	if (n == 0 || prefix[n - 1] == '/' || !slash)
		return mem_printf("%s%s", prefix, n && prefix[n - 1] != '/' ? "/" : "");
	return mem_printf("%s/%.*s/", prefix, (int)(slash - s->list_path), s->list_path);
}

/* The attributes of the stream in a master playlist. */
static char *variant_of(const struct hls_stream *s)
{
	struct buf b = {.max = 1024};
	struct hls_bandwidth w = hls_list_bandwidth(&s->list);
	const struct track *video = &s->segmenter.video;
	buf_printf(&b, "BANDWIDTH=%lld,AVERAGE-BANDWIDTH=%lld", (long long)w.peak,
		   (long long)w.average);
	if (video->is_ready || s->segmenter.audio.is_ready) {
		buf_printf(&b, ",CODECS=\"");
		render_codecs(&s->segmenter, &b);
		buf_printf(&b, "\"");
	}
	if (video->is_ready && video->width > 0)
		buf_printf(&b, ",RESOLUTION=%dx%d", video->width, video->height);
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static void renew_variant(struct hls_stream *s)
{
	free(s->list_item->tag);
	s->list_item->tag = variant_of(s);
}

static void set_list(struct hls_stream *s, struct blob *blob)
{
	if (s->list_item) {
		blob_unref(&s->list_item->blob);
		s->list_item->blob = blob;
		s->list_item->n = blob->n;
	} else {
		s->list_item = hls_stream_put_part(s, mem_strdup(s->list_path), blob);
		s->list_item->type = hls_type_list;
		s->list_item->has_file = s->files != NULL;
	}
	renew_variant(s);
}

/* As players get it. Those that wait for news look at it now. */
static void renew_list(struct hls_stream *s)
{
	struct buf text = {.max = LIST_MAX};
	hls_list_write(&s->list, &text);
	struct blob *blob = blob_new(&text);
	if (blob)
		set_list(s, blob);
	blob_unref(&s->delta);
	hls_stream_wake(s);
}

static void write_file(struct hls_stream *s)
{
	struct buf text = {.max = LIST_MAX};
	hls_list_write_plain(&s->list, &text);
	struct blob *blob = blob_new(&text);
	if (blob)
		files_renew(s->files, s->list_path, blob);
	blob_unref(&blob);
}

/* A stream has no list before its first segment is whole. */
void hls_stream_write_parts(struct hls_stream *s)
{
	char *prefix = hls_stream_prefix(s);
	if (s->list.first) {
		hls_parts_hint(s);
		s->list.prefix = prefix;
		renew_list(s);
		s->list.prefix = NULL;
	}
	free(prefix);
}

void hls_stream_write_list(struct hls_stream *s)
{
	char *prefix = hls_stream_prefix(s);
	hls_stream_write_parts(s);
	s->list.prefix = prefix;
	if (s->files)
		write_file(s);
	s->list.prefix = NULL;
	free(prefix);
}

struct blob *hls_stream_delta(struct hls_stream *s)
{
	struct buf text = {.max = LIST_MAX};
	char *prefix = hls_stream_prefix(s);
	s->list.prefix = prefix;
	if (!s->delta && hls_list_write_delta(&s->list, &text))
		s->delta = blob_new(&text);
	s->list.prefix = NULL;
	free(prefix);
	buf_free(&text);
	return s->delta;
}
