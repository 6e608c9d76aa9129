#include "net/dial.h"
#include "base/clock.h"
#include "base/mem.h"
#include "net/dns.h"

#include <stdlib.h>

/* Of the address that is tried while `left` of them, this one included, were not tried yet. */
static int64_t address_deadline(int64_t deadline, int left)
{
	int64_t now = clock_ms(), most = now + DIAL_ADDRESS_MS;
	if (left == 1 || deadline <= now)
		return deadline;
	int64_t share = deadline == CLOCK_NEVER ? most : now + (deadline - now) / left;
	return share < most ? share : most;
}

err dial_addrs(struct sock **out, const struct addr *addrs, int count, int64_t deadline)
{
	err e = err_fail(ERR_NAME, "the name has no address");
	for (int i = 0; i < count; i++) {
		e = sock_dial(out, &addrs[i], address_deadline(deadline, count - i));
		if (e == OK || e == ERR_STOPPED || clock_ms() >= deadline)
			return e;
	}
	return e;
}

err dial_host(struct sock **out, const char *host, int port, int64_t deadline)
{
	struct dns_answer answer = {0};
	err e = dns_lookup(&answer, host, port, deadline);
	if (!e)
		e = dial_addrs(out, answer.addrs, answer.count, deadline);
	dns_answer_fini(&answer);
	return e;
}
