#include "co/co.h"
#include "support/co_unit.h"
#include "support/fake_time.h"
#include "support/unit.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS = 8 };
static struct reactor_fd rfds[PAIRS];
static int far[PAIRS];
static int events;

static int setup(void **state)
{
	memset(rfds, 0, sizeof(rfds));
	events = 0;
	return co_setup(state);
}

static int near_end(int i)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	far[i] = fds[1];
	return fds[0];
}

static void close_pair(int i)
{
	reactor_remove(&rfds[i]);
	close(rfds[i].fd);
	close(far[i]);
}

static void input_sets_the_bit_and_wakes_the_waiter(void **state)
{
	(void)state;
	char c;
	rfds[0].waiter = co_self();
	assert_int_equal(reactor_add(&rfds[0], near_end(0)), OK);
	assert_int_equal(co_wait(clock_ms() + 5000), OK);
	assert_int_equal(rfds[0].ready, REACTOR_OUT);
	assert_int_equal(write(far[0], "ab", 2), 2);
	assert_int_equal(co_wait(clock_ms() + 5000), OK);
	assert_int_equal(rfds[0].ready, REACTOR_IN | REACTOR_OUT);
	/* Edge-triggered: what is left raises no further event. */
	assert_int_equal(read(rfds[0].fd, &c, 1), 1);
	rfds[0].ready = 0;
	assert_int_equal(co_wait(clock_ms() + 10), ERR_TIMEOUT);
	close_pair(0);
}

static void the_end_of_the_peer_is_a_hang_up(void **state)
{
	(void)state;
	rfds[0].waiter = co_self();
	assert_int_equal(reactor_add(&rfds[0], near_end(0)), OK);
	shutdown(far[0], SHUT_WR);
	while (!(rfds[0].ready & REACTOR_HUP))
		assert_int_equal(co_wait(clock_ms() + 5000), OK);
	assert_true(rfds[0].ready & REACTOR_IN);
	close_pair(0);
}

static void removes_all(struct reactor_fd *rfd)
{
	(void)rfd;
	events++;
	for (int i = 0; i < PAIRS; i++)
		reactor_remove(&rfds[i]);
}

static void a_callback_may_remove_descriptors_of_the_same_batch(void **state)
{
	(void)state;
	for (int i = 0; i < PAIRS; i++) {
		rfds[i].on_event = removes_all;
		assert_int_equal(reactor_add(&rfds[i], near_end(i)), OK);
		assert_int_equal(write(far[i], "x", 1), 1);
	}
	assert_int_equal(co_sleep(10), OK);
	assert_int_equal(events, 1);
	for (int i = 0; i < PAIRS; i++)
		close_pair(i);
}

static void counts(struct reactor_fd *rfd)
{
	char c;
	events++;
	rfd->ready = 0;
	(void)!read(rfd->fd, &c, 1);
}

static void level_triggered_input_is_told_until_it_is_read(void **state)
{
	(void)state;
	rfds[0].on_event = counts;
	assert_int_equal(reactor_add_level(&rfds[0], near_end(0), REACTOR_IN), OK);
	assert_int_equal(write(far[0], "abc", 3), 3);
	while (events < 3)
		assert_int_equal(co_sleep(1), OK);
	assert_int_equal(co_sleep(10), OK);
	assert_int_equal(events, 3);
	/* Calling it again changes the events. */
	assert_int_equal(reactor_add_level(&rfds[0], rfds[0].fd, 0), OK);
	assert_int_equal(write(far[0], "abc", 3), 3);
	assert_int_equal(co_sleep(10), OK);
	assert_int_equal(events, 3);
	close_pair(0);
}

static struct timer turn;
static int events_at_turn;

static void takes_turn(struct timer *timer)
{
	(void)timer;
	events_at_turn = events;
}

static void first_asks_for_a_turn(struct reactor_fd *rfd)
{
	(void)rfd;
	if (events++ == 0)
		timer_set(&turn, clock_ms());
	fake_time_pass(1);
}

/* As when all viewers of an edge leave: others have their turn meanwhile. */
static void a_crowd_of_events_does_not_hold_up_a_timer(void **state)
{
	enum { CROWD = 800 };
	static struct reactor_fd crowd[CROWD];
	(void)state;
	fake_time_begin();
	turn.fn = takes_turn;
	for (int i = 0; i < CROWD; i++) {
		crowd[i].on_event = first_asks_for_a_turn;
		int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(reactor_add(&crowd[i], fd), OK);
	}
	for (int64_t end = clock_after(5000); events < CROWD && clock_ms() < end;)
		co_yield ();
	assert_int_equal(events, CROWD);
	assert_in_range(events_at_turn, 1, CROWD / 2);
	for (int i = 0; i < CROWD; i++) {
		reactor_remove(&crowd[i]);
		close(crowd[i].fd);
	}
	fake_time_end();
}

static void a_bad_descriptor_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(reactor_add(&rfds[0], -1), ERR_SYSTEM);
	assert_int_equal(reactor_add_level(&rfds[0], -1, REACTOR_IN), ERR_SYSTEM);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(input_sets_the_bit_and_wakes_the_waiter),
		T(the_end_of_the_peer_is_a_hang_up),
		T(a_callback_may_remove_descriptors_of_the_same_batch),
		T(level_triggered_input_is_told_until_it_is_read),
		T(a_crowd_of_events_does_not_hold_up_a_timer),
		T(a_bad_descriptor_is_an_error),
	};
	return cmocka_run_group_tests_name("reactor", tests, NULL, NULL);
}
