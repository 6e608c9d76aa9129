/* Static files. Opening and reading happen on the helper thread, since a disk may be slow and
 * every stream would wait for it. The kernel keeps the path inside the folder (openat2); where
 * it cannot, the place of the opened file is compared, which no link can change any more. */
#include "http/files.h"
#include "base/clock.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/range.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 65536, PIECE_MS = 30000, EXTRA_MAX = 8192 };

/* The work of the helper thread: it opens a file and looks at it, or reads a piece of it. */
struct file_job {
	const char *dir;
	char *path; /* relative to dir */
	int fd;
	struct stat st;
	uint8_t *piece;
	size_t want;
	off_t at;
	ssize_t got;
};

static const char *content_type(const char *path)
{
	static const struct {
		const char *extension, *type;
	} rows[] = {
		{"html", "text/html; charset=utf-8"},
		{"htm", "text/html; charset=utf-8"},
		{"js", "text/javascript; charset=utf-8"},
		{"mjs", "text/javascript; charset=utf-8"},
		{"css", "text/css; charset=utf-8"},
		{"json", "application/json"},
		{"map", "application/json"},
		{"xml", "text/xml; charset=utf-8"},
		{"txt", "text/plain; charset=utf-8"},
		{"md", "text/plain; charset=utf-8"},
		{"m3u8", "application/vnd.apple.mpegurl"},
		{"m3u", "application/vnd.apple.mpegurl"},
		{"ts", "video/MP2T"},
		{"m4s", "video/mp4"},
		{"mp4", "video/mp4"},
		{"m4a", "audio/mp4"},
		{"mpd", "application/dash+xml"},
		{"flv", "video/x-flv"},
		{"aac", "audio/x-aac"},
		{"mp3", "audio/mpeg"},
		{"webm", "video/webm"},
		{"png", "image/png"},
		{"jpg", "image/jpeg"},
		{"jpeg", "image/jpeg"},
		{"gif", "image/gif"},
		{"svg", "image/svg+xml"},
		{"webp", "image/webp"},
		{"ico", "image/x-icon"},
		{"wasm", "application/wasm"},
		{"woff", "font/woff"},
		{"woff2", "font/woff2"},
		{"ttf", "font/ttf"},
		{"pdf", "application/pdf"},
		{"swf", "application/x-shockwave-flash"},
	};
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcasecmp(dot + 1, rows[i].extension) == 0)
			return rows[i].type;
	}
	return "application/octet-stream";
}

/* The path that a descriptor leads to now; malloc'ed, or NULL. */
static char *place_of(int fd)
{
	char link[40];
	char *place = mem_zalloc(PATH_MAX + 1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, place, PATH_MAX) > 0)
		return place;
	free(place);
	return NULL;
}

static bool is_beneath(const char *top, const char *place)
{
	size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);
	return strncmp(top, place, n) == 0 && (place[n] == '/' || place[n] == '\0');
}

/* The way without openat2 (old kernels, filters of containers): open, then check where the descriptor leads. */
static int open_compared(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	char *top = place_of(dirfd), *place = place_of(fd);
	bool beneath = top && place && is_beneath(top, place);
	free(top);
	free(place);
	if (beneath)
		return fd;
	close(fd);
	return -1;
}

bool http_files_no_openat2;

static int open_beneath(int dirfd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	if (!http_files_no_openat2) {
		long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)fd;
	}
	return open_compared(dirfd, path);
}

/* On the helper thread. */
static void open_job(void *arg)
{
	struct file_job *job = arg;
	job->fd = -1;
	int dirfd = open(job->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return;
	job->fd = open_beneath(dirfd, job->path);
	close(dirfd);
	if (job->fd >= 0 && fstat(job->fd, &job->st) != 0) {
		close(job->fd);
		job->fd = -1;
	}
}

/* On the helper thread. */
static void read_job(void *arg)
{
	struct file_job *job = arg;
	do
		job->got = pread(job->fd, job->piece, job->want, job->at);
	while (job->got < 0 && errno == EINTR);
}

/* On the helper thread. */
static void close_job(void *arg)
{
	struct file_job *job = arg;
	if (job->fd >= 0)
		close(job->fd);
	job->fd = -1;
}

/* Names that begin with a dot are not for the public (".htpasswd", ".git"). */
static bool has_dotname(const char *path)
{
	return strstr(path, "/.") != NULL;
}

static char *relative(const char *path)
{
	path += strspn(path, "/");
	size_t n = strlen(path);
	return mem_printf("%s%s", path, n == 0 || path[n - 1] == '/' ? "index.html" : "");
}

static void http_date(char out[static 40], time_t t)
{
	struct tm tm;
	strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

static void etag_text(char out[static 48], const struct stat *st)
{
	snprintf(out, 48, "\"%llx-%llx-%llx\"", (unsigned long long)st->st_mtim.tv_sec,
		 (unsigned long long)st->st_mtim.tv_nsec, (unsigned long long)st->st_size);
}

/* The client's copy is current: by tag, or by time when it sent no tag. */
static bool not_modified(const struct http_message *request, const struct stat *st)
{
	char etag[48];
	const char *tags = http_header_get(request, "If-None-Match");
	const char *since = http_header_get(request, "If-Modified-Since");
	etag_text(etag, st);
	if (tags)
		return strcmp(tags, "*") == 0 || strstr(tags, etag);
	struct tm tm = {0};
	return since && strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &tm) &&
	       timegm(&tm) >= st->st_mtim.tv_sec;
}

/* A range of a file that has changed meanwhile would be put together with old bytes. */
static bool range_applies(const struct http_message *request, const struct stat *st)
{
	char etag[48], date[40];
	const char *condition = http_header_get(request, "If-Range");
	etag_text(etag, st);
	http_date(date, st->st_mtim.tv_sec);
	return !condition || strcmp(condition, etag) == 0 || strcmp(condition, date) == 0;
}

static err send_pieces(struct sock *sock, struct file_job *job, int64_t from, int64_t length)
{
	while (length > 0) {
		job->at = from;
		job->want = length < PIECE ? (size_t)length : PIECE;
		co_offload(read_job, job);
		if (job->got <= 0)
			return err_fail(ERR_SYSTEM, "the file %s became shorter while it was sent",
					job->path);
		/* The time is for one piece: how long a file takes is the client's business. */
		sock_set_deadline(sock, clock_after(PIECE_MS));
		TRY(sock_send(sock, job->piece, (size_t)job->got));
		from += job->got;
		length -= job->got;
	}
	return OK;
}

static void headers_write(struct buf *b, const struct stat *st, const char *extra)
{
	char etag[48], date[40];
	etag_text(etag, st);
	http_date(date, st->st_mtim.tv_sec);
	buf_printf(b, "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n%s", etag, date,
		   extra ? extra : "");
}

/* Head, then the bytes from..from+length of the open file. */
static err send_part(struct sock *sock, const struct http_message *request, struct file_job *job,
		     int status, int64_t from, int64_t length, const char *extra)
{
	struct buf head = {.max = 4 * EXTRA_MAX};
	http_write_head(&head, request, status, content_type(job->path), length, extra);
	int64_t outer = sock_deadline(sock);
	err e = buf_ok(&head) ? sock_send(sock, head.p, head.n)
			      : err_fail(ERR_LIMIT, "the head is too long");
	buf_free(&head);
	if (e == OK && request->method != HTTP_METHOD_HEAD) {
		job->piece = mem_alloc(PIECE);
		e = send_pieces(sock, job, from, length);
		free(job->piece);
	}
	sock_set_deadline(sock, outer);
	return e;
}

static err send_open(struct sock *sock, const struct http_message *request, struct file_job *job,
		     const char *extra)
{
	const char *range = http_header_get(request, "Range");
	int64_t size = job->st.st_size, from = 0, to = size - 1;
	enum http_range kind = HTTP_RANGE_NONE;
	struct buf lines = {.max = EXTRA_MAX};
	err e;
	headers_write(&lines, &job->st, extra);
	if (range && request->method == HTTP_METHOD_GET && range_applies(request, &job->st))
		kind = http_range_parse(range, size, &from, &to);
	if (not_modified(request, &job->st)) {
		e = http_respond(sock, request, 304, NULL, (struct span){0}, buf_text(&lines));
	} else if (kind == HTTP_RANGE_UNSATISFIABLE) {
		buf_printf(&lines, "Content-Range: bytes */%lld\r\n", (long long)size);
		e = http_respond_text(sock, request, 416, "The file is not that long.",
				      buf_text(&lines));
	} else if (kind == HTTP_RANGE_ONE) {
		buf_printf(&lines, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)from,
			   (long long)to, (long long)size);
		e = send_part(sock, request, job, 206, from, to - from + 1, buf_text(&lines));
	} else {
		e = send_part(sock, request, job, 200, 0, size, buf_text(&lines));
	}
	buf_free(&lines);
	return e;
}

/* "/a dir" to "/a%20dir/", query kept. One slash in front: two would name another host. */
static err redirect_to_folder(struct sock *sock, const struct http_message *request,
			      const char *extra)
{
	struct buf place = {.max = 4 * HTTP_HEAD_MAX}, lines = {.max = 6 * HTTP_HEAD_MAX};
	const char *p = request->path;
	while (*(p += strspn(p, "/"))) {
		size_t n = strcspn(p, "/");
		char *name = mem_strndup(p, n);
		buf_u8(&place, '/');
		url_escape(&place, name);
		free(name);
		p += n;
	}
	buf_printf(&place, "/%s%s", *request->query ? "?" : "", request->query);
	http_write_header(&lines, "Location", buf_text(&place));
	buf_printf(&lines, "%s", extra ? extra : "");
	err e = http_respond_text(sock, request, 302, "It is a folder.", buf_text(&lines));
	buf_free(&place);
	buf_free(&lines);
	return e;
}

static err not_found(struct sock *sock, const struct http_message *request, const char *extra)
{
	return http_respond_text(sock, request, 404, "There is no such file.", extra);
}

err http_try_file(struct sock *sock, const struct http_message *request, const char *dir,
		  const char *extra, bool *found)
{
	*found = true;
	if (request->method != HTTP_METHOD_GET && request->method != HTTP_METHOD_HEAD)
		return http_respond_text(sock, request, 405, "Files can only be read.",
					 "Allow: GET, HEAD\r\n");
	*found = !has_dotname(request->path);
	if (!*found)
		return OK;
	struct file_job job = {.dir = dir, .path = relative(request->path), .fd = -1};
	err e = OK;
	co_offload(open_job, &job);
	if (job.fd >= 0 && S_ISREG(job.st.st_mode))
		e = send_open(sock, request, &job, extra);
	else if (job.fd >= 0 && S_ISDIR(job.st.st_mode))
		e = redirect_to_folder(sock, request, extra);
	else
		*found = false;
	co_offload(close_job, &job);
	free(job.path);
	return e;
}

err http_send_file(struct sock *sock, const struct http_message *request, const char *dir,
		   const char *extra)
{
	bool found;
	err e = http_try_file(sock, request, dir, extra, &found);
	return found ? e : not_found(sock, request, extra);
}
