#include "live/msg_log.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	UNREAD_BYTES_MAX = 64 << 20, /* kept beyond this: readers are moved */
	BURST_MS = 1000,             /* a reader that was given no time to read is not slow */
	FORMER_BYTES_MAX = 16 << 20, /* beyond this earlier starts are given up */
	FORMER_STEP_MS = 250, /* they are noted at this distance, though each picture may be one */
};

/* An empty message costs too. */
static size_t cost_of(const struct msg *m)
{
	return sizeof(*m) + m->n;
}

static struct msg **slot_of(const struct msg_log *log, uint64_t seq)
{
	return &log->ring[seq & (log->room - 1)];
}

struct msg *msg_log_at(const struct msg_log *log, uint64_t seq)
{
	check(seq >= log->first && seq < log->next);
	return *slot_of(log, seq);
}

static void drop_before(struct msg_log *log, uint64_t seq)
{
	for (; log->first < seq; log->first++) {
		struct msg **m = slot_of(log, log->first);
		log->bytes -= cost_of(*m);
		msg_unref(m);
	}
}

/* ---- earlier starts ---- */

/* Gives up the oldest ones, `count` of them. */
static void give_up_former(struct msg_log *log, int count)
{
	uint64_t end = count < log->former_count ? log->former[count].seq : log->start;
	for (uint64_t seq = count ? log->former[0].seq : end; seq < end; seq++)
		log->former_bytes -= cost_of(msg_log_at(log, seq));
	for (int i = 0; i < count; i++)
		headers_unref(&log->former[i].headers);
	log->former_count -= count;
	if (!log->former_count)
		log->former_bytes = 0;
	else
		memmove(log->former, log->former + count,
			(size_t)log->former_count * sizeof(log->former[0]));
}

static void forget_former(struct msg_log *log)
{
	give_up_former(log, log->former_count);
}

/* The start that follows the oldest one reaches back far enough, or they have become too large. */
static bool is_former_worn(const struct msg_log *log)
{
	int64_t next_ms = log->former_count > 1 ? log->former[1].ms : log->start_ms;
	return !log->former_from_ms || next_ms < log->former_from_ms ||
	       log->former_bytes > FORMER_BYTES_MAX;
}

/* True when there are messages that nobody needs any more. */
static bool trim_former(struct msg_log *log)
{
	int had = log->former_count;
	while (log->former_count && is_former_worn(log))
		give_up_former(log, 1);
	return log->former_count < had;
}

/* The newest start is about to be followed by another one. */
static void keep_start(struct msg_log *log)
{
	int n = log->former_count;
	if (log->start < log->begin)
		return;
	if (!n || log->start_ms - log->former[n - 1].ms >= FORMER_STEP_MS) {
		vec_reserve(log->former, log->former_room, n + 1);
		log->former[log->former_count++] = (struct log_start){
			log->start, log->start_ms, headers_ref(log->start_headers)};
	}
	log->former_bytes += log->start_bytes;
}

void msg_log_begin(struct msg_log *log)
{
	forget_former(log);
	log->begin = log->next;
}

const struct log_start *msg_log_former(const struct msg_log *log, int64_t until_ms)
{
	if (!log->former_count || log->start_ms < until_ms)
		return NULL;
	int i = log->former_count - 1;
	while (i > 0 && log->former[i].ms >= until_ms)
		i--;
	return &log->former[i];
}

void msg_log_fini(struct msg_log *log)
{
	check(!log->readers);
	forget_former(log);
	drop_before(log, log->next);
	free(log->ring);
	free(log->former);
	headers_unref(&log->start_headers);
	headers_unref(&log->headers);
	*log = (struct msg_log){0};
}

static void grow(struct msg_log *log)
{
	struct msg_log old = *log;
	log->room = old.room ? old.room * 2 : 64;
	log->ring = mem_alloc(log->room * sizeof(log->ring[0]));
	for (uint64_t seq = old.first; seq < old.next; seq++)
		*slot_of(log, seq) = *slot_of(&old, seq);
	free(old.ring);
}

/* ---- readers ---- */

static bool is_slow(const struct reader *r, int64_t now_ms)
{
	const struct msg_log *log = r->log;
	int64_t waited = now_ms - r->read_ms;
	int64_t lag = log->head_ts - msg_log_at(log, r->seq)->ts;
	return log->bytes - log->start_bytes - log->former_bytes > UNREAD_BYTES_MAX ||
	       waited > log->backlog_ms || (waited >= BURST_MS && lag > log->backlog_ms);
}

/* To the newest start, or behind the newest message. */
static void move(struct reader *r, int64_t now_ms)
{
	struct msg_log *log = r->log;
	bool at_start = log->has_start && log->start > r->seq;
	uint64_t to = at_start ? log->start : log->next;
	r->lost += to - r->seq;
	r->overruns++;
	r->key_due_ms = at_start ? 0 : now_ms + log->key_wait_ms;
	r->seq = to;
	r->read_ms = now_ms; /* it gets a whole backlog of time again */
	headers_unref(&r->headers);
	r->headers = headers_ref(at_start ? log->start_headers : log->headers);
}

static uint64_t oldest_unread(struct msg_log *log, int64_t now_ms)
{
	uint64_t oldest = log->next;
	struct reader *r;
	DL_FOREACH (log->readers, r) {
		if (r->seq < log->next && is_slow(r, now_ms))
			move(r, now_ms);
		oldest = r->seq < oldest ? r->seq : oldest;
	}
	return oldest;
}

void msg_log_trim(struct msg_log *log, int64_t now_ms)
{
	uint64_t unread = oldest_unread(log, now_ms);
	uint64_t start = log->former_count ? log->former[0].seq : log->start;
	drop_before(log, log->has_start && start < unread ? start : unread);
}

void msg_log_shrink(struct msg_log *log, int64_t now_ms)
{
	struct reader *r;
	msg_log_forget_start(log);
	DL_FOREACH (log->readers, r)
		if (r->seq < log->next)
			move(r, now_ms);
	drop_before(log, log->next);
}

/* ---- appending ---- */

void msg_log_forget_start(struct msg_log *log)
{
	forget_former(log);
	log->has_start = false;
	log->start_bytes = 0;
	headers_unref(&log->start_headers);
	if (!log->readers)
		drop_before(log, log->next);
}

static void note_headers(struct headers **noted, struct headers *headers)
{
	if (*noted == headers)
		return;
	headers_unref(noted);
	*noted = headers_ref(headers);
}

static void note_start(struct msg_log *log, struct headers *headers, int64_t now_ms)
{
	if (log->has_start && log->former_from_ms)
		keep_start(log);
	log->has_start = true;
	log->start = log->next;
	log->start_ms = now_ms;
	log->start_bytes = 0;
	note_headers(&log->start_headers, headers);
}

void msg_log_append(struct msg_log *log, struct msg *m, bool starts, struct headers *headers,
		    int64_t now_ms)
{
	note_headers(&log->headers, headers);
	log->head_ts = m->ts;
	if (starts)
		note_start(log, headers, now_ms);
	bool trims = trim_former(log) || starts;
	if (!log->has_start && !log->readers) {
		drop_before(log, log->next);
		log->first = ++log->next;
		return;
	}
	if (log->next - log->first == log->room)
		grow(log);
	*slot_of(log, log->next++) = msg_ref(m);
	log->bytes += cost_of(m);
	log->start_bytes += log->has_start ? cost_of(m) : 0;
	if (trims || log->readers)
		msg_log_trim(log, now_ms);
}
