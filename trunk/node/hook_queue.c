#include "node/hook_queue.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/certs.h"
#include "node/hook.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	WORKERS_MAX = 8, /* notices under way to one URL */
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 60000,
	DRAIN_STEP_MS = 20,
};

struct queued_notice {
	struct queued_notice *prev, *next;
	const char *event, *content_type;
	size_t answer_max;
	int64_t timeout_ms, until_ms;
	size_t n;
	uint8_t body[];
};

/* The notices for one URL and one name of its certificate. It goes when nothing is left and nobody works on it. */
struct outbox {
	struct outbox *prev, *next;
	struct hook_queue *queue;
	char *url, *tls_name;
	struct queued_notice *notices; /* oldest first */
	int workers;
	bool is_down;     /* the last attempt failed: one worker tries, after a pause */
	int64_t retry_ms; /* the next pause */
	uint64_t dropped; /* since it is down */
};

struct hook_queue {
	struct co_group *services;
	struct certs *certs;
	struct outbox *outboxes;
	struct hook_queue_facts facts;
};

struct hook_queue *hook_queue_new(struct co_group *services, struct certs *certs)
{
	struct hook_queue *queue = mem_new(struct hook_queue);
	queue->services = services;
	queue->certs = certs;
	return queue;
}

static struct outbox *outbox_get(struct hook_queue *queue, const char *url, const char *tls_name)
{
	struct outbox *box;
	tls_name = tls_name ? tls_name : "";
	DL_FOREACH (queue->outboxes, box)
		if (strcmp(box->url, url) == 0 && strcmp(box->tls_name, tls_name) == 0)
			return box;
	box = mem_new(struct outbox);
	box->queue = queue;
	box->url = mem_strdup(url);
	box->tls_name = mem_strdup(tls_name);
	box->retry_ms = RETRY_FIRST_MS;
	DL_APPEND(queue->outboxes, box);
	queue->facts.urls++;
	return box;
}

static void outbox_free(struct outbox *box)
{
	DL_DELETE(box->queue->outboxes, box);
	box->queue->facts.urls--;
	free(box->url);
	free(box->tls_name);
	free(box);
}

static void drop(struct outbox *box, struct queued_notice *notice)
{
	box->queue->facts.dropped++;
	box->dropped++;
	free(notice);
}

/* ---- delivery ---- */

static struct queued_notice *take_first(struct outbox *box)
{
	struct queued_notice *notice = box->notices;
	if (!notice)
		return NULL;
	DL_DELETE(box->notices, notice);
	box->queue->facts.waiting--;
	return notice;
}

/* It keeps its place: the order in which things happened is that of the next attempts. */
static void put_back(struct outbox *box, struct queued_notice *notice)
{
	DL_PREPEND(box->notices, notice);
	box->queue->facts.waiting++;
}

static void note_answer(struct outbox *box)
{
	if (box->is_down)
		log_info("the hooks at %s answer again; %llu notices were dropped meanwhile",
			 log_quote(box->url), (unsigned long long)box->dropped);
	box->is_down = false;
	box->dropped = 0;
	box->retry_ms = RETRY_FIRST_MS;
}

static void note_silence(struct outbox *box, const struct queued_notice *notice, const char *why)
{
	if (!box->is_down)
		log_warn("%s could not be told to %s: %s; it is tried again", notice->event,
			 log_quote(box->url), why);
	box->is_down = true;
	box->queue->facts.retried++;
}

/* Takes the notice. ERR_STOPPED at the end of the process. */
static err deliver(struct outbox *box, struct queued_notice *notice)
{
	enum hook_verdict verdict;
	char why[HOOK_WHY_MAX];
	struct hook_call call = {
		.event = notice->event,
		.url = box->url,
		.tls = box->queue->certs ? certs_client(box->queue->certs) : NULL,
		.tls_name = box->tls_name,
		.content_type = notice->content_type,
		.answer_max = notice->answer_max,
		.body = {notice->body, notice->n},
		.deadline = clock_after(notice->timeout_ms),
	};
	err e = hook_post(&call, &verdict, why);
	if (e) {
		put_back(box, notice);
		return e;
	}
	if (verdict == HOOK_NO_ANSWER) {
		note_silence(box, notice, why);
		put_back(box, notice);
		return OK;
	}
	note_answer(box);
	box->queue->facts.delivered++;
	box->queue->facts.refused += verdict == HOOK_REFUSED;
	free(notice);
	return OK;
}

static void drop_old(struct outbox *box)
{
	int64_t now = clock_ms();
	while (box->notices && box->notices->until_ms <= now)
		drop(box, take_first(box));
}

static err pause_before_retry(struct outbox *box)
{
	int64_t ms = box->retry_ms;
	box->retry_ms = 2 * ms < RETRY_MAX_MS ? 2 * ms : RETRY_MAX_MS;
	return co_sleep(ms);
}

static bool start_worker(struct outbox *box);

/* While the service is down one worker is left, which tries one notice after a pause; when it is back
 * again, that one calls the others. */
static err work(struct outbox *box)
{
	struct queued_notice *notice;
	while ((notice = take_first(box))) {
		TRY(deliver(box, notice));
		if (box->is_down && box->workers > 1)
			return OK;
		if (box->is_down)
			TRY(pause_before_retry(box));
		else if (box->workers < WORKERS_MAX && box->notices)
			(void)start_worker(box);
		drop_old(box);
	}
	return OK;
}

static void worker_main(void *arg)
{
	struct outbox *box = arg;
	err e = work(box);
	if (--box->workers == 0 && !box->notices && !e)
		outbox_free(box);
}

static bool start_worker(struct outbox *box)
{
	box->workers++;
	if (co_start_in(box->queue->services, "hooks", worker_main, box))
		return true;
	box->workers--;
	return false;
}

/* ---- from outside ---- */

void hook_queue_put(struct hook_queue *queue, const struct hook_notice *said)
{
	struct outbox *box = outbox_get(queue, said->url, said->tls_name);
	struct queued_notice *notice = mem_alloc(sizeof(*notice) + said->body.n);
	*notice = (struct queued_notice){
		.event = said->event,
		.content_type = said->content_type,
		.answer_max = said->answer_max,
		.timeout_ms = said->timeout_ms,
		.until_ms = clock_after(said->age_ms),
		.n = said->body.n,
	};
	memcpy(notice->body, said->body.p, said->body.n);
	if (queue->facts.waiting >= said->queue_max) {
		drop(box, notice);
	} else {
		DL_APPEND(box->notices, notice);
		queue->facts.waiting++;
	}
	if (!box->workers && !box->notices)
		outbox_free(box);
	else if (!box->workers)
		(void)start_worker(box); /* else with the next one */
}

static bool is_busy(const struct hook_queue *queue)
{
	const struct outbox *box;
	DL_FOREACH (queue->outboxes, box)
		if (box->workers && !box->is_down)
			return true;
	return false;
}

void hook_queue_drain(struct hook_queue *queue, int64_t deadline)
{
	while (is_busy(queue) && clock_ms() < deadline)
		if (co_sleep(DRAIN_STEP_MS) != OK)
			return;
}

struct hook_queue_facts hook_queue_facts(const struct hook_queue *queue)
{
	return queue->facts;
}

void hook_queue_free(struct hook_queue **queue)
{
	struct outbox *box, *next;
	if (!*queue)
		return;
	int left = (*queue)->facts.waiting;
	DL_FOREACH_SAFE ((*queue)->outboxes, box, next) {
		while (box->notices)
			drop(box, take_first(box));
		outbox_free(box);
	}
	if (left)
		log_warn("%d notices to hooks were not delivered", left);
	free(*queue);
	*queue = NULL;
}
