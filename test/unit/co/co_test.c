#include "base/log.h"
#include "co/co.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <string.h>

/* Steps of coroutines, written down as letters; the root compares. */
static char trace[256];
static size_t trace_n;

static void note(char c)
{
	if (trace_n < sizeof(trace) - 1)
		trace[trace_n++] = c;
	trace[trace_n] = '\0';
}

static int setup(void **state)
{
	trace_n = 0;
	trace[0] = '\0';
	return co_setup_fake_time(state);
}

static void a_wake_before_the_wait_is_not_lost(void **state)
{
	(void)state;
	co_wake(co_self());
	co_wake(co_self());
	assert_int_equal(co_wait(CLOCK_NEVER), OK);
	assert_int_equal(co_wait(clock_ms() + 2), ERR_TIMEOUT); /* two wakes are one */
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
	(void)state;
	for (int ms = 0; ms < 40; ms += 13) {
		int64_t deadline = clock_ms() + ms;
		assert_int_equal(co_wait(deadline), ERR_TIMEOUT);
		assert_int_equal(clock_ms(), deadline);
	}
}

static void a_deadline_in_the_past_lets_others_run_and_takes_a_wake(void **state)
{
	(void)state;
	assert_int_equal(co_wait(clock_ms() - 5), ERR_TIMEOUT);
	co_wake(co_self());
	assert_int_equal(co_wait(clock_ms() - 5), OK);
}

static void count_turns(void *arg)
{
	int *turns = arg;
	while (co_wait(CLOCK_NEVER) != ERR_STOPPED)
		++*turns;
}

/* "There is more to do, but others first": without that a busy peer starves everybody. */
static void who_wakes_itself_lets_others_run_first(void **state)
{
	(void)state;
	int turns = 0;
	struct co *child = co_start("child", count_turns, &turns);
	for (int i = 1; i <= 3; i++) {
		co_wake(child);
		co_wake(co_self());
		assert_int_equal(co_wait(CLOCK_NEVER), OK);
		assert_int_equal(turns, i);
	}
	co_stop(child);
	co_join(&child);
}

static void a_shorter_deadline_after_a_longer_one_counts(void **state)
{
	(void)state;
	co_wake(co_self());
	assert_int_equal(co_wait(clock_ms() + 60000), OK);
	int64_t start = clock_ms();
	assert_int_equal(co_wait(start + 10), ERR_TIMEOUT);
	assert_int_equal(co_wait(start + 20), ERR_TIMEOUT);
	assert_int_equal(clock_ms(), start + 20);
}

static struct co *parent;
static void wake_parent(void *arg)
{
	(void)arg;
	co_wake(parent);
}

static void a_longer_deadline_after_a_shorter_one_counts(void **state)
{
	(void)state;
	int64_t start = clock_ms();
	parent = co_self();
	struct co *child = co_start("child", wake_parent, NULL);
	assert_int_equal(co_wait(start + 10), OK);
	co_join(&child);
	assert_int_equal(co_wait(start + 30), ERR_TIMEOUT);
	assert_int_equal(clock_ms(), start + 30);
	/* Never means never, although a timer may still be armed. */
	child = co_start("child", wake_parent, NULL);
	assert_int_equal(co_wait(clock_ms() + 5), OK);
	co_join(&child);
	assert_int_equal(co_sleep(20), OK);
}

static void wait_for_ever(void *arg)
{
	err *out = arg;
	for (int i = 0; i < 3; i++)
		out[i] = co_wait(CLOCK_NEVER);
	out[3] = co_sleep(1000000);
	out[4] = co_wait(clock_ms() + 1);
	out[5] = co_stopping() ? ERR_STOPPED : OK;
}

static void a_stop_sticks(void **state)
{
	(void)state;
	err got[6] = {OK};
	struct co *child = co_start("child", wait_for_ever, got);
	co_yield ();
	co_stop(child);
	co_stop(child);
	co_wake(child);
	co_join(&child);
	assert_null(child);
	for (int i = 0; i < 6; i++)
		assert_int_equal(got[i], ERR_STOPPED);
}

static void a_child_stopped_before_its_first_run_still_runs(void **state)
{
	(void)state;
	err got[6] = {OK};
	struct co *child = co_start("child", wait_for_ever, got);
	co_stop(child);
	co_join(&child);
	assert_int_equal(got[0], ERR_STOPPED);
	assert_int_equal(got[5], ERR_STOPPED);
}

static void letter(void *arg)
{
	note(*(char *)arg);
}

static void a_child_that_has_ended_can_be_joined_later(void **state)
{
	(void)state;
	char a = 'a';
	struct co *child = co_start("child", letter, &a);
	assert_string_equal(trace, ""); /* it first runs when we wait */
	co_yield ();
	assert_string_equal(trace, "a");
	co_stop(child);
	co_join(&child);
	co_join(&child);
	co_stop(NULL);
}

static void sleep_and_note(void *arg)
{
	(void)arg;
	note(co_sleep(20) == OK ? 's' : 'S');
	note(co_wait(clock_ms() + 1000) == OK ? 'w' : 'W');
}

static void a_sleep_ignores_wakes_but_keeps_them(void **state)
{
	(void)state;
	int64_t start = clock_ms();
	struct co *child = co_start("child", sleep_and_note, NULL);
	co_yield ();
	co_wake(child);
	co_join(&child);
	assert_string_equal(trace, "sw");
	assert_int_equal(clock_ms() - start, 20);
}

static void joins_while_stopped(void *arg)
{
	struct co **grandchild = arg;
	note(co_wait(CLOCK_NEVER) == ERR_STOPPED ? 's' : '?');
	co_join(grandchild);
	note('j');
}

static void slow_end(void *arg)
{
	(void)arg;
	(void)!co_sleep(10);
	note('e');
}

static void a_join_ignores_the_stop_of_the_one_who_joins(void **state)
{
	(void)state;
	struct co *grandchild = co_start("slow", slow_end, NULL);
	struct co *child = co_start("joins", joins_while_stopped, &grandchild);
	co_yield ();
	co_stop(child);
	co_join(&child);
	assert_string_equal(trace, "sej");
}

static struct co_group group;

static void member(void *arg)
{
	(void)arg;
	while (co_wait(CLOCK_NEVER) != ERR_STOPPED)
		;
	co_yield ();
	note('x');
}

static void starts_another(void *arg)
{
	while (co_wait(CLOCK_NEVER) != ERR_STOPPED)
		;
	co_start_in(&group, "late", member, arg);
}

static void stopping_a_group_ends_all_its_members(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_non_null(co_start_in(&group, "member", member, NULL));
	co_start_in(&group, "starts", starts_another, NULL);
	co_yield ();
	assert_int_equal(group.count, 4);
	co_group_stop(&group);
	assert_int_equal(group.count, 0);
	assert_null(group.head);
	assert_string_equal(trace, "xxxx");
	co_group_stop(&group); /* an empty one */
}

static void a_member_that_ends_leaves_its_group(void **state)
{
	(void)state;
	char a = 'a';
	co_start_in(&group, "member", letter, &a);
	co_yield ();
	assert_int_equal(group.count, 0);
	assert_string_equal(trace, "a");
}

static void fails(void *arg)
{
	const char *words = arg;
	err e = err_fail(ERR_PROTOCOL, "%s", words);
	co_yield ();
	note(strcmp(err_trail(e), words) == 0 ? '=' : '!');
}

static void each_coroutine_keeps_its_own_words(void **state)
{
	(void)state;
	char one[] = "one", two[] = "two";
	err mine = err_fail(ERR_BUSY, "mine");
	struct co *a = co_start("a", fails, one), *b = co_start("b", fails, two);
	co_join(&a);
	co_join(&b);
	assert_string_equal(trace, "==");
	assert_string_equal(err_trail(mine), "mine");
}

static char seen_ids[2][9];
static void take_id(void *arg)
{
	memcpy(arg, co_id(), 9);
	co_set_id("changed!and cut");
	memcpy(seen_ids[1], co_id(), 9);
}

static void an_id_is_inherited_and_then_its_own(void **state)
{
	(void)state;
	char fresh[9], again[9];
	co_new_id(fresh);
	co_new_id(again);
	assert_int_equal(strlen(fresh), 8);
	assert_string_not_equal(fresh, again);
	co_set_id(fresh);
	struct co *child = co_start("child", take_id, seen_ids[0]);
	co_join(&child);
	assert_string_equal(seen_ids[0], fresh);
	assert_string_equal(seen_ids[1], "changed!");
	assert_string_equal(co_id(), fresh);
}

static int turns;
static bool enough;
static void take_turns(void *arg)
{
	(void)arg;
	while (!enough) {
		turns++;
		fake_time_pass(1);
		co_yield ();
	}
}

static void a_long_loop_that_yields_lets_timers_run(void **state)
{
	(void)state;
	turns = 0;
	enough = false;
	struct co *child = co_start("busy", take_turns, NULL);
	assert_int_equal(co_sleep(20), OK);
	enough = true;
	co_join(&child);
	assert_in_range(turns, 20, 22);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(a_wake_before_the_wait_is_not_lost),
		T(a_wait_ends_at_its_deadline_and_not_before),
		T(a_deadline_in_the_past_lets_others_run_and_takes_a_wake),
		T(who_wakes_itself_lets_others_run_first),
		T(a_shorter_deadline_after_a_longer_one_counts),
		T(a_longer_deadline_after_a_shorter_one_counts),
		T(a_stop_sticks),
		T(a_child_stopped_before_its_first_run_still_runs),
		T(a_child_that_has_ended_can_be_joined_later),
		T(a_sleep_ignores_wakes_but_keeps_them),
		T(a_join_ignores_the_stop_of_the_one_who_joins),
		T(stopping_a_group_ends_all_its_members),
		T(a_member_that_ends_leaves_its_group),
		T(each_coroutine_keeps_its_own_words),
		T(an_id_is_inherited_and_then_its_own),
		T(a_long_loop_that_yields_lets_timers_run),
	};
	return cmocka_run_group_tests_name("co", tests, NULL, NULL);
}
