#include "node/send_monitor.h"

enum {
	LOOKS = 4,           /* within stalled_timeout */
	TOGETHER_MASK = 255, /* the deadlines of thousands fall on few moments */
	SKIPS_MAX = 16,
};

static err look(struct send_monitor *o, const struct sock *sock, int64_t stalled_ms, int64_t now)
{
	int unsent = sock_unsent(sock);
	int64_t acked = sock_wire_sent(sock) - unsent;
	/* At first and after silence the clock starts: by now, bytes are out. */
	if (acked > o->acked || unsent == 0 || o->is_clear || !o->acked_ms) {
		o->acked = acked;
		o->acked_ms = now;
	}
	o->is_clear = unsent == 0;
	o->next_ms = now + stalled_ms / LOOKS;
	if (now - o->acked_ms < stalled_ms)
		return OK;
	return err_fail(ERR_STALLED, "took nothing for %lld ms", (long long)(now - o->acked_ms));
}

/* While media flows the looks come with turns: a deadline of their own, which would cost a wake-up,
 * is only for those that wait for room. */
err send_monitor_check(struct send_monitor *o, const struct sock *sock, int64_t stalled_ms,
		       int64_t *deadline)
{
	int64_t now = clock_ms();
	if (now >= o->next_ms)
		TRY(look(o, sock, stalled_ms, now));
	int64_t due = (o->next_ms + stalled_ms / LOOKS / 2) | TOGETHER_MASK;
	if ((!o->is_clear || o->left == LEFT_BLOCKED) && due < *deadline)
		*deadline = due;
	return OK;
}

err send_monitor_check_skips(const struct cursor *cursor)
{
	if (cursor->skips <= SKIPS_MAX)
		return OK;
	return err_fail(ERR_STALLED, "too slow for the stream: moved ahead %u times",
			cursor->skips);
}

/* The time of the last send says whether a look is due: the clock would cost as much as all the rest
 * of a turn. Who is blocked is woken when there is room. */
void send_monitor_turn(struct send_monitor *o, const struct sock *sock, struct co *co,
		       err (*send_some)(void *ctx), void *ctx)
{
	if (o->left == LEFT_BLOCKED)
		return;
	if (sock_send_ms(sock) < o->next_ms && send_some(ctx) == OK && o->left == LEFT_NOTHING)
		return;
	co_wake(co);
}

err send_monitor_wait(const struct send_monitor *o, int64_t deadline)
{
	if (o->left == LEFT_MORE)
		co_wake(co_self());
	return co_wait(deadline);
}
