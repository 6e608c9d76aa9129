/* A coroutine reads the messages of a source into a recording; when that must end (the plan says so, the
 * decoders change, a file could not be written) the next one begins with a key frame, or where it ended
 * (dvr_wait_keyframe off). */
#include "output/recorder.h"

#include "base/log.h"
#include "base/mem.h"
#include "live/consumer.h"
#include "live/reader.h"
#include "output/catalog.h"
#include "output/file_hook.h"
#include "output/pattern.h"
#include "output/recording.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 10000 };

struct recorder {
	struct map *recorders;
	struct server *server;
	struct conf *conf; /* the snapshot at the beginning of the stream */
	const struct conf_vhost *conf_vhost;
	const struct conf_dvr *opts;
	char *key, *vhost, *app, *stream;
	struct source *source;
	struct consumer consumer;
	struct reader reader;
	struct files *files;
	struct recording *recording; /* NULL: none is open */
	struct headers *headers;     /* in effect */
	struct file_hook_publisher publisher;
	bool awaits_key, is_stopping;
	bool is_over,
		is_again; /* its files are being finished; the stream is wanted again meanwhile */
	struct recorder_owner owner;
	struct co *co;
	int64_t since_wall_ms, duration_ms; /* of the recorder; of the file */
	uint64_t lost;                      /* of files, when the recording was begun */
	int64_t retry_ms;                   /* nothing is begun before */
};

/* dvr_path, and a name below it where it is that of a folder. */
static char *path_of(const struct recorder *r)
{
	int64_t wall = clock_wall_ms();
	struct pattern_values v = {.vhost = r->vhost,
				   .app = r->app,
				   .stream = r->stream,
				   .timestamp = wall,
				   .wall_ms = wall,
				   .is_utc = r->conf->utc_time};
	char *whole = catalog_pattern(r->opts->path);
	char *path = pattern_fill(whole, &v);
	free(whole);
	return path;
}

static void open_recording(struct recorder *r)
{
	char *path = path_of(r);
	const struct recording_format *format = recording_format_of(path);
	log_info("recording %s to %s", r->key, path);
	r->lost = files_lost(r->files);
	r->recording = r->opts->plan == DVR_PLAN_APPEND
			       ? recording_append(format, r->files, path, r->headers)
			       : recording_new(format, r->files, path, r->headers);
	if (format == &recording_mp4 && r->opts->mp4_progressive)
		r->recording->rewriter = r->owner.rewriter;
	file_hook_look(&r->publisher, r->source);
	struct file_hook_stream stream = {.server = r->server,
					  .conf = r->conf,
					  .vhost = r->conf_vhost,
					  .app = r->app,
					  .stream = r->stream,
					  .publisher = &r->publisher};
	r->recording->done =
		(struct files_done){.fn = file_hook_done, .ctx = file_hook_dvr(&stream)};
}

static void close_recording(struct recorder *r)
{
	recording_close(&r->recording);
	r->awaits_key = true;
}

static bool is_over(const struct recorder *r, const struct msg *m)
{
	bool can_cut = m->frame.is_coded && (m->frame.is_key || !r->source->has_video ||
					     (!r->opts->wait_keyframe && m->type == MSG_VIDEO));
	return r->opts->plan == DVR_PLAN_SEGMENT && can_cut &&
	       recording_ms_at(r->recording, m) >= r->opts->duration_ms;
}

/* A recording may begin with a key frame, or with sound where there are no pictures. */
static bool can_begin(const struct recorder *r, const struct msg *m)
{
	if (!m->frame.is_coded || clock_ms() < r->retry_ms)
		return false;
	return m->type == MSG_VIDEO ? m->frame.is_key || !r->awaits_key
				    : m->type == MSG_AUDIO && !r->source->has_video;
}

static void note_header(struct recorder *r, struct msg *m)
{
	if (headers_wants(m))
		headers_put(&r->headers, m);
}

static void take(struct recorder *r, struct msg *m)
{
	if (r->recording && files_lost(r->files) > r->lost) {
		log_error("%s: the recording ends, since it cannot be written", r->key);
		r->retry_ms = clock_after(RETRY_MS);
		close_recording(r);
	}
	if (r->recording && is_over(r, m)) {
		close_recording(r);
		r->awaits_key = false; /* this picture is in no other file */
	}
	if (r->recording && !recording_take(r->recording, m)) {
		log_info("%s: another recording begins, since the stream has changed", r->key);
		close_recording(r);
	} else if (r->recording) {
		note_header(r, m);
		return;
	}
	note_header(r, m);
	if (!can_begin(r, m))
		return;
	open_recording(r);
	r->recording->is_sequel = !r->awaits_key;
	r->awaits_key = false;
	(void)recording_take(r->recording, m);
}

static void take_reading(struct recorder *r, const struct reading *got)
{
	struct msg *m = msg_ref(got->msg);
	if (got->lost > 0) {
		log_warn("%s: the recording has missed %llu messages", r->key,
			 (unsigned long long)got->lost);
		close_recording(r);
	}
	if (got->headers) {
		headers_unref(&r->headers);
		r->headers = headers_ref((struct headers *)(uintptr_t)got->headers);
	}
	take(r, m);
	if (r->recording && m->frame.is_coded)
		r->duration_ms = recording_ms_at(r->recording, m);
	msg_unref(&m);
}

static void follow(struct recorder *r)
{
	struct reading got;
	err e = OK;
	reader_open(&r->reader, r->source, &(struct reader_opts){.from_start = true});
	consumer_open(&r->consumer, r->source,
		      &(struct consumer_opts){.kind = CONSUMER_INTERNAL, .co = co_self()});
	while (e == OK && !consumer_ended(&r->consumer) && !r->is_stopping) {
		while (reader_next(&r->reader, &got))
			take_reading(r, &got);
		e = co_wait(CLOCK_NEVER);
	}
	while (!r->is_stopping && reader_next(&r->reader, &got))
		take_reading(r, &got);
	reader_close(&r->reader);
	consumer_close(&r->consumer);
}

/* The next recorder of the stream must find the file under its name. */
static void recorder_end(struct recorder *r)
{
	r->is_over = true;
	files_drain(r->files);
	files_free(&r->files);
	(void)map_remove(r->recorders, r->key);
	if (r->is_again && !co_stopping())
		r->owner.on_again(r->owner.ctx, r->key);
	source_unref(&r->source);
	headers_unref(&r->headers);
	conf_unref(&r->conf);
	file_hook_publisher_fini(&r->publisher);
	free(r->key);
	free(r->vhost);
	free(r->app);
	free(r->stream);
	free(r);
}

static void recorder_main(void *arg)
{
	struct recorder *r = arg;
	r->co = co_self();
	do {
		follow(r);
		close_recording(r);
	} while (r->source->is_on && !co_stopping() && !r->is_stopping);
	recorder_end(r);
}

void recorder_start(struct map *recorders, struct server *server, struct source *source,
		    const struct conf_vhost *vhost, const struct recorder_owner *owner)
{
	struct recorder *r = mem_new(struct recorder);
	*r = (struct recorder){
		.recorders = recorders,
		.server = server,
		.conf = conf_ref(server->conf),
		.conf_vhost = vhost,
		.opts = &vhost->dvr,
		.key = mem_strdup(source->key),
		.vhost = mem_strdup(vhost->name),
		.app = mem_strdup(source->app),
		.stream = mem_strdup(source->stream),
		.source = source_ref(source),
		.files = files_new("."),
		.awaits_key = true,
		.owner = *owner,
		.since_wall_ms = clock_wall_ms(),
	};
	(void)map_set(recorders, r->key, r);
	if (!co_start_in(&server->services, "dvr", recorder_main, r)) {
		log_error("%s is not recorded: there is no memory for a coroutine", r->key);
		recorder_end(r);
	}
}

bool recorder_facts(struct recorder_facts *out, const struct recorder *r)
{
	if (r->is_over)
		return false;
	*out = (struct recorder_facts){
		.vhost = r->vhost,
		.app = r->app,
		.stream = r->stream,
		.path = r->recording ? r->recording->path : "",
		.since_wall_ms = r->since_wall_ms,
		.duration_ms = r->recording ? r->duration_ms : 0,
		.bytes = r->recording ? r->recording->written : 0,
		.lost = files_lost(r->files),
	};
	return true;
}

void recorder_stop(struct recorder *r)
{
	r->is_stopping = true;
	r->is_again = false;
	if (r->co)
		co_wake(r->co);
}

void recorder_go_on(struct recorder *r)
{
	r->is_stopping = false;
	r->is_again = r->is_over;
}
