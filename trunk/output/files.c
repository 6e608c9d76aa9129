#include "output/files.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum { QUEUE_MAX = 8192, END_MS = 2000 }; /* of small writes: bytes are the bound */
enum { FLAGS = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE = 0644 };
#define QUEUE_BYTES ((size_t)64 << 20)

enum work_kind { REPLACE, REMOVE, WRITE_AT, RENAME, SETTLE };

struct work {
	struct work *next;
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
	struct work *queue;
	int count;
	size_t bytes;
	bool is_closing, is_failing;
	char *damaged; /* the file that has a gap from `damaged_at` on; NULL */
	int64_t damaged_at;
	int64_t end_ms;
	uint64_t lost;
};

/* The folders of a path, from the top. */
static void make_folders(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)!mkdir(path, 0755);
		*p = '/';
	}
}

/* Folders are there but for the first file in them. */
static int open_new(char *path, int flags)
{
	int fd = open(path, FLAGS | flags, MODE);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	make_folders(path);
	return open(path, FLAGS | flags, MODE);
}

static int write_all(int fd, struct span s, off_t offset)
{
	for (off_t at = 0; (size_t)at < s.n;) {
		ssize_t n = pwrite(fd, s.p + at, s.n - (size_t)at, offset + at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		at += n;
	}
	return 0;
}

static int replace(char *path, const struct blob *blob)
{
	char *temporary = mem_printf("%s.tmp", path);
	int fd = open_new(temporary, O_TRUNC);
	if (fd < 0) {
		int error = errno;
		free(temporary);
		return error;
	}
	int error = write_all(fd, blob_span(blob), 0);
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(temporary, path) != 0)
		error = errno;
	if (error)
		(void)!unlink(temporary);
	free(temporary);
	return error;
}

static int write_at(char *path, const struct blob *blob, int64_t offset)
{
	int fd = offset > 0 ? open(path, FLAGS, MODE) : open_new(path, 0);
	if (fd < 0)
		return errno;
	int error = write_all(fd, blob_span(blob), offset);
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

/* "a.flv" to "a-2.flv". */
static char *other_name(const char *path, unsigned number)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
	return mem_printf("%.*s-%u%s", (int)stem, path, number, path + stem);
}

/* A link does not take the place of another file, as a rename would. */
int files_give_name(const char *path, const char *to, char **name)
{
	enum { TRIES = 1000 };
	char *chosen = mem_strdup(to);
	int error = link(path, chosen) == 0 ? 0 : errno;
	for (unsigned i = 1; error == EEXIST && i < TRIES; i++) {
		free(chosen);
		chosen = other_name(to, i);
		error = link(path, chosen) == 0 ? 0 : errno;
	}
	if (error && error != EEXIST) /* a file system without links */
		error = rename(path, chosen) == 0 ? 0 : errno;
	else if (!error)
		(void)!unlink(path);
	if (name)
		*name = chosen;
	else
		free(chosen);
	return error;
}

static int name_it(struct work *w)
{
	char *name = NULL;
	int error = files_give_name(w->path, w->to, &name);
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

/* On a helper thread. */
static void do_work(void *arg)
{
	struct work *w = arg;
	if (w->kind == REPLACE)
		w->error = replace(w->path, w->blob);
	else if (w->kind == WRITE_AT)
		w->error = write_at(w->path, w->blob, w->offset);
	else if (w->kind == RENAME || w->kind == SETTLE)
		w->error = end_file(w);
	else if (unlink(w->path) != 0 && errno != ENOENT)
		w->error = errno;
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

static void note(struct files *f, const struct work *w)
{
	if (w->kind == REMOVE)
		return;
	if (w->error) {
		f->lost++;
		if (!f->is_failing)
			log_error("%s cannot be written: %s; the stream goes on without files",
				  w->path, strerror(w->error));
	} else if (f->is_failing) {
		log_info("%s: files can be written again, %llu were not", w->path,
			 (unsigned long long)f->lost);
	}
	f->is_failing = w->error != 0;
}

/* A file with a gap is of no use behind it. False: nothing is to be done. */
static bool prepare(struct files *f, struct work *w)
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

static void note_damage(struct files *f, const char *path, int64_t offset)
{
	if (f->damaged && strcmp(f->damaged, path) == 0)
		return;
	free(f->damaged);
	f->damaged = mem_strdup(path);
	f->damaged_at = offset;
}

static void files_main(void *arg)
{
	struct files *f = arg;
	while (f->queue || !f->is_closing) {
		struct work *w = f->queue;
		if (!w) {
			(void)co_wait(CLOCK_NEVER);
			continue;
		}
		if (f->is_closing && clock_ms() > f->end_ms)
			break;
		if (prepare(f, w))
			co_offload(do_work, w);
		LL_DELETE(f->queue, w);
		f->count--;
		f->bytes -= w->blob ? w->blob->n : 0;
		note(f, w);
		if (w->kind == WRITE_AT && w->error)
			note_damage(f, w->path, w->offset);
		work_free(w, true);
		if (!f->queue && f->drainer)
			co_wake(f->drainer);
	}
}

void files_drain(struct files *f)
{
	err e = OK;
	f->drainer = co_self();
	while (f->queue && f->co && e == OK)
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
	f->is_closing = true;
	f->end_ms = clock_after(END_MS);
	if (f->co)
		co_wake(f->co);
	co_join(&f->co);
	struct work *w, *next;
	LL_FOREACH_SAFE (f->queue, w, next)
		work_free(w, false);
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

uint64_t files_lost(const struct files *files)
{
	return files->lost;
}
