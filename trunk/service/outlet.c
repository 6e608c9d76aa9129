#include "service/outlet.h"

enum { LOOK_EVERY_MS = 1000 };

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
