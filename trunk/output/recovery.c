#include "output/recovery.h"
#include "base/mem.h"
#include "output/file_work.h"
#include "output/stored.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, FILES_MAX = 100000 };
static const char ending[] = ".tmp", part_ending[] = ".part";

static struct {
	pthread_mutex_t lock;
	_Atomic int64_t began_s;
	_Atomic unsigned names; /* that were made */
} recovery = {.lock = PTHREAD_MUTEX_INITIALIZER};

char *recovery_temporary(const char *path)
{
	return mem_printf("%s.%d-%u%s", path, (int)getpid(), ++recovery.names, ending);
}

char *recovery_part(const char *temporary)
{
	return mem_printf("%s%s", temporary, part_ending);
}

/* The whole name of a temporary one, and the number of its process; NULL: it is none. */
static char *whole_name(const char *path, long *pid)
{
	size_t n = strlen(path), m = strlen(ending);
	if (n <= m || strcmp(path + n - m, ending) != 0)
		return NULL;
	char *name = mem_strndup(path, n - m), *dot = strrchr(name, '.'), *end = NULL;
	*pid = dot ? strtol(dot + 1, &end, 10) : 0;
	if (end && *end == '-')
		end += 1 + strspn(end + 1, "0123456789");
	if (dot && end != dot + 1 && !*end && *pid > 0 && dot - name > 4) {
		*dot = '\0';
		if (strcmp(dot - 4, ".flv") == 0 || strcmp(dot - 4, ".mp4") == 0)
			return name;
	}
	free(name);
	return NULL;
}

static int64_t recover_flv(int fd, int64_t size)
{
	struct stored s = {0};
	struct buf head = {.max = 2 * FLV_INDEX_TAG};
	stored_read_flv(&s, fd, size);
	if (s.metadata) {
		flv_write_header(&head, s.facts.has_audio, s.facts.has_video);
		flv_index_write(&head, &s.index, s.metadata, &s.facts);
		(void)!pwrite(fd, head.p, head.n, 0);
	}
	int64_t end = s.bytes;
	stored_fini(&s);
	buf_free(&head);
	return end;
}

static int64_t recover_mp4(int fd, int64_t size)
{
	struct stored s = {0};
	stored_read_mp4(&s, fd, size);
	int64_t end = s.bytes;
	stored_fini(&s);
	return end;
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
	return is_good && file_give_name(path, name, NULL) == 0;
}

static bool is_gone(const struct stat *st, long pid)
{
	if (pid == getpid())
		return st->st_mtime < recovery.began_s;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Two helper threads may come to the same file: for the whole folder, and for one stream. */
static bool recover(const char *path, const char *name, long pid)
{
	struct stat st;
	pthread_mutex_lock(&recovery.lock);
	bool is_done = lstat(path, &st) == 0 && is_gone(&st, pid) && recover_file(path, name);
	pthread_mutex_unlock(&recovery.lock);
	return is_done;
}

/* The unfinished progressive copy of a recording that is there itself, left by a process that is gone. */
static bool is_left_part(const char *path, const struct stat *st)
{
	size_t n = strlen(path), m = strlen(part_ending);
	long pid = 0;
	if (n <= m || strcmp(path + n - m, part_ending) != 0)
		return false;
	char *temporary = mem_strndup(path, n - m), *name = whole_name(temporary, &pid);
	bool is_left = name && is_gone(st, pid);
	free(name);
	free(temporary);
	return is_left;
}

static unsigned visit(const char *folder, int depth, unsigned *seen);

static unsigned visit_entry(const char *path, int depth, unsigned *seen)
{
	struct stat st;
	long pid;
	if (lstat(path, &st) != 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return visit(path, depth + 1, seen);
	if (is_left_part(path, &st))
		(void)unlink(path);
	char *name = whole_name(path, &pid);
	unsigned count = name && recover(path, name, pid);
	free(name);
	return count;
}

static unsigned visit(const char *folder, int depth, unsigned *seen)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
	unsigned count = 0;
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) && ++*seen < FILES_MAX) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = mem_printf("%s/%s", folder, entry->d_name);
		count += visit_entry(path, depth, seen);
		free(path);
	}
	if (dir)
		closedir(dir);
	return count;
}

void recovery_begin(int64_t now_s)
{
	recovery.began_s = now_s;
}

unsigned recovery_run(const char *folder)
{
	unsigned seen = 0;
	return visit(folder, 0, &seen);
}

void recovery_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup("./");
	DIR *dir = opendir(folder);
	struct dirent *entry;
	for (unsigned seen = 0; dir && (entry = readdir(dir)) && ++seen < FILES_MAX;) {
		long pid;
		char *found = mem_printf("%s%s", slash ? folder : "", entry->d_name);
		char *name = whole_name(found, &pid);
		if (name && strcmp(name, path) == 0)
			(void)recover(found, name, pid);
		free(name);
		free(found);
	}
	if (dir)
		closedir(dir);
	free(folder);
}
