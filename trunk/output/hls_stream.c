#include "output/hls_stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/au.h"
#include "live/headers.h"
#include "output/pattern.h"
#include "output/render.h"

#include <stdlib.h>

static void take(struct hls_stream *s, struct msg *msg)
{
	struct au_walk w;
	struct au au;
	int64_t now = clock_wall_ms();
	for (au_begin(&w, msg); au_next(&w, &au);) {
		enum segment_end end = segmenter_ends(&s->segmenter, msg, &au);
		if (end == SEGMENT_BY_TIME && !s->says_late) {
			s->says_late = true;
			log_warn("%s has too few key frames: HLS is cut without waiting for them",
				 s->key);
		}
		if (end != SEGMENT_GOES_ON) {
			hls_stream_publish(s);
			segmenter_close(&s->segmenter);
		}
		if (s->opts->low_latency && end == SEGMENT_GOES_ON)
			hls_parts_take(s, msg, &au);
		segmenter_add(&s->segmenter, msg, &au, now);
	}
}

/* A reading begins, or begins anew, with the headers in effect; the message follows. */
static void take_reading(struct hls_stream *s, const struct reading *got)
{
	struct headers *headers =
		got->headers ? headers_ref((struct headers *)(uintptr_t)got->headers) : NULL;
	struct msg *msg = msg_ref(got->msg);
	if (got->lost > 0) {
		log_warn("%s: HLS has missed %llu messages", s->key, (unsigned long long)got->lost);
		segmenter_break(&s->segmenter);
	}
	for (int i = 0; headers && i < headers->count; i++)
		take(s, headers->v[i]);
	take(s, msg);
	headers_unref(&headers);
	msg_unref(&msg);
}

static void finish(struct hls_stream *s)
{
	if (!segmenter_finish(&s->segmenter))
		return;
	hls_stream_publish(s);
	segmenter_close(&s->segmenter);
}

/* Reads the source until its stream is over, or the coroutine is stopped. */
static err follow(struct hls_stream *s)
{
	struct reading got;
	err e = OK;
	reader_open(&s->reader, s->source, &(struct reader_opts){.from_start = true});
	consumer_open(&s->consumer, s->source,
		      &(struct consumer_opts){.kind = CONSUMER_INTERNAL,
					      .instant = s->opts->low_latency,
					      .co = co_self()});
	if (!s->was_there) /* what comes meanwhile waits for the reader */
		hls_stream_recover(s);
	s->was_there = true;
	while (e == OK && !consumer_ended(&s->consumer)) {
		while (reader_next(&s->reader, &got))
			take_reading(s, &got);
		e = co_wait(CLOCK_NEVER);
	}
	while (reader_next(&s->reader, &got))
		take_reading(s, &got);
	reader_close(&s->reader);
	consumer_close(&s->consumer);
	return e;
}

static void set_options(struct hls_stream *s)
{
	const struct conf_hls *o = s->opts;
	int64_t fragment = o->fragment_ms * o->td_permille / 1000;
	struct segmenter_opts opts = {
		.fragment_ms = fragment > 0 ? fragment : 1,
		.longest_ms = o->fragment_ms * o->aof_permille / 1000,
		.wait_key = o->wait_keyframe,
		.bytes_max = RENDER_SEGMENT_MAX / 4,
	};
	s->segmenter.opts = opts;
	s->list.has_dates = o->program_date_time;
	if (!o->low_latency)
		s->list.part_ms = 0;
	if (s->list.target_s == 0)
		s->list.target_s = (fragment + 999) / 1000;
}

/* Everything goes, the list first. */
static void dispose(struct hls_stream *s)
{
	struct hls_segment *segment;
	hls_item_unref(&s->list_item);
	hls_parts_reset(s);
	while ((segment = s->list.first)) {
		s->list.first = segment->next;
		hls_segment_free(&segment);
	}
	while ((segment = hls_list_expired(&s->list, CLOCK_NEVER)))
		hls_segment_free(&segment);
	hls_item_unref(&s->init);
	hls_item_unref(&s->key_item);
}

/* Waits for the work on its files. */
static void stream_close(struct hls_stream *s, bool keeps_files)
{
	if (keeps_files)
		files_free(&s->files);
	dispose(s);
	files_free(&s->files);
	(void)map_remove(s->hls->streams, s->key);
}

static void stream_free(struct hls_stream *s)
{
	hls_stream_wake(s);
	hls_parts_fini(s);
	blob_unref(&s->delta);
	segmenter_fini(&s->segmenter);
	source_unref(&s->source);
	conf_unref(&s->conf);
	file_hook_publisher_fini(&s->publisher);
	free(s->list_path);
	free(s->key);
	free(s->vhost);
	free(s->app);
	free(s->stream);
	free(s);
}

/* The stream is over: its list ends, and all of it goes when no other begins in time. */
static err rest(struct hls_stream *s)
{
	int64_t until = s->opts->dispose_ms > 0 ? clock_after(s->opts->dispose_ms) : CLOCK_NEVER;
	s->list.is_ended = true;
	if (s->list.first)
		hls_stream_write_list(s);
	if (s->files)
		files_tidy(s->files);
	hls_stream_wake(s);
	segmenter_break(&s->segmenter);
	while (!s->source) {
		err e = co_wait(until);
		if (e != OK)
			return e;
	}
	return OK;
}

static void stream_main(void *arg)
{
	struct hls_stream *s = arg;
	err e = OK;
	while (e == OK) {
		struct source *source = s->source;
		log_info("HLS of %s begins", s->key);
		e = follow(s);
		finish(s);
		if (s->source == source && !source->is_on) { /* no other has begun meanwhile */
			source_unref(&s->source);
			if (e == OK)
				e = rest(s);
		}
	}
	log_info("HLS of %s ends", s->key);
	struct hls *hls = s->hls;
	stream_close(s, e == ERR_STOPPED);
	/* One that has begun while the files of the former one went has its own. */
	struct source *again = e != ERR_STOPPED && s->source ? source_ref(s->source) : NULL;
	stream_free(s);
	if (again && again->is_on)
		hls_begin(hls, again);
	source_unref(&again);
}

void hls_stream_begin(struct hls_stream *s, struct source *source)
{
	struct conf *conf = conf_ref(s->hls->server->conf);
	const struct conf_vhost *vhost = conf_vhost_find(conf, source->vhost);
	file_hook_look(&s->publisher, source);
	if (s->source == source) { /* it goes on */
		conf_unref(&conf);
		return;
	}
	source_unref(&s->source);
	s->source = source_ref(source);
	conf_unref(&s->conf);
	s->conf = conf;
	s->conf_vhost = vhost;
	s->opts = &vhost->hls;
	set_options(s);
	if (s->co)
		co_wake(s->co);
}

/* "live/a.m3u8" keeps "live/.a.m3u8.PID.spare": names with a dot in front are not for players. */
static void make_files(struct hls_stream *s)
{
	const char *slash = strrchr(s->list_path, '/');
	int folder = slash ? (int)(slash + 1 - s->list_path) : 0;
	char *kept = mem_printf("%.*s.%s", folder, s->list_path, s->list_path + folder);
	s->files = files_new(s->opts->path);
	files_keep(s->files, kept);
	free(kept);
}

void hls_stream_new(struct hls *hls, struct source *source, const struct conf_vhost *vhost)
{
	struct hls_stream *s = mem_new(struct hls_stream);
	s->hls = hls;
	s->key = mem_strdup(source->key);
	s->vhost = mem_strdup(vhost->name);
	s->app = mem_strdup(source->app);
	s->stream = mem_strdup(source->stream);
	segmenter_init(&s->segmenter, &(struct segmenter_opts){.fragment_ms = 1}, 0);
	hls_stream_begin(s, source);
	struct pattern_values names = {.vhost = s->vhost, .app = s->app, .stream = s->stream};
	s->list_path = pattern_fill(s->opts->m3u8_file, &names);
	if (s->opts->storage != HLS_STORAGE_RAM)
		make_files(s);
	(void)map_set(hls->streams, s->key, s);
	s->co = co_start_in(&hls->server->services, "hls", stream_main, s);
	if (!s->co) {
		stream_close(s, false);
		stream_free(s);
	}
}
