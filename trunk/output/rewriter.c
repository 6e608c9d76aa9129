#include "output/rewriter.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"
#include "output/file_work.h"
#include "output/recovery.h"
#include "output/rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { QUEUE_MAX = 1000, END_MS = 2000 };

struct rewrite_job {
	struct rewrite_job *next;
	struct rewriter *rewriter;
	char *temporary, *path;
	char *name; /* that it has got; NULL: none */
	bool is_whole;
	struct files_done done;
};

struct rewriter {
	struct co *co;
	struct rewrite_job *queue;
	int count;
	bool is_closing;
	int64_t end_ms;
};

/* On a helper thread. The whole one takes the place of the other, so there is one of them at each moment. */
static void name_it(void *arg)
{
	struct rewrite_job *job = arg;
	char *part = recovery_part(job->temporary);
	if (job->is_whole && rename(part, job->temporary) != 0)
		job->is_whole = false;
	if (!job->is_whole)
		(void)remove(part);
	if (file_give_name(job->temporary, job->path, &job->name) != 0) {
		free(job->name);
		job->name = NULL;
	}
	free(part);
}

static void make_whole(struct rewriter *rw, struct rewrite_job *job)
{
	struct rewrite *r = rewrite_new(job->temporary);
	while (rewrite_goes_on(r) && !(rw->is_closing && clock_ms() > rw->end_ms))
		co_offload(rewrite_step, r);
	const char *problem = rewrite_problem(r);
	job->is_whole = !*problem;
	if (*problem)
		log_warn("%s stays a fragmented MP4: %s", job->path, problem);
	co_offload(rewrite_close, r);
}

static void job_end(struct rewrite_job *job)
{
	if (job->done.fn)
		job->done.fn(job->done.ctx, job->name);
	free(job->name);
	free(job->temporary);
	free(job->path);
	free(job);
}

static void rewriter_main(void *arg)
{
	struct rewriter *rw = arg;
	while (rw->queue || !rw->is_closing) {
		struct rewrite_job *job = rw->queue;
		if (!job) {
			(void)co_wait(CLOCK_NEVER);
			continue;
		}
		LL_DELETE(rw->queue, job);
		rw->count--;
		make_whole(rw, job);
		co_offload(name_it, job);
		job_end(job);
	}
}

struct rewriter *rewriter_new(void)
{
	struct rewriter *rw = mem_new(struct rewriter);
	rw->co = co_start("rewriter", rewriter_main, rw);
	return rw;
}

void rewriter_free(struct rewriter **rewriter)
{
	struct rewriter *rw = *rewriter;
	*rewriter = NULL;
	if (!rw)
		return;
	rw->is_closing = true;
	rw->end_ms = clock_after(END_MS);
	if (rw->co)
		co_wake(rw->co);
	co_join(&rw->co);
	free(rw);
}

/* The file is written. */
static void take(void *ctx, const char *path)
{
	struct rewrite_job *job = ctx;
	struct rewriter *rw = job->rewriter;
	if (!path) {
		job_end(job);
		return;
	}
	job->temporary = mem_strdup(path);
	if (!rw->co || rw->count >= QUEUE_MAX) {
		co_offload(name_it, job);
		job_end(job);
		return;
	}
	LL_APPEND(rw->queue, job);
	rw->count++;
	co_wake(rw->co);
}

struct files_done rewriter_job(struct rewriter *rewriter, const char *path, struct files_done done)
{
	struct rewrite_job *job = mem_new(struct rewrite_job);
	*job = (struct rewrite_job){.rewriter = rewriter, .done = done};
	job->path = *path == '/' ? mem_strdup(path) : mem_printf("./%s", path);
	return (struct files_done){.fn = take, .ctx = job};
}
