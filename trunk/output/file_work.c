#include "output/file_work.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAGS = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE = 0644 };

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

/* 0 or an errno: then the file is gone. */
static int fill(int fd, const char *path, struct span s)
{
	int error = write_all(fd, s, 0);
	if (close(fd) != 0 && !error)
		error = errno;
	if (error)
		(void)!unlink(path);
	return error;
}

static int fill_new(char *path, struct span s)
{
	int fd = open_new(path, O_TRUNC);
	return fd < 0 ? errno : fill(fd, path, s);
}

static int give(const char *from, const char *to)
{
	int error = rename(from, to) == 0 ? 0 : errno;
	if (error)
		(void)!unlink(from);
	return error;
}

/* ---- files whose place on the disk is used again ---- */

/* A lease for writing is given to the only one who has the file open. Whoever opens it in just this moment waits for
 * the next call; the signal of that is one that is ignored. */
static bool is_open_elsewhere(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_WRLCK) != 0)
		return true;
	return fcntl(fd, F_SETLEASE, F_UNLCK) != 0;
}

/* What is on its way to somebody from the memory of the system stays as it is: other pages take its place. A file that
 * is cut to nothing would be sent to the disk when it is closed, before it is time. */
static bool has_emptied(int fd, off_t n)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return false;
	if (st.st_size > n && ftruncate(fd, n) != 0)
		return false;
	off_t left = st.st_size < n ? st.st_size : n;
	return left == 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, left) == 0;
}

/* To be written anew, with `n` bytes. -1: it is not there; or it is somebody's still, who has it open or has given it
 * another name: then it has lost this one. */
static int open_again(const char *path, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (!is_open_elsewhere(fd) && has_emptied(fd, (off_t)n))
		return fd;
	(void)close(fd);
	(void)!unlink(path);
	return -1;
}

/* A spare file may lie on another disk, or the new one in a folder that is not there yet. */
static bool write_spare(struct file_kept *kept, const char *path, struct span s)
{
	int fd = kept->has_spare ? open_again(kept->spare, s.n) : -1;
	kept->has_spare = false;
	return fd >= 0 && fill(fd, kept->spare, s) == 0 && give(kept->spare, path) == 0;
}

int file_write(struct file_kept *kept, const char *path, struct span s)
{
	if (write_spare(kept, path, s))
		return 0;
	/* The other process of an upgrade in place may write the same segment at the same time. */
	char *temporary = mem_printf("%s.%d.tmp", path, (int)getpid());
	int error = fill_new(temporary, s);
	if (!error)
		error = give(temporary, path);
	free(temporary);
	return error;
}

int file_renew(struct file_kept *kept, const char *path, struct span s)
{
	if (!kept->former)
		return file_write(kept, path, s);
	int fd = open_again(kept->former, s.n);
	int error = fd >= 0 ? fill(fd, kept->former, s) : fill_new(kept->former, s);
	if (error || renameat2(AT_FDCWD, kept->former, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return error;
	return give(kept->former, path);
}

int file_remove(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

int file_retire(struct file_kept *kept, const char *path)
{
	if (!kept->spare || kept->has_spare || rename(path, kept->spare) != 0)
		return file_remove(path);
	kept->has_spare = true;
	return 0;
}

void file_tidy(struct file_kept *kept)
{
	if (kept->has_spare)
		(void)!unlink(kept->spare);
	kept->has_spare = false;
	if (kept->former)
		(void)!unlink(kept->former);
}

/* Of "NAME.PID.spare" behind "NAME." the process; 0: it is another file. */
static pid_t keeper_of(const char *rest)
{
	char *end;
	long pid = strtol(rest, &end, 10);
	bool is_kept = strcmp(end, ".spare") == 0 || strcmp(end, ".tmp") == 0;
	return end > rest && is_kept && pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

static void sweep(DIR *dir, const char *name)
{
	size_t n = strlen(name);
	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, name, n) != 0 || e->d_name[n] != '.')
			continue;
		pid_t pid = keeper_of(e->d_name + n + 1);
		if (pid && kill(pid, 0) != 0 && errno == ESRCH)
			(void)!unlinkat(dirfd(dir), e->d_name, 0);
	}
}

void file_sweep(const char *stem)
{
	const char *slash = strrchr(stem, '/');
	char *folder = mem_printf("%.*s", slash ? (int)(slash - stem) : 1, slash ? stem : ".");
	DIR *dir = opendir(*folder ? folder : "/");
	if (dir) {
		sweep(dir, slash ? slash + 1 : stem);
		closedir(dir);
	}
	free(folder);
}

/* ---- files that grow ---- */

int file_write_at(char *path, struct span s, int64_t offset)
{
	int fd = offset > 0 ? open(path, FLAGS, MODE) : open_new(path, 0);
	if (fd < 0)
		return errno;
	int error = write_all(fd, s, offset);
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
int file_give_name(const char *path, const char *to, char **name)
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
