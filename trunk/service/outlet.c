#include "service/outlet.h"

enum { LOOK_EVERY_MS = 1000 };

err outlet_check(struct outlet *o, const struct sock *sock, int64_t stalled_ms, int64_t *deadline)
{
	int64_t now = clock_ms();
	if (now >= o->next_ms) {
		int unsent = sock_unsent(sock);
		int64_t acked = sock->send_bytes - unsent;
		if (acked > o->acked || unsent == 0 || !o->acked_ms) {
			o->acked = acked;
			o->acked_ms = now;
		}
		if (now - o->acked_ms >= stalled_ms)
			return err_fail(ERR_STALLED, "took nothing for %lld ms",
					(long long)(now - o->acked_ms));
		/* With nothing unsent, only a new send can change that, and it wakes us. */
		o->next_ms = unsent ? now + LOOK_EVERY_MS : now;
	}
	if (o->next_ms > now && o->next_ms < *deadline)
		*deadline = o->next_ms;
	return OK;
}
