#include "service/outlet.h"

enum { LOOK_EVERY_MS = 1000, SKIPS_MAX = 16 };

static err look(struct outlet *o, const struct sock *sock, int64_t stalled_ms, int64_t now)
{
	int unsent = sock_unsent(sock);
	int64_t acked = sock->send_bytes - unsent;
	if (acked > o->acked || unsent == 0 || !o->acked_ms) {
		o->acked = acked;
		o->acked_ms = now;
	}
	o->is_clear = unsent == 0;
	o->next_ms = now + LOOK_EVERY_MS;
	if (now - o->acked_ms < stalled_ms)
		return OK;
	return err_fail(ERR_STALLED, "took nothing for %lld ms", (long long)(now - o->acked_ms));
}

err outlet_check(struct outlet *o, const struct sock *sock, int64_t stalled_ms, int64_t *deadline)
{
	int64_t now = clock_ms();
	if (o->is_clear && sock->send_bytes == o->acked)
		return OK;
	if (o->is_clear) {
		o->is_clear = false; /* the clock starts with the first bytes that are out again */
		o->acked_ms = now;
		o->next_ms = now + LOOK_EVERY_MS;
	}
	if (now >= o->next_ms)
		TRY(look(o, sock, stalled_ms, now));
	if (!o->is_clear && o->next_ms < *deadline)
		*deadline = o->next_ms;
	return OK;
}

err outlet_check_skips(const struct cursor *cursor)
{
	if (cursor->skips <= SKIPS_MAX)
		return OK;
	return err_fail(ERR_STALLED, "too slow for the stream: moved ahead %u times",
			cursor->skips);
}

err outlet_send_rtmp(struct rtmp_conn *conn, struct cursor *cursor, int64_t *sent, bool *blocked)
{
	struct iovec iov[OUTLET_IOV];
	size_t total = 0;
	*blocked = false;
	if (conn->out.n) {
		cursor_inject(cursor, buf_span(&conn->out));
		buf_free(&conn->out);
	}
	for (int sends = 0; total < OUTLET_TURN_BYTES && sends < OUTLET_TURN_SENDS; sends++) {
		size_t taken = 0;
		int n = cursor_gather(cursor, iov, OUTLET_IOV, OUTLET_TURN_BYTES);
		if (n == 0 && cursor_overrun(cursor))
			return err_fail(ERR_LIMIT, "it asks for more than it reads");
		if (n == 0)
			return OK;
		err e = sock_try_sendv(conn->sock, iov, n, &taken);
		*blocked = e == ERR_AGAIN;
		if (e)
			return *blocked ? OK : e;
		cursor_advance(cursor, taken);
		*sent += (int64_t)taken;
		total += taken;
	}
	co_wake(co_self()); /* more is there: come back after the others */
	return OK;
}
