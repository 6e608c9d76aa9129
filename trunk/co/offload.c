/* Helper threads for calls that block: files, mostly. A job lies on the stack of the coroutine
 * that waits for it. The threads know nothing of coroutines: they say that jobs are done through
 * an eventfd, and the reactor wakes those who wait. */
#include "co/inside.h"

#include "base/check.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

enum { THREADS = 2 };

struct offload_job {
	void (*fn)(void *arg);
	void *arg;
	struct co *co;
	bool done;
	struct offload_job *next;
};

static struct {
	pthread_t threads[THREADS];
	int thread_count;
	struct reactor_fd event;
	pthread_mutex_t lock; /* for the rest */
	pthread_cond_t more;
	struct offload_job *queue, *finished;
	bool ending;
	int out; /* jobs whose coroutines wait; only for the thread that has these */
} off = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void *helper(void *arg)
{
	const uint64_t one = 1;
	(void)arg;
	pthread_mutex_lock(&off.lock);
	for (;;) {
		while (!off.queue && !off.ending)
			pthread_cond_wait(&off.more, &off.lock);
		struct offload_job *job = off.queue;
		if (!job)
			break;
		LL_DELETE(off.queue, job);
		pthread_mutex_unlock(&off.lock);
		job->fn(job->arg);
		pthread_mutex_lock(&off.lock);
		LL_PREPEND(off.finished, job);
		/* It only fails when the reactor has 2^64 things to look at already. */
		(void)!write(off.event.fd, &one, sizeof(one));
	}
	pthread_mutex_unlock(&off.lock);
	return NULL;
}

static void jobs_finished(struct reactor_fd *rfd)
{
	uint64_t count;
	(void)!read(rfd->fd, &count, sizeof(count));
	rfd->ready = 0;
	pthread_mutex_lock(&off.lock);
	struct offload_job *jobs = off.finished;
	off.finished = NULL;
	pthread_mutex_unlock(&off.lock);
	while (jobs) {
		struct offload_job *job = jobs;
		jobs = job->next; /* the job is gone once its coroutine runs */
		job->done = true;
		co_resume(job->co);
	}
}

static void start_threads(void)
{
	/* Signals are for the thread that has the coroutines. */
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_BLOCK, &every, &before);
	while (off.thread_count < THREADS &&
	       pthread_create(&off.threads[off.thread_count], NULL, helper, NULL) == 0)
		off.thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* False when not even one thread can be had. */
static bool offload_ready(void)
{
	if (off.thread_count > 0)
		return true;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return false;
	off.event.on_event = jobs_finished;
	if (reactor_add(&off.event, fd) != OK) {
		close(fd);
		return false;
	}
	start_threads();
	if (off.thread_count > 0)
		return true;
	reactor_remove(&off.event);
	close(fd);
	return false;
}

void co_offload(void (*fn)(void *arg), void *arg)
{
	check(!reactor_is_running());
	if (!offload_ready()) {
		log_warn("no helper thread can be started: work on files stops all connections");
		fn(arg);
		return;
	}
	struct offload_job job = {.fn = fn, .arg = arg, .co = co_self()};
	pthread_mutex_lock(&off.lock);
	LL_APPEND(off.queue, &job);
	pthread_cond_signal(&off.more);
	pthread_mutex_unlock(&off.lock);
	off.out++;
	while (!job.done)
		co_block(WAITS_DONE);
	off.out--;
}

int co_offloaded(void)
{
	return off.out;
}

void offload_fini(void)
{
	if (off.thread_count == 0)
		return;
	pthread_mutex_lock(&off.lock);
	off.ending = true;
	pthread_cond_broadcast(&off.more);
	pthread_mutex_unlock(&off.lock);
	while (off.thread_count > 0)
		pthread_join(off.threads[--off.thread_count], NULL);
	off.ending = false;
	reactor_remove(&off.event);
	close(off.event.fd);
}
