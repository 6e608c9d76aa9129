#include "output/files.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum { QUEUE_MAX = 256, END_MS = 2000 };
#define QUEUE_BYTES ((size_t)64 << 20)

struct work {
	struct work *next;
	char *path;        /* whole */
	struct blob *blob; /* NULL: the file is removed */
	int error;         /* errno of what failed */
};

struct files {
	char *root;
	struct co *co;
	struct work *queue;
	int count;
	size_t bytes;
	bool is_closing, is_failing;
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

static int write_all(int fd, struct span s)
{
	for (off_t at = 0; (size_t)at < s.n;) {
		ssize_t n = pwrite(fd, s.p + at, s.n - (size_t)at, at);
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
	make_folders(path);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		int error = errno;
		free(temporary);
		return error;
	}
	int error = write_all(fd, blob_span(blob));
	if (close(fd) != 0 && !error)
		error = errno;
	if (!error && rename(temporary, path) != 0)
		error = errno;
	if (error)
		(void)!unlink(temporary);
	free(temporary);
	return error;
}

/* On a helper thread. */
static void do_work(void *arg)
{
	struct work *w = arg;
	if (w->blob)
		w->error = replace(w->path, w->blob);
	else if (unlink(w->path) != 0 && errno != ENOENT)
		w->error = errno;
}

static void work_free(struct work *w)
{
	blob_unref(&w->blob);
	free(w->path);
	free(w);
}

static void note(struct files *f, const struct work *w)
{
	if (!w->blob)
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
		co_offload(do_work, w);
		LL_DELETE(f->queue, w);
		f->count--;
		f->bytes -= w->blob ? w->blob->n : 0;
		note(f, w);
		work_free(w);
	}
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
		work_free(w);
	free(f->root);
	free(f);
}

static void push(struct files *f, const char *path, struct blob *blob)
{
	size_t n = blob ? blob->n : 0;
	if (!f->co || f->count >= QUEUE_MAX || (f->count > 0 && f->bytes + n > QUEUE_BYTES)) {
		if (blob && f->lost++ == 0)
			log_warn("%s is not written: the disk does not keep up", path);
		return;
	}
	struct work *w = mem_new(struct work);
	w->path = *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", f->root, path);
	w->blob = blob ? blob_ref(blob) : NULL;
	LL_APPEND(f->queue, w);
	f->count++;
	f->bytes += n;
	co_wake(f->co);
}

void files_write(struct files *files, const char *path, struct blob *blob)
{
	push(files, path, blob);
}

void files_remove(struct files *files, const char *path)
{
	push(files, path, NULL);
}

uint64_t files_lost(const struct files *files)
{
	return files->lost;
}
