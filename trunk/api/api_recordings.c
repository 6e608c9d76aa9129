/* /api/v1/recordings: what is being recorded, what lies on the disk, and begun and ended by hand. */
#include "api/api_route.h"
#include "base/mem.h"
#include "co/gate.h"
#include "codec/url.h"
#include "output/catalog.h"
#include "output/dvr.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_PRESET = 100, COUNT_MAX = 10000, PATIENCE_MS = 10000, FILES_PER_TURN = 64 };

/* A folder may be large, and who asks often must not keep those threads from files that are being written. */
static struct gate reading = {.room = 1};

static void put_recorder(const struct recorder_facts *facts, void *ctx)
{
	json_t *object = json_object();
	json_put_text(object, "vhost", facts->vhost);
	json_put_text(object, "app", facts->app);
	json_put_text(object, "stream", facts->stream);
	json_put_text(object, "file", facts->path);
	json_put_int(object, "since", facts->since_wall_ms);
	json_put_int(object, "duration_ms", facts->duration_ms);
	json_put_int(object, "bytes", facts->bytes);
	json_put_int(object, "lost", (int64_t)facts->lost);
	json_array_append_new(ctx, object);
}

/* ---- files ---- */

struct reading_job {
	char *pattern;
	size_t skip, count, left;
	struct catalog page;
};

/* What is not in the page is freed here, too: that may be fifty thousand names. */
static void read_catalog(void *arg)
{
	struct reading_job *job = arg;
	job->left = catalog_read_page(&job->page, job->pattern, job->skip, job->count);
}

static void put_file(json_t *list, const struct catalog_entry *e)
{
	json_t *object = json_object();
	json_put_text(object, "file", e->path);
	json_put_int(object, "bytes", e->bytes);
	json_put_int(object, "modified", e->modified_s * 1000);
	json_array_append_new(list, object);
}

static void put_page(json_t *list, struct catalog *page)
{
	for (size_t i = 0; i < page->count; i++) {
		put_file(list, &page->entries[i]);
		free(page->entries[i].path);
		page->entries[i].path = NULL;
		if (i % FILES_PER_TURN == FILES_PER_TURN - 1)
			co_yield ();
	}
	catalog_free(page);
}

/* The newest first; *left: how many are behind those. */
static err put_files(json_t *list, const struct conf_vhost *vhost, int skip, int count,
		     int64_t *left)
{
	struct gate_pass pass = {0};
	TRY(gate_enter(&reading, &pass, clock_after(PATIENCE_MS)));
	struct reading_job job = {.pattern = catalog_pattern(vhost->dvr.path),
				  .skip = (size_t)skip,
				  .count = (size_t)count};
	co_offload(read_catalog, &job);
	gate_leave(&reading, &pass);
	free(job.pattern);
	put_page(list, &job.page);
	*left = (int64_t)job.left;
	return OK;
}

static const struct conf_vhost *vhost_of(const struct api_call *call)
{
	char *name = api_query(call, "vhost");
	const struct conf_vhost *vhost = conf_vhost_find(call->conf, *name ? name : DEFAULT_VHOST);
	free(name);
	return vhost && vhost->enabled ? vhost : NULL;
}

static enum api_code list(struct api_call *call)
{
	const struct conf_vhost *vhost = vhost_of(call);
	int skip = api_query_int(call, "start", 0, 0, INT32_MAX);
	int count = api_query_int(call, "count", COUNT_PRESET, 1, COUNT_MAX);
	if (!vhost)
		return API_NO_VHOST;
	json_t *recording = json_array(), *files = json_array();
	dvr_each(call->server->dvr, put_recorder, recording);
	int64_t left = 0;
	err e = vhost->dvr.enabled ? put_files(files, vhost, skip, count, &left) : OK;
	json_object_set_new(call->answer, "recording", recording);
	json_object_set_new(call->answer, "files", files);
	json_put_int(call->answer, "left_out", left);
	return e == OK ? API_OK : API_BUSY;
}

/* ---- by hand ---- */

static enum api_code act(struct api_call *call, struct source *source)
{
	if (call->method == HTTP_METHOD_DELETE) {
		dvr_end(call->server->dvr, source);
		return API_OK;
	}
	return dvr_record(call->server->dvr, source) == DVR_OK ? API_OK : API_RAW_OFF;
}

enum api_code api_recordings(struct api_call *call)
{
	if (call->method != HTTP_METHOD_POST && call->method != HTTP_METHOD_DELETE)
		return list(call);
	const struct conf_vhost *vhost = vhost_of(call);
	if (!vhost)
		return API_NO_VHOST;
	char *app = api_query(call, "app"), *stream = api_query(call, "stream");
	struct source *source = server_live_source(call->server, vhost, app, stream);
	enum api_code code = source ? act(call, source) : API_NO_STREAM;
	free(app);
	free(stream);
	return code;
}
