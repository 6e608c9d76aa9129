/* A gate: how many are inside, who is next, and that nobody who gives up keeps a place. */
#include "co/gate.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <string.h>

enum { VISITORS = 6, LONG_MS = 5000, SHORT_MS = 20 };

static struct gate gate;
static int inside, most;
static char order[VISITORS + 1]; /* who was let in, by their letters */

struct visitor {
	char letter;
	int64_t wait_ms, stay_ms;
	err e;
	struct co *co;
};

static void visit(void *arg)
{
	struct visitor *v = arg;
	struct gate_pass pass = {0};
	v->e = gate_enter(&gate, &pass, clock_after(v->wait_ms));
	if (v->e != OK)
		return;
	strncat(order, &v->letter, 1);
	inside++;
	most = inside > most ? inside : most;
	(void)!co_sleep(v->stay_ms);
	inside--;
	gate_leave(&gate, &pass);
}

static void begin(struct visitor v[static VISITORS], int room)
{
	gate = (struct gate){.room = room};
	inside = most = 0;
	*order = '\0';
	for (int i = 0; i < VISITORS; i++) {
		v[i] = (struct visitor){.letter = (char)('a' + i),
					.wait_ms = LONG_MS,
					.stay_ms = SHORT_MS,
					.e = ERR_SYSTEM};
		v[i].co = co_start("visitor", visit, &v[i]);
	}
}

static void end(struct visitor v[static VISITORS], int room)
{
	for (int i = 0; i < VISITORS; i++)
		co_join(&v[i].co);
	assert_null(gate.queue);
	assert_int_equal(gate.room, room);
}

static void so_many_are_inside_and_the_others_follow_in_their_order(void **state)
{
	struct visitor v[VISITORS];
	(void)state;
	begin(v, 2);
	end(v, 2);
	for (int i = 0; i < VISITORS; i++)
		assert_int_equal(v[i].e, OK);
	assert_int_equal(most, 2);
	assert_string_equal(order, "abcdef");
}

static void who_has_waited_long_enough_goes_away(void **state)
{
	struct visitor v[VISITORS];
	(void)state;
	begin(v, 1);
	v[0].stay_ms = 5 * SHORT_MS;
	v[1].wait_ms = v[3].wait_ms = SHORT_MS;
	end(v, 1);
	assert_int_equal(v[1].e, ERR_TIMEOUT);
	assert_int_equal(v[3].e, ERR_TIMEOUT);
	assert_string_equal(order, "acef");
}

/* Also when it is stopped in the very moment in which it is let in. */
static void who_is_stopped_leaves_its_place_to_the_next(void **state)
{
	struct visitor v[VISITORS];
	struct gate_pass pass = {0};
	(void)state;
	begin(v, 1);
	gate_join(&gate, &pass); /* before they run */
	assert_true(pass.inside);
	assert_int_equal(co_sleep(1), OK);
	co_stop(v[2].co);
	gate_leave(&gate, &pass); /* lets the first one in */
	co_stop(v[0].co);
	end(v, 1);
	assert_int_equal(v[0].e, ERR_STOPPED);
	assert_int_equal(v[2].e, ERR_STOPPED);
	assert_string_equal(order, "bdef");
}

static void to_join_or_leave_twice_is_fine(void **state)
{
	struct gate_pass a = {0}, b = {0};
	(void)state;
	gate = (struct gate){.room = 1};
	gate_join(&gate, &a);
	gate_join(&gate, &a);
	gate_join(&gate, &b);
	gate_join(&gate, &b);
	assert_true(a.inside && b.queued && !b.inside);
	gate_leave(&gate, &a);
	gate_leave(&gate, &a);
	assert_true(b.inside && !b.queued);
	gate_leave(&gate, &b);
	gate_leave(&gate, &b);
	assert_int_equal(gate.room, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, co_setup_fake_time, co_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(so_many_are_inside_and_the_others_follow_in_their_order),
		T(who_has_waited_long_enough_goes_away),
		T(who_is_stopped_leaves_its_place_to_the_next),
		T(to_join_or_leave_twice_is_fine),
	};
	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
