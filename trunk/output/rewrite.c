#include "output/rewrite.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/mp4_movie.h"
#include "output/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_BOXES = 2000, STEP_BYTES = 8 << 20, COPY_BYTES = 256 << 10 };
enum { INIT_MAX = 64 << 10, MOOF_MAX = 4 << 20, HEAD_MAX = 192 << 20 };

struct piece { /* samples of a fragment */
	int64_t at;
	uint32_t n;
};

struct rewrite {
	enum { OPEN, READ, COPY, SYNC, OVER } stage;
	char *from, *to;
	int in, out;
	int64_t at, size, written; /* read; of the input; of the output */
	struct buf init, moof, head;
	struct mp4_movie movie;
	struct piece *pieces;
	size_t count, room, copied; /* copied: pieces */
	uint8_t *copy;
	char problem[100];
};

struct rewrite *rewrite_new(const char *temporary)
{
	struct rewrite *r = mem_new(struct rewrite);
	r->from = mem_strdup(temporary);
	r->to = recovery_part(temporary);
	r->in = r->out = -1;
	r->init.max = INIT_MAX;
	r->moof.max = MOOF_MAX;
	r->head.max = HEAD_MAX;
	(void)snprintf(r->problem, sizeof(r->problem), "the server ends");
	return r;
}

bool rewrite_goes_on(const struct rewrite *r)
{
	return r->stage != OVER;
}

const char *rewrite_problem(const struct rewrite *r)
{
	return r->problem;
}

static void fail(struct rewrite *r, const char *problem)
{
	r->stage = OVER;
	(void)snprintf(r->problem, sizeof(r->problem), "%s", problem);
}

static bool read_at(int fd, void *p, size_t n, int64_t at)
{
	return pread(fd, p, n, at) == (ssize_t)n;
}

static bool read_into(struct rewrite *r, struct buf *b, size_t n, int64_t at)
{
	buf_clear(b);
	uint8_t *p = buf_grow(b, n);
	return p && read_at(r->in, p, n, at);
}

static void open_files(struct rewrite *r)
{
	struct stat st;
	r->in = open(r->from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r->out = open(r->to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r->in < 0 || r->out < 0 || fstat(r->in, &st) != 0) {
		fail(r, strerror(errno));
		return;
	}
	r->size = st.st_size;
	r->stage = READ;
}

static bool begin_movie(struct rewrite *r)
{
	return r->at <= INIT_MAX && read_into(r, &r->init, (size_t)r->at, 0) &&
	       mp4_movie_begin(&r->movie, buf_span(&r->init));
}

/* A box of the recording. False: it is none of those that recordings have. */
static bool read_box(struct rewrite *r, const uint8_t *type, uint32_t n)
{
	bool is_moof = memcmp(type, "moof", 4) == 0, is_begun = r->movie.count > 0;
	if (!is_begun && (is_moof || memcmp(type, "styp", 4) == 0) && !begin_movie(r))
		return false;
	if (is_moof)
		return read_into(r, &r->moof, n - 8, r->at + 8);
	if (memcmp(type, "mdat", 4) != 0)
		return true;
	if (!mp4_movie_add(&r->movie, buf_span(&r->moof), n - 8))
		return false;
	vec_reserve(r->pieces, r->room, r->count + 1);
	r->pieces[r->count++] = (struct piece){r->at + 8, n - 8};
	return true;
}

static bool append(struct rewrite *r, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = pwrite(r->out, p, n, r->written);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		r->written += done;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static void write_head(struct rewrite *r)
{
	if (!mp4_movie_write(&r->movie, &r->head))
		fail(r, "it has too many samples");
	else if (!append(r, r->head.p, r->head.n))
		fail(r, strerror(errno));
	else
		r->stage = COPY;
	buf_free(&r->head);
	mp4_movie_fini(&r->movie);
	r->copy = mem_alloc(COPY_BYTES);
}

static void read_boxes(struct rewrite *r)
{
	uint8_t head[8];
	for (int i = 0; i < STEP_BOXES && r->at < r->size; i++) {
		if (!read_at(r->in, head, 8, r->at)) {
			fail(r, "it cannot be read");
			return;
		}
		struct cur c = cur_of(head, 4);
		uint32_t n = cur_u32(&c);
		if (n < 8 || r->at + n > r->size || !read_box(r, head + 4, n)) {
			fail(r, "its fragments have another form, or too many samples");
			return;
		}
		r->at += n;
	}
	if (r->at == r->size)
		write_head(r);
}

static bool copy_piece(struct rewrite *r, struct piece p)
{
	while (p.n > 0) {
		size_t n = p.n < COPY_BYTES ? p.n : COPY_BYTES;
		if (!read_at(r->in, r->copy, n, p.at) || !append(r, r->copy, n))
			return false;
		p.at += (int64_t)n;
		p.n -= (uint32_t)n;
	}
	return true;
}

static void copy_pieces(struct rewrite *r)
{
	for (size_t done = 0; done < STEP_BYTES && r->copied < r->count; r->copied++) {
		errno = EIO;
		if (!copy_piece(r, r->pieces[r->copied])) {
			fail(r, strerror(errno));
			return;
		}
		done += r->pieces[r->copied].n;
	}
	r->stage = SYNC;
}

/* Copied bytes are flushed to the disk step by step, so that no step is long. */
static void sync_file(struct rewrite *r)
{
	if (fdatasync(r->out) != 0) {
		fail(r, strerror(errno));
		return;
	}
	r->stage = r->copied < r->count ? COPY : OVER;
	if (r->stage == OVER)
		r->problem[0] = '\0';
}

void rewrite_step(void *rewrite)
{
	struct rewrite *r = rewrite;
	if (r->stage == OPEN)
		open_files(r);
	else if (r->stage == READ)
		read_boxes(r);
	else if (r->stage == COPY)
		copy_pieces(r);
	else if (r->stage == SYNC)
		sync_file(r);
}

void rewrite_close(void *rewrite)
{
	struct rewrite *r = rewrite;
	if (r->in >= 0)
		close(r->in);
	if (r->out >= 0)
		close(r->out);
	mp4_movie_fini(&r->movie);
	buf_free(&r->init);
	buf_free(&r->moof);
	buf_free(&r->head);
	free(r->pieces);
	free(r->copy);
	free(r->from);
	free(r->to);
	free(r);
}
