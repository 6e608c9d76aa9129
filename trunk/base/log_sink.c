/* A ring of records, each a small head and its bytes. The producer holds the lock while it copies
 * a line in, the thread while it copies a batch out, never while it writes: so the producer waits
 * for a memcpy at most. An empty ring starts again at its beginning, which keeps the pages that a
 * quiet server touches few. */
#include "base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 * 1024, BATCH_RECORDS = 1024, STOP_SECONDS = 2 };

struct head {
	uint16_t n;
	uint16_t to;
	uint32_t lines; /* lost, when this record is */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool running;
	bool stopping;
	bool reopening;
	struct target {
		char *path; /* NULL: standard output */
		int fd;     /* the thread's, while it runs; -1: not in use */
		bool torn;  /* the last line has no end: one is written before the next */
	} targets[LOG_SINK_TARGETS];
	size_t at; /* the oldest byte */
	size_t used;
	size_t lost;
	char ring[LOG_SINK_ROOM];
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .wake = PTHREAD_COND_INITIALIZER,
	  .targets = {{.fd = -1}, {.fd = STDOUT_FILENO}, {.fd = -1}}};

/* The thread's: lines of one destination that are written at once. */
static struct {
	enum log_sink_to to;
	size_t n, records;
	struct head heads[BATCH_RECORDS];
	char p[BATCH];
} batch;

static void ring_write(const void *p, size_t n)
{
	size_t to = (sink.at + sink.used) % LOG_SINK_ROOM;
	size_t first = n < LOG_SINK_ROOM - to ? n : LOG_SINK_ROOM - to;
	memcpy(sink.ring + to, p, first);
	memcpy(sink.ring, (const char *)p + first, n - first);
	sink.used += n;
}

static void ring_peek(void *p, size_t n)
{
	size_t first = n < LOG_SINK_ROOM - sink.at ? n : LOG_SINK_ROOM - sink.at;
	memcpy(p, sink.ring + sink.at, first);
	memcpy((char *)p + first, sink.ring, n - first);
}

static void ring_skip(size_t n)
{
	sink.used -= n;
	sink.at = sink.used ? (sink.at + n) % LOG_SINK_ROOM : 0;
}

void log_sink_put(enum log_sink_to to, const char *p, size_t n, size_t lines)
{
	struct head head = {(uint16_t)n, (uint16_t)to, (uint32_t)lines};
	pthread_mutex_lock(&sink.lock);
	if (sink.used + sizeof(head) + n > LOG_SINK_ROOM) {
		sink.lost += lines;
	} else {
		ring_write(&head, sizeof(head));
		ring_write(p, n);
		pthread_cond_signal(&sink.wake);
	}
	pthread_mutex_unlock(&sink.lock);
}

size_t log_sink_take_lost(void)
{
	size_t lost = 0;
	pthread_mutex_lock(&sink.lock);
	if (sink.used < LOG_SINK_ROOM / 2) {
		lost = sink.lost;
		sink.lost = 0;
	}
	pthread_mutex_unlock(&sink.lock);
	return lost;
}

static void take_batch(void)
{
	batch.n = batch.records = 0;
	while (sink.used && batch.records < BATCH_RECORDS) {
		struct head head;
		ring_peek(&head, sizeof(head));
		if (batch.records == 0)
			batch.to = (enum log_sink_to)head.to;
		if (head.to != batch.to || batch.n + head.n > BATCH)
			break;
		ring_skip(sizeof(head));
		ring_peek(batch.p + batch.n, head.n);
		ring_skip(head.n);
		batch.heads[batch.records++] = head;
		batch.n += head.n;
	}
}

/* Writes until an error; the number of bytes that were written. Another process may have made our standard
 * output non-blocking: then this waits. */
static size_t write_all(int fd, const char *p, size_t n)
{
	size_t at = 0;
	while (at < n) {
		ssize_t done = write(fd, p + at, n - at);
		if (done > 0)
			at += (size_t)done;
		else if (done < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (done == 0 || errno != EINTR)
			break;
	}
	return at;
}

/* Takes the beginning of a line off the end of a file: only whole lines stay. False for what is no file. */
static bool cut_off(int fd, size_t n)
{
	struct stat st;
	bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)n;
	return is_file && ftruncate(fd, st.st_size - (off_t)n) == 0;
}

/* How many lines are lost of a batch of which so many bytes were written. */
static size_t settle_batch(struct target *t, size_t written)
{
	size_t whole = 0, i = 0, lost = 0;
	while (i < batch.records && whole + batch.heads[i].n <= written)
		whole += batch.heads[i++].n;
	if (whole < written)
		t->torn = !cut_off(t->fd, written - whole);
	for (; i < batch.records; i++)
		lost += batch.heads[i].lines;
	return lost;
}

static int open_file(const char *path)
{
	return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0664) : STDOUT_FILENO;
}

static void close_target(struct target *t)
{
	if (t->path && t->fd >= 0)
		close(t->fd);
	if (t->path)
		t->fd = -1;
	free(t->path);
	t->path = NULL;
}

static err open_target(struct target *t, const char *path)
{
	int fd = open_file(path);
	if (fd < 0)
		return err_sys(ERR_CONFIG, "the log file %s cannot be opened", path);
	*t = (struct target){.path = path ? strdup(path) : NULL, .fd = fd};
	return OK;
}

/* When the new file cannot be opened, the old one is better than none. */
static void reopen_files(void)
{
	for (int i = 0; i < LOG_SINK_TARGETS; i++) {
		struct target *t = &sink.targets[i];
		int fd = t->path ? open_file(t->path) : -1;
		if (fd < 0)
			continue;
		close(t->fd);
		t->fd = fd;
	}
}

static void write_batch(void)
{
	take_batch();
	pthread_mutex_unlock(&sink.lock);
	struct target *t = &sink.targets[batch.to];
	if (t->torn)
		t->torn = write_all(t->fd, "\n", 1) == 0;
	size_t written = t->torn ? 0 : write_all(t->fd, batch.p, batch.n);
	size_t lost = settle_batch(t, written);
	pthread_mutex_lock(&sink.lock);
	sink.lost += lost;
}

static void *run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&sink.lock);
	while (sink.used || !sink.stopping) {
		if (sink.used) {
			write_batch();
		} else if (sink.reopening) {
			sink.reopening = false;
			pthread_mutex_unlock(&sink.lock);
			reopen_files();
			pthread_mutex_lock(&sink.lock);
		} else {
			pthread_cond_wait(&sink.wake, &sink.lock);
		}
	}
	pthread_mutex_unlock(&sink.lock);
	return NULL;
}

/* A signal that landed in this thread would not interrupt the wait of the thread that serves. */
static int start_thread(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&sink.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void close_all(void)
{
	for (int i = 0; i < LOG_SINK_TARGETS; i++)
		close_target(&sink.targets[i]);
}

err log_sink_start(const char *path)
{
	TRY(open_target(&sink.targets[LOG_SINK_FILE], path));
	sink.stopping = sink.reopening = false;
	errno = start_thread();
	if (errno) {
		err e = err_sys(ERR_SYSTEM, "the thread of the log cannot be started");
		close_all();
		return e;
	}
	sink.running = true;
	return OK;
}

err log_sink_add(enum log_sink_to to, const char *path)
{
	return open_target(&sink.targets[to], path);
}

bool log_sink_running(void)
{
	return sink.running;
}

void log_sink_reopen(void)
{
	pthread_mutex_lock(&sink.lock);
	sink.reopening = true;
	pthread_cond_signal(&sink.wake);
	pthread_mutex_unlock(&sink.lock);
}

void log_sink_stop(void)
{
	if (!sink.running)
		return;
	pthread_mutex_lock(&sink.lock);
	sink.stopping = true;
	pthread_cond_signal(&sink.wake);
	pthread_mutex_unlock(&sink.lock);
	sink.running = false;

	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_SECONDS;
	if (pthread_timedjoin_np(sink.thread, NULL, &until) != 0) {
		/* The thread hangs in a write to a full pipe; the process ends without it. */
		pthread_detach(sink.thread);
		return;
	}
	close_all();
}
