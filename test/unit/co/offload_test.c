#include "co/co.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

struct slow {
	pthread_t thread;
	int blocked; /* is SIGTERM blocked there */
	sem_t go_on;
	int rc; /* of the wait for it */
	int ticks;
	bool done;
};

static void slow_call(void *arg)
{
	struct slow *slow = arg;
	sigset_t mask;
	slow->thread = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	slow->blocked = sigismember(&mask, SIGTERM);
	struct timespec patience;
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 30;
	slow->rc = sem_timedwait(&slow->go_on, &patience);
}

static void ticker(void *arg)
{
	struct slow *slow = arg;
	while (!slow->done) {
		if (++slow->ticks == 5)
			sem_post(&slow->go_on);
		(void)!co_sleep(5);
	}
}

static void others_run_while_a_call_blocks(void **state)
{
	(void)state;
	struct slow slow = {0};
	sem_init(&slow.go_on, 0, 0);
	struct co *child = co_start("ticker", ticker, &slow);
	co_offload(slow_call, &slow);
	slow.done = true;
	co_join(&child);
	assert_int_equal(slow.rc, 0); /* the call has seen five turns of the other one */
	assert_false(pthread_equal(slow.thread, pthread_self()));
	assert_int_equal(slow.blocked, 1);
}

static void add_one(void *arg)
{
	++*(int *)arg;
}

static void offloads(void *arg)
{
	for (int i = 0; i < 100; i++)
		co_offload(add_one, arg);
}

static void many_jobs_of_many_coroutines_all_get_done(void **state)
{
	(void)state;
	struct co *children[50];
	int sums[50] = {0};
	for (int i = 0; i < 50; i++)
		children[i] = co_start("offloads", offloads, &sums[i]);
	for (int i = 0; i < 50; i++) {
		co_join(&children[i]);
		assert_int_equal(sums[i], 100);
	}
}

static void waits_out_a_call(void *arg)
{
	co_offload(slow_call, arg);
	((struct slow *)arg)->done = true;
}

static void a_stop_does_not_leave_the_call_alone(void **state)
{
	(void)state;
	struct slow slow = {0};
	sem_init(&slow.go_on, 0, 0);
	struct co *child = co_start("stopped", waits_out_a_call, &slow);
	co_yield ();
	co_stop(child);
	assert_int_equal(co_sleep(20), OK);
	assert_false(slow.done);
	sem_post(&slow.go_on);
	co_join(&child);
	assert_true(slow.done);
	assert_int_equal(slow.rc, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(others_run_while_a_call_blocks),
		T(many_jobs_of_many_coroutines_all_get_done),
		T(a_stop_does_not_leave_the_call_alone),
	};
	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
