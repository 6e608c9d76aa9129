/* A peer that takes nothing, seen by looks at the real kernel's queue. */
#include "base/mem.h"
#include "net/listen.h"
#include "node/outlet.h"
#include "support/unit.h"

#include <stdlib.h>

enum { STALLED_MS = 400, PATIENCE_MS = 10000 };

static struct listener *listener;
static struct sock *far, *near;
static struct co *root;

static void on_accept(void *ctx, struct sock *sock)
{
	(void)ctx;
	far = sock;
	co_wake(root);
}

static int setup(void **state)
{
	struct listen_opts opts = {.text = "127.0.0.1:0", .what = "test", .on_accept = on_accept};
	(void)state;
	if (co_init() != OK || listener_open(&listener, &opts) != OK)
		return -1;
	listener_start(listener);
	root = co_self();
	far = NULL;
	struct addr to;
	if (!addr_literal(&to, "127.0.0.1", listener_port(listener)) ||
	    sock_dial(&near, &to, clock_after(PATIENCE_MS)) != OK)
		return -1;
	while (!far)
		if (co_wait(clock_after(PATIENCE_MS)) != OK)
			return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sock_close(&near);
	sock_close(&far);
	listener_close(&listener);
	err_clear();
	co_fini();
	return 0;
}

/* Until the socket takes no more; the other end reads nothing. */
static void fill(struct sock *sock)
{
	enum { SIZE = 1 << 20 };
	char *bytes = mem_zalloc(SIZE);
	size_t n;
	while (sock_try_sendv(sock, &(struct iovec){bytes, SIZE}, 1, &n) == OK)
		;
	free(bytes);
}

static void a_peer_that_takes_all_has_no_deadline(void **state)
{
	(void)state;
	struct outlet o = {0};
	int64_t deadline = CLOCK_NEVER;
	size_t n;
	for (int64_t end = clock_after(PATIENCE_MS); sock_unsent(near) > 0 && clock_ms() < end;)
		co_yield ();
	assert_int_equal(sock_try_sendv(near, &(struct iovec){"x", 1}, 1, &n), OK);
	while (sock_unsent(near) > 0)
		assert_int_equal(co_sleep(1), OK);
	assert_int_equal(outlet_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(deadline == CLOCK_NEVER);
}

static void a_peer_that_takes_nothing_is_given_up_in_time(void **state)
{
	(void)state;
	struct outlet o = {.left = LEFT_BLOCKED};
	int64_t began = clock_ms(), deadline;
	err e;
	fill(near);
	for (;;) {
		deadline = CLOCK_NEVER;
		e = outlet_check(&o, near, STALLED_MS, &deadline);
		if (e)
			break;
		assert_true(deadline <= clock_ms() + STALLED_MS);
		assert_true(clock_ms() < began + PATIENCE_MS);
		assert_int_equal(co_sleep(deadline - clock_ms() + 1), OK);
	}
	assert_int_equal(e, ERR_STALLED);
	assert_true(clock_ms() - began >= STALLED_MS);
}

/* All was acknowledged at the last look; then the socket fills at once, before it is time for the
 * next look, and nothing wakes the sender any more. */
static void who_is_blocked_has_a_deadline_although_the_last_look_was_clear(void **state)
{
	(void)state;
	struct outlet o = {0};
	int64_t deadline = CLOCK_NEVER;
	assert_int_equal(outlet_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(o.is_clear);
	fill(near);
	o.left = LEFT_BLOCKED;
	assert_int_equal(outlet_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(deadline <= clock_ms() + STALLED_MS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_peer_that_takes_all_has_no_deadline),
		T(a_peer_that_takes_nothing_is_given_up_in_time),
		T(who_is_blocked_has_a_deadline_although_the_last_look_was_clear),
	};
	return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
