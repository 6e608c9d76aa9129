#include "output/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "output/file_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

enum {
	QUEUE_MAX = 8192, /* of small writes: bytes are the bound */
	BATCH = 16,
	END_MS = 2000,
	WELL_MS = 60000, /* without a failure: the disk is well, however small what was written */
};
#define QUEUE_BYTES ((size_t)64 << 20)

enum work_kind { REPLACE, RENEW, REMOVE, RETIRE, TIDY, SWEEP, WRITE_AT, RENAME, SETTLE };

struct work {
	struct work *next;
	struct files *files;
	enum work_kind kind;
	char *path; /* whole */
	char *to;   /* of RENAME */
	struct blob *blob;
	int64_t offset;
	int error; /* errno of what failed */
	struct files_done done;
};

struct files {
	char *root;
	struct co *co, *drainer; /* who waits in files_drain(); NULL */
	/* For the helper thread that works on this queue, one at a time. */
	struct file_kept kept;
	struct work *queue;
	int count;
	size_t bytes;
	bool is_closing, is_failing;
	size_t failed_bytes; /* the smallest write that has failed since, */
	int64_t failed_ms;   /* and when one last did */
	char *damaged;       /* the file that has a gap from `damaged_at` on; NULL */
	int64_t damaged_at;
	int64_t end_ms;
	uint64_t lost;
};

static int name_it(struct work *w)
{
	char *name = NULL;
	int error = file_give_name(w->path, w->to, &name);
	free(w->to);
	w->to = name;
	return error;
}

static int end_file(struct work *w)
{
	if (w->offset > 0 && truncate(w->path, w->offset) != 0)
		return errno;
	return w->kind == RENAME ? name_it(w) : 0;
}

static int work_on(struct file_kept *kept, struct work *w)
{
	switch (w->kind) {
	case REPLACE:
		return file_write(kept, w->path, blob_span(w->blob));
	case RENEW:
		return file_renew(kept, w->path, blob_span(w->blob));
	case REMOVE:
		return file_remove(w->path);
	case RETIRE:
		return file_retire(kept, w->path);
	case WRITE_AT:
		return file_write_at(w->path, blob_span(w->blob), w->offset);
	case RENAME:
	case SETTLE:
		return end_file(w);
	case TIDY:
		file_tidy(kept);
		break;
	case SWEEP:
		file_sweep(w->path);
	}
	return 0;
}

/* On a helper thread. */
static void do_work(void *arg)
{
	for (struct work *w = arg; w; w = w->next)
		w->error = work_on(&w->files->kept, w);
}

static void work_free(struct work *w, bool is_done)
{
	const char *path = w->kind == RENAME ? w->to : w->path;
	if (w->done.fn)
		w->done.fn(w->done.ctx, is_done && !w->error ? path : NULL);
	blob_unref(&w->blob);
	free(w->path);
	free(w->to);
	free(w);
}

/* A full disk has room for what is small, a name or a playlist: that says nothing of what has failed. */
static void note(struct files *f, const struct work *w)
{
	if (w->kind == REMOVE || w->kind == RETIRE || w->kind == TIDY || w->kind == SWEEP)
		return;
	size_t n = w->blob ? w->blob->n : 0;
	if (w->error) {
		f->lost++;
		if (!f->is_failing)
			log_error("%s cannot be written: %s; the stream goes on without files",
				  w->path, strerror(w->error));
		f->failed_bytes = f->is_failing && f->failed_bytes < n ? f->failed_bytes : n;
		f->is_failing = true;
		f->failed_ms = clock_ms();
	} else if (f->is_failing &&
		   (n >= f->failed_bytes / 2 || clock_ms() - f->failed_ms > WELL_MS)) {
		log_info("%s: files can be written again, %llu were not", w->path,
			 (unsigned long long)f->lost);
		f->is_failing = false;
	}
}

/* A file with a gap is of no use behind it. False: nothing is to be done. */
static bool prepare_one(struct files *f, struct work *w)
{
	if (!f->damaged || strcmp(f->damaged, w->path) != 0)
		return true;
	/* What is in front may still be filled in. */
	if (w->kind == WRITE_AT)
		return w->offset + (int64_t)w->blob->n <= f->damaged_at;
	if (w->kind == RENAME || w->kind == SETTLE)
		w->offset = f->damaged_at;
	free(f->damaged);
	f->damaged = NULL;
	return true;
}

static bool prepare(struct files *f, struct work *batch)
{
	bool is_good = true;
	for (struct work *w = batch; w; w = w->next)
		is_good = prepare_one(f, w);
	return is_good;
}

static void note_damage(struct files *f, const char *path, int64_t offset)
{
	if (f->damaged && strcmp(f->damaged, path) == 0)
		return;
	free(f->damaged);
	f->damaged = mem_strdup(path);
	f->damaged_at = offset;
}

static bool is_whole(const struct work *w)
{
	return w->kind <= TIDY;
}

/* What a thread does at once: for one step of a stream it is woken once. Pieces of files are looked at one by one, as
 * what happens to one decides about the next. */
static struct work *take_batch(struct files *f)
{
	struct work *first = f->queue, *last = first;
	for (int i = 1; i < BATCH && is_whole(last) && last->next && is_whole(last->next); i++)
		last = last->next;
	f->queue = last->next;
	last->next = NULL;
	return first;
}

/* What was not tried says nothing of the disk. */
static void finish_batch(struct files *f, struct work *batch, bool was_tried)
{
	struct work *w, *next;
	LL_FOREACH_SAFE (batch, w, next) {
		f->count--;
		f->bytes -= w->blob ? w->blob->n : 0;
		if (was_tried)
			note(f, w);
		if (w->kind == WRITE_AT && w->error)
			note_damage(f, w->path, w->offset);
		work_free(w, true);
	}
}

static void files_main(void *arg)
{
	struct files *f = arg;
	while (f->queue || !f->is_closing) {
		if (!f->queue) {
			(void)co_wait(CLOCK_NEVER);
			continue;
		}
		if (f->is_closing && clock_ms() > f->end_ms)
			break;
		struct work *batch = take_batch(f);
		bool is_tried = prepare(f, batch);
		if (is_tried)
			co_offload(do_work, batch);
		finish_batch(f, batch, is_tried);
		if (f->count == 0 && f->drainer)
			co_wake(f->drainer);
	}
}

void files_drain(struct files *f)
{
	err e = OK;
	f->drainer = co_self();
	while (f->count > 0 && f->co && e == OK)
		e = co_wait(CLOCK_NEVER);
	f->drainer = NULL;
}

struct files *files_new(const char *root)
{
	struct files *f = mem_new(struct files);
	f->root = mem_strdup(root);
	f->co = co_start("files", files_main, f);
	return f;
}

void files_free(struct files **files)
{
	struct files *f = *files;
	*files = NULL;
	if (!f)
		return;
	if (f->kept.spare)
		files_tidy(f);
	f->is_closing = true;
	f->end_ms = clock_after(END_MS);
	if (f->co)
		co_wake(f->co);
	co_join(&f->co);
	struct work *w, *next;
	LL_FOREACH_SAFE (f->queue, w, next)
		work_free(w, false);
	free(f->kept.spare);
	free(f->kept.former);
	free(f->damaged);
	free(f->root);
	free(f);
}

static char *whole(const struct files *f, const char *path)
{
	return *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", f->root, path);
}

/* Takes nothing. A name is always given: it costs no memory to speak of. */
static void push(struct files *f, struct work what, const char *path)
{
	size_t n = what.blob ? what.blob->n : 0;
	bool is_full = f->count >= QUEUE_MAX || (f->count > 0 && f->bytes + n > QUEUE_BYTES);
	if (!f->co || (is_full && what.kind != RENAME && what.kind != SETTLE)) {
		if (what.blob && f->lost++ == 0)
			log_warn("%s is not written: the disk does not keep up", path);
		if (what.kind == WRITE_AT) {
			char *damaged = whole(f, path);
			note_damage(f, damaged, what.offset);
			free(damaged);
		}
		if (what.done.fn)
			what.done.fn(what.done.ctx, NULL);
		free(what.to);
		return;
	}
	struct work *w = mem_new(struct work);
	*w = what;
	w->files = f;
	w->path = whole(f, path);
	if (what.blob)
		blob_ref(what.blob);
	LL_APPEND(f->queue, w);
	f->count++;
	f->bytes += n;
	co_wake(f->co);
}

void files_write(struct files *files, const char *path, struct blob *blob, struct files_done done)
{
	push(files, (struct work){.kind = REPLACE, .blob = blob, .done = done}, path);
}

void files_write_at(struct files *files, const char *path, struct blob *blob, int64_t offset)
{
	push(files, (struct work){.kind = WRITE_AT, .blob = blob, .offset = offset}, path);
}

void files_rename(struct files *files, const char *path, const char *to, struct files_done done)
{
	push(files, (struct work){.kind = RENAME, .to = whole(files, to), .done = done}, path);
}

void files_settle(struct files *files, const char *path, struct files_done done)
{
	push(files, (struct work){.kind = SETTLE, .done = done}, path);
}

void files_remove(struct files *files, const char *path)
{
	push(files, (struct work){.kind = REMOVE}, path);
}

void files_keep(struct files *files, const char *path)
{
	char *stem = whole(files, path);
	files->kept.spare = mem_printf("%s.%d.spare", stem, (int)getpid());
	files->kept.former = mem_printf("%s.%d.tmp", stem, (int)getpid());
	free(stem);
	push(files, (struct work){.kind = SWEEP}, path);
}

void files_retire(struct files *files, const char *path)
{
	push(files, (struct work){.kind = RETIRE}, path);
}

void files_renew(struct files *files, const char *path, struct blob *blob)
{
	push(files, (struct work){.kind = RENEW, .blob = blob}, path);
}

void files_tidy(struct files *files)
{
	push(files, (struct work){.kind = TIDY}, "");
}

uint64_t files_lost(const struct files *files)
{
	return files->lost;
}
