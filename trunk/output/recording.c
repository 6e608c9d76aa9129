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

struct recording *recording_new(const struct recording_format *format, struct files *files,
				char *path, const struct headers *headers)
{
	struct recording *r = mem_new(struct recording);
	r->format = format;
	r->state = mem_zalloc(format->state_size);
	r->files = files;
	r->path = path;
	r->temporary = recovery_temporary(path);
	r->pending.max = PENDING_MAX;
	format->begin(r, headers);
	return r;
}

void recording_close(struct recording **recording)
{
	struct recording *r = *recording;
	*recording = NULL;
	if (!r)
		return;
	r->format->finish(r);
	recording_flush(r, true);
	if (r->has_media && r->written > 0)
		files_rename(r->files, r->temporary, r->path, r->done);
	else if (r->written > 0)
		files_remove(r->files, r->temporary);
	if (r->done.fn && !(r->has_media && r->written > 0))
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
	return r->has_media ? msg->ts - r->base : 0;
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
	buf_clear(&r->pending);
	r->pending.bad = false;
}

void recording_patch(struct recording *r, int64_t at, const struct buf *bytes)
{
	struct blob *blob = blob_new(bytes);
	if (blob)
		files_write_at(r->files, r->temporary, blob, at);
	blob_unref(&blob);
}
