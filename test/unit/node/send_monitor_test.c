/* A peer that takes nothing, seen by looks at the real kernel's queue. */
#include "base/mem.h"
#include "node/send_monitor.h"
#include "support/tcp.h"
#include "support/unit.h"

#include <stdlib.h>

/* The shortest time that a configuration can ask for: the looks of a shorter one would be rounded to
 * moments after its end. */
enum { STALLED_MS = 1000 };

static struct sock *near;

static int setup(void **state)
{
	return tcp_setup(state) == 0 && tcp_connect(&near) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	sock_close(&near);
	return tcp_teardown(state);
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
	struct send_monitor o = {0};
	int64_t deadline = CLOCK_NEVER;
	size_t n;
	for (int64_t end = clock_after(TCP_PATIENCE_MS); sock_unsent(near) > 0 && clock_ms() < end;)
		co_yield ();
	assert_int_equal(sock_try_sendv(near, &(struct iovec){"x", 1}, 1, &n), OK);
	while (sock_unsent(near) > 0)
		assert_int_equal(co_sleep(1), OK);
	assert_int_equal(send_monitor_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(deadline == CLOCK_NEVER);
}

static void a_peer_that_takes_nothing_is_given_up_in_time(void **state)
{
	(void)state;
	struct send_monitor o = {.left = LEFT_BLOCKED};
	int64_t began = clock_ms(), deadline;
	err e;
	fill(near);
	for (;;) {
		deadline = CLOCK_NEVER;
		e = send_monitor_check(&o, near, STALLED_MS, &deadline);
		if (e)
			break;
		assert_true(deadline <= clock_ms() + STALLED_MS);
		assert_true(clock_ms() < began + TCP_PATIENCE_MS);
		assert_int_not_equal(co_wait(deadline + 1), ERR_STOPPED);
	}
	assert_int_equal(e, ERR_STALLED);
	assert_true(clock_ms() - began >= STALLED_MS);
}

/* Of the head of an answer nothing may be acknowledged when the first look comes. */
static void the_clock_starts_with_the_first_look(void **state)
{
	(void)state;
	struct send_monitor o = {0};
	int64_t deadline = CLOCK_NEVER;
	fill(near);
	near->send_bytes = sock_unsent(near);
	assert_true(sock_send_bytes(near) > 0);
	assert_int_equal(send_monitor_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(deadline <= clock_ms() + STALLED_MS);
}

/* All was acknowledged at the last look; then the socket fills at once, before it is time for the
 * next look, and nothing wakes the sender any more. */
static void who_is_blocked_has_a_deadline_although_the_last_look_was_clear(void **state)
{
	(void)state;
	struct send_monitor o = {0};
	int64_t deadline = CLOCK_NEVER;
	assert_int_equal(send_monitor_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(o.is_clear);
	fill(near);
	o.left = LEFT_BLOCKED;
	assert_int_equal(send_monitor_check(&o, near, STALLED_MS, &deadline), OK);
	assert_true(deadline <= clock_ms() + STALLED_MS);
}

struct attempt {
	struct send_monitor *o;
	enum send_monitor_left left;
	err result;
	int times;
};

static err attempt(void *ctx)
{
	struct attempt *a = ctx;
	a->times++;
	a->o->left = a->left;
	return a->result ? err_fail(a->result, "it went wrong") : OK;
}

/* What else there is to do than to send is the own coroutine's. */
static void a_turn_wakes_only_for_what_is_not_plain_sending(void **state)
{
	(void)state;
	enum { LATER = 1 << 30 };
	const struct {
		enum send_monitor_left before, after;
		err result;
		bool is_due, sends, wakes;
	} cases[] = {
		{LEFT_NOTHING, LEFT_NOTHING, OK, false, true, false},
		{LEFT_NOTHING, LEFT_MORE, OK, false, true, true},
		{LEFT_NOTHING, LEFT_BLOCKED, OK, false, true, true},
		{LEFT_NOTHING, LEFT_NOTHING, ERR_CLOSED, false, true, true},
		{LEFT_BLOCKED, LEFT_NOTHING, OK, false, false, false}, /* woken by the socket */
		{LEFT_NOTHING, LEFT_NOTHING, OK, true, false, true},   /* it is time for a look */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct send_monitor o = {.left = cases[i].before};
		struct attempt a = {&o, cases[i].after, cases[i].result, 0};
		o.next_ms = sock_send_ms(near) + (cases[i].is_due ? 0 : LATER);
		send_monitor_turn(&o, near, co_self(), attempt, &a);
		assert_int_equal(a.times, cases[i].sends);
		err e = co_wait(clock_ms());
		assert_int_equal(e, cases[i].wakes ? OK : ERR_TIMEOUT);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_peer_that_takes_all_has_no_deadline),
		T(a_peer_that_takes_nothing_is_given_up_in_time),
		T(the_clock_starts_with_the_first_look),
		T(who_is_blocked_has_a_deadline_although_the_last_look_was_clear),
		T(a_turn_wakes_only_for_what_is_not_plain_sending),
	};
	return cmocka_run_group_tests_name("send_monitor", tests, NULL, NULL);
}
