/* One origin that has taken the stream: send, look at what it says, watch that it is alive. */
#include "cluster/push_parts.h"

enum {
	PING_MS = 700,     /* a frozen origin goes on accepting megabytes: ask this often */
	PONG_MS = 1000,    /* what it needs to answer, once its kernel has the ping */
	UNTAKEN_MS = 5000, /* what it may take to get the ping through a slow line */
	LOOKS = 4,         /* for the pong, in that time */
	SLICE_MESSAGES = 64,
};

/* What came before then need not be sent again. An origin that is lost takes along what it has not passed on; servers
 * that pulled it from there want it from the next one. While the push moves, they may have left the former origin. */
static void note_had(struct push *p, int64_t ms)
{
	if (p->had_ms && push_move_is_due(p))
		return;
	p->had_ms = ms;
	source_keep_from(p->source, ms);
}

/* Media of a former feeder is not sent again: the origin has had it from there. */
void push_join(struct push *p)
{
	int64_t until = p->had_ms;
	if (!until)
		note_had(p, clock_ms());
	source_cursor_open(p->source, &p->cursor,
			   &(struct cursor_opts){
				   .format = &wire_rtmp,
				   .stream_id = p->link ? p->link->stream_id : 0,
				   .for_server = p->link && p->link->node[0],
				   .from_start = source_has_own_gop(p->source),
				   .until_ms = until,
			   });
	consumer_open(&p->consumer, p->source,
		      &(struct consumer_opts){.kind = CONSUMER_RELAY, .co = p->co});
}

static err send_some(struct push *p)
{
	return p->link->ops->send(p->link, &p->send_monitor, &p->cursor);
}

/* An origin that takes a stream sends statuses alone. */
static err take_input(struct push *p)
{
	for (int n = 0; n < SLICE_MESSAGES; n++) {
		struct link_media media;
		err e = p->link->ops->next(p->link, &media, &p->refusal);
		msg_unref(&media.msg);
		if (e == ERR_RECONNECT)
			push_move_begin(p, &p->refusal);
		else if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self()); /* an origin that talks without end gets its turns like others */
	return OK;
}

/* Its pong is due when the origin's kernel has had the ping for a while: on a slow line it stands
 * behind the media. */
static err check_pong(const struct push *p, int64_t *deadline)
{
	int64_t now = clock_ms();
	bool through = sock_wire_acked(p->link->sock) >= p->ping_end && !cursor_pending(&p->cursor);
	int64_t limit = through ? PONG_MS : UNTAKEN_MS;
	int64_t due = p->ping_ms + limit, look = now + PONG_MS / LOOKS;
	*deadline = due < look ? due : look;
	return now < due ? OK
			 : err_fail(ERR_TIMEOUT, "it does not answer a ping (%lld ms)",
				    (long long)limit);
}

static err ping(struct push *p, int64_t *deadline)
{
	p->ping_is_last = !cursor_pending(&p->cursor);
	p->link->ops->ping(p->link);
	TRY(send_some(p));
	p->ping_ms = p->link->ping_ms;
	p->ping_end = sock_wire_sent(p->link->sock);
	*deadline = clock_ms() + PONG_MS / LOOKS;
	return OK;
}

/* A ping at short intervals. */
static err check_alive(struct push *p, int64_t *deadline)
{
	int64_t now = clock_ms(), pong = p->link->pong_ms;
	if (p->ping_ms && pong >= p->ping_ms) {
		if (p->ping_is_last)
			note_had(p, p->ping_ms);
		p->ping_ms = 0;
	}
	if (p->ping_ms)
		return check_pong(p, deadline);
	*deadline = (pong ? pong : now) + PING_MS;
	return !pong || now >= *deadline ? ping(p, deadline) : OK;
}

/* The origin in use gets the message that was begun to its end, the next one what begins with the last key
 * frame. */
static bool moves(struct push *p)
{
	if (!push_move_is_ready(p))
		return false;
	cursor_pause(&p->cursor, true);
	if (cursor_pending(&p->cursor))
		return false;
	push_move_take(p);
	return true;
}

/* The publisher begins when it has the first origin's word; see push_begin(). */
static err wait_for_publisher(const struct push *p)
{
	while (!p->consumer.source && !p->is_leaving)
		TRY(co_wait(CLOCK_NEVER));
	return OK;
}

err push_carry(struct push *p)
{
	TRY(wait_for_publisher(p));
	while (p->consumer.source) {
		int64_t deadline;
		TRY(take_input(p));
		p->link->ops->report(p->link, p->source);
		TRY(send_some(p));
		if (moves(p))
			continue;
		if (p->is_leaving && !cursor_pending(&p->cursor))
			return OK;
		TRY(check_alive(p, &deadline));
		err e = send_monitor_wait(&p->send_monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	return OK;
}
