#include "output/stored.h"
#include "base/mem.h"
#include "codec/mp4_read.h"
#include "output/recovery.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VIDEO_LOOK = 16, INIT_MAX = 64 * 1024, MOOF_MAX = 4 << 20, LAST_MOOFS = 8 };
#define END_MAX                                                                                    \
	((int64_t)INT32_MAX) /* what a tag can say, and a player reads as a positive number */

static bool read_at(int fd, void *p, size_t n, int64_t at)
{
	return pread(fd, p, n, at) == (ssize_t)n;
}

static uint32_t be(const uint8_t *p, size_t n)
{
	struct cur c = cur_of(p, n);
	return (uint32_t)cur_be(&c, n);
}

static uint32_t time_of_tag(const uint8_t *head)
{
	return be(head + 4, 3) | (uint32_t)head[7] << 24;
}

/* ---- FLV ---- */

static void note_tag(struct stored *s, const uint8_t *head, const uint8_t *look, size_t n,
		     int64_t at)
{
	struct frame f = {0};
	if (head[0] == MSG_VIDEO)
		f = frame_of_video(span_of(look, n));
	else if (head[0] == MSG_AUDIO)
		f = frame_of_audio(span_of(look, n));
	if (!f.is_coded)
		return;
	if (head[0] == MSG_VIDEO && f.is_key)
		flv_index_add(&s->index, time_of_tag(head), at);
	s->facts.has_video |= head[0] == MSG_VIDEO;
	s->facts.has_audio |= head[0] == MSG_AUDIO;
	s->facts.last_ms = time_of_tag(head);
}

/* Where the last whole tag ends. */
static int64_t scan_flv(struct stored *s, int fd, int64_t size)
{
	int64_t at = FLV_HEADER_SIZE;
	uint8_t head[FLV_TAG_HEADER_SIZE + VIDEO_LOOK], back[4];
	while (at + FLV_TAG_EXTRA <= size && read_at(fd, head, FLV_TAG_HEADER_SIZE, at)) {
		uint32_t n = be(head + 1, 3);
		int64_t end = at + FLV_TAG_HEADER_SIZE + n;
		size_t look = n < VIDEO_LOOK ? n : VIDEO_LOOK;
		if (end + 4 > size || !read_at(fd, back, 4, end) ||
		    be(back, 4) != n + FLV_TAG_HEADER_SIZE ||
		    !read_at(fd, head + FLV_TAG_HEADER_SIZE, look, at + FLV_TAG_HEADER_SIZE))
			break;
		note_tag(s, head, head + FLV_TAG_HEADER_SIZE, look, at);
		at = end + 4;
	}
	return at;
}

/* The members of the metadata that stand in front, which have the size of an index. */
static struct amf *read_metadata(int fd)
{
	struct amf *name = NULL, *value = NULL;
	uint8_t *body = mem_alloc(FLV_INDEX_TAG);
	if (read_at(fd, body, FLV_INDEX_TAG, FLV_HEADER_SIZE) &&
	    be(body + 1, 3) == FLV_INDEX_TAG - FLV_TAG_EXTRA) {
		struct cur c = cur_of(body + FLV_TAG_HEADER_SIZE, FLV_INDEX_TAG - FLV_TAG_EXTRA);
		if (amf_read(&name, &c) == OK)
			(void)!amf_read(&value, &c);
	}
	amf_free(&name);
	free(body);
	return value;
}

void stored_read_flv(struct stored *s, int fd, int64_t size)
{
	int64_t end = scan_flv(s, fd, size);
	s->metadata = read_metadata(fd);
	s->bytes = s->facts.has_audio || s->facts.has_video ? end : 0;
	s->facts.bytes = end;
	s->end_ms = s->facts.last_ms;
}

/* Key frames as the metadata have them; false: they do not fit the file. */
static bool read_keys(struct stored *s, int64_t size)
{
	const struct amf *keys = amf_get(s->metadata, "keyframes");
	const struct amf *at = amf_get(keys, "filepositions"), *time = amf_get(keys, "times");
	at = at ? at->child : NULL;
	time = time ? time->child : NULL;
	int64_t last = FLV_INDEX_TAG;
	for (; at && time; at = at->next, time = time->next) {
		double position = amf_num(at, -1), seconds = amf_num(time, -1);
		bool is_good = position > (double)last && position < (double)size && seconds >= 0 &&
			       seconds <= (double)END_MAX / 1000;
		if (!is_good)
			return false;
		last = (int64_t)position;
		flv_index_add(&s->index, (uint32_t)(seconds * 1000 + 0.5), last);
	}
	return !at && !time;
}

/* The last tag, which says when the file ends. */
static bool read_last_tag(struct stored *s, int fd, int64_t size)
{
	uint8_t back[4], head[FLV_TAG_HEADER_SIZE];
	if (size <= FLV_HEADER_SIZE + FLV_INDEX_TAG || !read_at(fd, back, 4, size - 4))
		return false;
	int64_t n = be(back, 4), at = size - 4 - n;
	if (at < FLV_HEADER_SIZE + FLV_INDEX_TAG || !read_at(fd, head, sizeof(head), at) ||
	    be(head + 1, 3) != n - FLV_TAG_HEADER_SIZE)
		return false;
	s->facts.last_ms = time_of_tag(head);
	return true;
}

bool stored_read_flv_index(struct stored *s, int fd, int64_t size)
{
	s->metadata = read_metadata(fd);
	if (amf_get_number(s->metadata, "filesize", -1) != (double)size ||
	    !read_last_tag(s, fd, size) || !read_keys(s, size)) {
		stored_fini(s);
		return false;
	}
	s->facts.has_audio = amf_num(amf_get(s->metadata, "hasAudio"), 0) != 0;
	s->facts.has_video = amf_num(amf_get(s->metadata, "hasVideo"), 0) != 0;
	s->facts.bytes = s->bytes = size;
	s->end_ms = s->facts.last_ms;
	return true;
}

/* ---- MP4 ---- */

struct moof_place {
	int64_t at, n;
};

struct mp4_scan {
	int64_t init;                       /* bytes in front of the first fragment */
	struct moof_place last[LAST_MOOFS]; /* of whole fragments, the newest at count - 1 */
	size_t count;
};

/* The size of the box there; 0: there is none. */
static int64_t box_at(int fd, int64_t at, int64_t size, uint8_t head[static 8])
{
	uint8_t large[8];
	if (at + 8 > size || !read_at(fd, head, 8, at))
		return 0;
	uint64_t n = be(head, 4);
	if (n == 1 && read_at(fd, large, 8, at + 8)) {
		struct cur c = cur_of(large, 8);
		n = cur_be(&c, 8);
	}
	return n >= 8 && n <= (uint64_t)(size - at) ? (int64_t)n : 0;
}

/* Where the last whole fragment, or movie, ends. */
static int64_t scan_mp4(struct mp4_scan *scan, int fd, int64_t size)
{
	int64_t at = 0, good = 0, n;
	struct moof_place open = {0};
	uint8_t head[8];
	for (; (n = box_at(fd, at, size, head)) > 0; at += n) {
		bool is_moof = memcmp(head + 4, "moof", 4) == 0;
		if (!scan->init && (is_moof || memcmp(head + 4, "styp", 4) == 0))
			scan->init = at;
		if (is_moof)
			open = (struct moof_place){at, n};
		if (memcmp(head + 4, "mdat", 4) != 0)
			continue;
		good = at + n;
		if (open.n > 0)
			scan->last[scan->count++ % LAST_MOOFS] = open;
		open.n = 0;
	}
	return good;
}

/* The end of a fragment, and its number. */
static bool note_moof(struct stored *s, const struct mp4_init_facts *init, int fd,
		      const struct moof_place *place)
{
	struct mp4_moof_facts facts;
	if (place->n > MOOF_MAX)
		return false;
	size_t n = (size_t)place->n;
	uint8_t *bytes = mem_alloc(n);
	bool is_good = read_at(fd, bytes, n, place->at) &&
		       mp4_read_moof(&facts, span_of(bytes + 8, n - 8));
	for (size_t i = 0; i < init->tracks && is_good; i++) {
		const struct mp4_run_facts *run = &facts.runs[i];
		uint32_t scale = init->timescales[i];
		uint64_t ticks = run->dts + run->duration;
		int64_t ms = (int64_t)(ticks / scale * 1000 +
				       (ticks % scale * 1000 + scale - 1) / scale);
		if (run->count > 0 && ms > s->end_ms)
			s->end_ms = ms;
	}
	if (is_good && facts.sequence > s->sequence)
		s->sequence = facts.sequence;
	free(bytes);
	return is_good;
}

void stored_read_mp4(struct stored *s, int fd, int64_t size)
{
	struct mp4_scan scan = {0};
	struct mp4_init_facts init;
	s->bytes = scan_mp4(&scan, fd, size);
	if (scan.init <= 0 || scan.init > INIT_MAX || scan.count == 0)
		return;
	s->init.max = INIT_MAX;
	uint8_t *p = buf_grow(&s->init, (size_t)scan.init);
	bool is_good = read_at(fd, p, s->init.n, 0) && mp4_read_init(&init, buf_span(&s->init));
	size_t count = scan.count < LAST_MOOFS ? scan.count : LAST_MOOFS;
	for (size_t i = 0; i < count && is_good; i++)
		is_good = note_moof(s, &init, fd, &scan.last[i]);
	if (!is_good)
		buf_free(&s->init);
}

void stored_fini(struct stored *s)
{
	flv_index_fini(&s->index);
	amf_free(&s->metadata);
	buf_free(&s->init);
	*s = (struct stored){0};
}

/* ---- taking it away ---- */

static bool is_flv(const char *path)
{
	size_t n = strlen(path);
	return n < 4 || strcmp(path + n - 4, ".mp4") != 0;
}

static bool read_whole(struct stored *s, int fd, const char *path)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (!is_flv(path))
		stored_read_mp4(s, fd, st.st_size);
	else if (!stored_read_flv_index(s, fd, st.st_size))
		stored_read_flv(s, fd, st.st_size);
	bool can_go_on = is_flv(path) ? s->metadata != NULL : s->init.n > 0;
	return can_go_on && s->bytes == st.st_size && s->end_ms < END_MAX;
}

/* A temporary file is judged by the time at which it was written last, so that is set first. */
char *stored_take(struct stored *s, const char *path)
{
	recovery_of(path);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	char *temporary = recovery_temporary(path);
	bool is_taken =
		read_whole(s, fd, path) && futimens(fd, NULL) == 0 && rename(path, temporary) == 0;
	close(fd);
	if (is_taken)
		return temporary;
	free(temporary);
	stored_fini(s);
	return NULL;
}
