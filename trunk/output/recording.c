#include "output/recording.h"
#include "base/mem.h"
#include "output/recovery.h"

#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 256 * 1024, PENDING_MAX = 192 << 20 };

const struct recording_format *recording_format_of(const char *path)
{
	size_t n = strlen(path), m = strlen(recording_mp4.ending);
	bool is_mp4 = n > m && strcmp(path + n - m, recording_mp4.ending) == 0;
	return is_mp4 ? &recording_mp4 : &recording_flv;
}

static struct recording *prepare(const struct recording_format *format, struct files *files,
				 char *path)
{
	struct recording *r = mem_new(struct recording);
	r->format = format;
	r->state = mem_zalloc(format->state_size);
	r->files = files;
	r->path = path;
	r->pending.max = PENDING_MAX;
	return r;
}

struct recording *recording_new(const struct recording_format *format, struct files *files,
				char *path, const struct headers *headers)
{
	struct recording *r = prepare(format, files, path);
	r->temporary = recovery_temporary(path);
	format->begin(r, headers, NULL);
	return r;
}

struct taking {
	const char *path;
	char *temporary;
	struct stored stored;
};

static void take_file(void *arg)
{
	struct taking *t = arg;
	t->temporary = stored_take(&t->stored, t->path);
}

struct recording *recording_append(const struct recording_format *format, struct files *files,
				   char *path, const struct headers *headers)
{
	struct taking t = {.path = path};
	co_offload(take_file, &t);
	if (!t.temporary)
		return recording_new(format, files, path, headers);
	struct recording *r = prepare(format, files, path);
	r->temporary = t.temporary;
	r->was_there = true;
	r->written = t.stored.bytes;
	r->offset_ms = t.stored.end_ms;
	format->begin(r, headers, &t.stored);
	stored_fini(&t.stored);
	return r;
}

void recording_part(struct recording *r)
{
	files_rename(r->files, r->temporary, r->path, (struct files_done){0});
	free(r->temporary);
	r->temporary = recovery_temporary(r->path);
	r->was_there = false;
	r->written = r->offset_ms = 0;
}

void recording_close(struct recording **recording)
{
	struct recording *r = *recording;
	*recording = NULL;
	if (!r)
		return;
	r->format->finish(r);
	recording_flush(r, true);
	bool is_kept = (r->has_media || r->was_there) && r->written > 0;
	if (is_kept && r->rewriter)
		files_settle(r->files, r->temporary, rewriter_job(r->rewriter, r->path, r->done));
	else if (is_kept)
		files_rename(r->files, r->temporary, r->path, r->done);
	else if (r->written > 0)
		files_remove(r->files, r->temporary);
	if (r->done.fn && !is_kept)
		r->done.fn(r->done.ctx, NULL);
	buf_free(&r->pending);
	free(r->state);
	free(r->path);
	free(r->temporary);
	free(r);
}

bool recording_take(struct recording *r, struct msg *msg)
{
	if (!r->format->take(r, msg))
		return false;
	bool is_media = msg->type != MSG_DATA && !msg->frame.is_header;
	if (is_media && !r->has_media)
		r->base = msg->ts;
	r->has_media |= is_media;
	return true;
}

int64_t recording_ms_at(const struct recording *r, const struct msg *msg)
{
	return r->has_media ? r->offset_ms + msg->ts - r->base : r->offset_ms;
}

void recording_flush(struct recording *r, bool all)
{
	if (r->pending.n == 0 || (!all && r->pending.n < FLUSH_BYTES))
		return;
	struct blob *blob = blob_new(&r->pending);
	if (blob) {
		files_write_at(r->files, r->temporary, blob, r->written);
		r->written += (int64_t)blob->n;
	}
	blob_unref(&blob);
}

void recording_patch(struct recording *r, int64_t at, struct buf *bytes)
{
	struct blob *blob = blob_new(bytes);
	if (blob)
		files_write_at(r->files, r->temporary, blob, at);
	blob_unref(&blob);
}
