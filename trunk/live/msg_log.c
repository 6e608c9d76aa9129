#include "live/msg_log.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <utlist.h>

enum {
	UNREAD_BYTES_MAX = 64 << 20, /* kept beyond this: readers are moved */
	BURST_MS = 1000,             /* a reader that was given no time to read is not slow */
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

void msg_log_fini(struct msg_log *log)
{
	check(!log->readers);
	drop_before(log, log->next);
	free(log->ring);
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
	return log->bytes - log->start_bytes > UNREAD_BYTES_MAX || waited > log->backlog_ms ||
	       (waited >= BURST_MS && lag > log->backlog_ms);
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
	drop_before(log, log->has_start && log->start < unread ? log->start : unread);
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

static void note_start(struct msg_log *log, struct headers *headers)
{
	log->has_start = true;
	log->start = log->next;
	log->start_bytes = 0;
	note_headers(&log->start_headers, headers);
}

void msg_log_append(struct msg_log *log, struct msg *m, bool starts, struct headers *headers,
		    int64_t now_ms)
{
	note_headers(&log->headers, headers);
	log->head_ts = m->ts;
	if (starts)
		note_start(log, headers);
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
	if (starts || log->readers)
		msg_log_trim(log, now_ms);
}
