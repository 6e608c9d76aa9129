#include "output/recovery.h"
#include "base/mem.h"
#include "codec/flv_index.h"
#include "output/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, FILES_MAX = 100000, VIDEO_LOOK = 16 };
static const char ending[] = ".tmp";

char *recovery_temporary(const char *path)
{
	return mem_printf("%s.%d%s", path, (int)getpid(), ending);
}

/* The whole name of a temporary one, and the number of its process; NULL: it is none. */
static char *whole_name(const char *path, long *pid)
{
	size_t n = strlen(path), m = strlen(ending);
	if (n <= m || strcmp(path + n - m, ending) != 0)
		return NULL;
	char *name = mem_strndup(path, n - m), *dot = strrchr(name, '.'), *end = NULL;
	*pid = dot ? strtol(dot + 1, &end, 10) : 0;
	if (dot && end != dot + 1 && !*end && *pid > 0 && dot - name > 4) {
		*dot = '\0';
		if (strcmp(dot - 4, ".flv") == 0 || strcmp(dot - 4, ".mp4") == 0)
			return name;
	}
	free(name);
	return NULL;
}

static bool read_at(int fd, void *p, size_t n, int64_t at)
{
	return pread(fd, p, n, at) == (ssize_t)n;
}

static uint32_t be(const uint8_t *p, size_t n)
{
	struct cur c = cur_of(p, n);
	return (uint32_t)cur_be(&c, n);
}

struct flv_scan {
	struct flv_index index;
	struct flv_facts facts;
};

static void note_tag(struct flv_scan *s, const uint8_t *head, const uint8_t *look, size_t n,
		     int64_t at)
{
	uint32_t ms = be(head + 4, 3) | (uint32_t)head[7] << 24;
	struct frame f = {0};
	if (head[0] == MSG_VIDEO)
		f = frame_of_video(span_of(look, n));
	else if (head[0] == MSG_AUDIO)
		f = frame_of_audio(span_of(look, n));
	if (!f.is_coded)
		return;
	if (head[0] == MSG_VIDEO && f.is_key)
		flv_index_add(&s->index, ms, at);
	s->facts.has_video |= head[0] == MSG_VIDEO;
	s->facts.has_audio |= head[0] == MSG_AUDIO;
	s->facts.last_ms = ms;
}

/* Where the last whole tag ends. */
static int64_t scan_flv(int fd, int64_t size, struct flv_scan *s)
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

static int64_t recover_flv(int fd, int64_t size)
{
	struct flv_scan s = {0};
	struct buf head = {.max = 2 * FLV_INDEX_TAG};
	int64_t end = scan_flv(fd, size, &s);
	struct amf *metadata = read_metadata(fd);
	s.facts.bytes = end;
	if (metadata) {
		flv_write_header(&head, s.facts.has_audio, s.facts.has_video);
		flv_index_write(&head, &s.index, metadata, &s.facts);
		(void)!pwrite(fd, head.p, head.n, 0);
	}
	bool has_media = s.facts.has_audio || s.facts.has_video;
	amf_free(&metadata);
	flv_index_fini(&s.index);
	buf_free(&head);
	return has_media ? end : 0;
}

/* Where the last whole fragment ends; 0: there is none. */
static int64_t recover_mp4(int fd, int64_t size)
{
	int64_t at = 0, good = 0;
	uint8_t head[8];
	while (at + 8 <= size && read_at(fd, head, 8, at)) {
		uint32_t n = be(head, 4);
		if (n < 8 || at + n > size)
			break;
		at += n;
		if (memcmp(head + 4, "mdat", 4) == 0)
			good = at;
	}
	return good;
}

static bool recover_file(const char *path, const char *name)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool is_flv = strcmp(name + strlen(name) - 4, ".flv") == 0;
	int64_t end = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		end = is_flv ? recover_flv(fd, st.st_size) : recover_mp4(fd, st.st_size);
	bool is_good = end > 0 && ftruncate(fd, end) == 0;
	close(fd);
	return is_good && files_give_name(path, name, NULL) == 0;
}

static bool is_gone(const struct stat *st, long pid, int64_t started_s)
{
	if (pid == getpid())
		return st->st_mtime < started_s;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static unsigned visit(const char *folder, int64_t started_s, int depth, unsigned *seen);

static unsigned visit_entry(const char *path, int64_t started_s, int depth, unsigned *seen)
{
	struct stat st;
	long pid;
	if (lstat(path, &st) != 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return visit(path, started_s, depth + 1, seen);
	char *name = whole_name(path, &pid);
	unsigned count = name && is_gone(&st, pid, started_s) && recover_file(path, name);
	free(name);
	return count;
}

static unsigned visit(const char *folder, int64_t started_s, int depth, unsigned *seen)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
	unsigned count = 0;
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) && ++*seen < FILES_MAX) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = mem_printf("%s/%s", folder, entry->d_name);
		count += visit_entry(path, started_s, depth, seen);
		free(path);
	}
	if (dir)
		closedir(dir);
	return count;
}

unsigned recovery_run(const char *folder, int64_t started_s)
{
	unsigned seen = 0;
	return visit(folder, started_s, 0, &seen);
}
