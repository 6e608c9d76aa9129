#include "base/mem.h"
#include "co/co.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdlib.h>

static struct {
	struct timer timer;
	int64_t due, fired;
} many[10000];
static int fired, wrong;
static int64_t last_due;

static int setup(void **state)
{
	fired = wrong = 0;
	last_due = 0;
	return co_setup_fake_time(state);
}

static void on_timer(struct timer *timer)
{
	int64_t now = clock_ms();
	fired++;
	wrong += now < timer->due || timer->due < last_due || timer->armed;
	last_due = timer->due;
}

static void timers_fire_in_the_order_of_their_times_and_never_early(void **state)
{
	(void)state;
	static const int after[] = {40, 3, 64, 1, 65, 20, 0, 3, 70, -10};
	struct timer timers[10] = {0};
	int64_t now = clock_ms();
	for (size_t i = 0; i < 10; i++) {
		timers[i].fn = on_timer;
		timer_set(&timers[i], now + after[i]);
		assert_true(timers[i].armed);
	}
	assert_int_equal(co_sleep(90), OK);
	assert_int_equal(fired, 10);
	/* What is overdue when it is set runs with the next millisecond, after what was due. */
	assert_true(wrong <= 2);
}

static void a_cancelled_timer_does_not_fire(void **state)
{
	(void)state;
	struct timer a = {.fn = on_timer}, b = {.fn = on_timer};
	int64_t now = clock_ms();
	timer_cancel(&a); /* idle */
	timer_set(&a, now + 5);
	timer_set(&b, now + 5);
	timer_cancel(&a);
	timer_cancel(&a);
	assert_false(a.armed);
	assert_int_equal(co_sleep(15), OK);
	assert_int_equal(fired, 1);
	timer_set(&a, now + 60000);
	timer_set(&a, CLOCK_NEVER);
	assert_false(a.armed);
}

static void setting_again_moves_a_timer(void **state)
{
	(void)state;
	struct timer a = {.fn = on_timer};
	int64_t now = clock_ms();
	timer_set(&a, now + 5000);
	timer_set(&a, now + 10);
	assert_int_equal(co_sleep(25), OK);
	assert_int_equal(fired, 1);
	timer_set(&a, clock_ms() + 5);
	timer_set(&a, clock_ms() + 60000);
	assert_int_equal(co_sleep(15), OK);
	assert_int_equal(fired, 1);
	timer_cancel(&a);
}

static struct timer victim;
static void cancels_the_victim(struct timer *timer)
{
	(void)timer;
	fired += 100;
	timer_cancel(&victim);
}

static void a_callback_may_cancel_a_timer_of_the_same_moment(void **state)
{
	(void)state;
	struct timer a = {.fn = cancels_the_victim};
	int64_t due = clock_ms() + 5;
	victim.fn = on_timer;
	timer_set(&a, due);
	timer_set(&victim, due);
	assert_int_equal(co_sleep(15), OK);
	assert_int_equal(fired, 100);
}

static void sets_itself_again(struct timer *timer)
{
	if (++fired < 5)
		timer_set(timer, timer->due + 2);
}

static void a_callback_may_set_its_timer_again(void **state)
{
	(void)state;
	struct timer a = {.fn = sets_itself_again};
	timer_set(&a, clock_ms());
	assert_int_equal(co_sleep(40), OK);
	assert_int_equal(fired, 5);
}

static void on_many(struct timer *timer)
{
	size_t i = (size_t)((char *)timer - (char *)many) / sizeof(many[0]);
	many[i].fired = clock_ms();
	fired++;
}

static void ten_thousand_timers_fire_on_time_and_the_cancelled_ones_do_not(void **state)
{
	(void)state;
	int cancelled = 0;
	int64_t start = clock_ms();
	srand(1);
	for (size_t i = 0; i < 10000; i++) {
		many[i].timer.fn = on_many;
		many[i].due = start + rand() % 300;
		timer_set(&many[i].timer, many[i].due + 7);
		timer_set(&many[i].timer, many[i].due);
	}
	for (size_t i = 0; i < 10000; i += 3, cancelled++)
		timer_cancel(&many[i].timer);
	assert_int_equal(co_sleep(350), OK);
	assert_int_equal(fired, 10000 - cancelled);
	for (size_t i = 0; i < 10000; i++) {
		/* What is due at once waits for the next millisecond. */
		int64_t due = many[i].due > start ? many[i].due : start + 1;
		assert_int_equal(many[i].fired, i % 3 == 0 ? 0 : due);
	}
}

static int runs;
static struct co *runner;

static void counts_its_runs(void *arg)
{
	(void)arg;
	while (co_wait(CLOCK_NEVER) == OK)
		runs++;
}

static void takes_long_and_is_due_again(struct timer *timer)
{
	fake_time_pass(3);
	co_wake(runner);
	if (++fired < 10)
		timer_set(timer, timer->due + 1);
}

static void who_was_woken_runs_before_a_timer_that_is_due_again(void **state)
{
	(void)state;
	struct timer a = {.fn = takes_long_and_is_due_again};
	runs = 0;
	runner = co_start("runner", counts_its_runs, NULL);
	co_yield ();
	timer_set(&a, clock_ms() + 1);
	while (fired < 10)
		assert_int_equal(co_sleep(5), OK);
	co_yield ();
	assert_int_equal(runs, 10);
	co_stop(runner);
	co_join(&runner);
}

static void distant_times_can_be_set_and_cancelled(void **state)
{
	(void)state;
	struct timer timers[63] = {0};
	int64_t now = clock_ms();
	for (int i = 0; i < 63; i++) {
		timers[i].fn = on_timer;
		timer_set(&timers[i], i < 62 ? now + (INT64_C(1) << i) : INT64_MAX - 1);
	}
	assert_int_equal(co_sleep(20), OK);
	assert_int_equal(fired, 5); /* 1, 2, 4, 8, 16 */
	assert_int_equal(wrong, 0);
	for (int i = 0; i < 63; i++)
		timer_cancel(&timers[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(timers_fire_in_the_order_of_their_times_and_never_early),
		T(a_cancelled_timer_does_not_fire),
		T(setting_again_moves_a_timer),
		T(a_callback_may_cancel_a_timer_of_the_same_moment),
		T(a_callback_may_set_its_timer_again),
		T(ten_thousand_timers_fire_on_time_and_the_cancelled_ones_do_not),
		T(who_was_woken_runs_before_a_timer_that_is_due_again),
		T(distant_times_can_be_set_and_cancelled),
	};
	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
