/* Sources by name, and who hears of their streams. */
#include "live/registry.h"
#include "support/fake_time.h"
#include "support/unit.h"
#include "unit/live/media.h"

#include <string.h>

static struct registry registry;
static struct source_opts opts;
static struct feeder first, second;
static char heard[64];

static void note(char what)
{
	size_t n = strlen(heard);
	assert_true(n + 1 < sizeof(heard));
	heard[n] = what;
}

static void on_begin(struct source_observer *o, struct source *s, bool resumed)
{
	(void)o;
	assert_true(source_is_live(s));
	note(resumed ? 'r' : 'b');
}

static void on_gap(struct source_observer *o, struct source *s)
{
	(void)o;
	assert_null(s->feeder);
	note('g');
}

static void on_end(struct source_observer *o, struct source *s)
{
	(void)o;
	(void)s;
	note('e');
}

static struct source_observer observer;

static int setup(void **state)
{
	(void)state;
	opts = (struct source_opts){.chunk_size = 4096};
	first = second = (struct feeder){.kind = FEEDER_PUBLISHER};
	memset(heard, 0, sizeof(heard));
	observer =
		(struct source_observer){.on_begin = on_begin, .on_gap = on_gap, .on_end = on_end};
	registry_init(&registry);
	fake_time_begin();
	return co_init() == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	registry_fini(&registry);
	co_fini();
	fake_time_end();
	return 0;
}

static struct source *get(const char *key)
{
	return registry_get(&registry, key, "v", "a", "s", &opts);
}

static void a_source_is_found_by_its_key_until_nobody_holds_it(void **state)
{
	(void)state;
	struct source *a = get("a"), *again = get("a"), *b = get("b");
	assert_ptr_equal(a, again);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(registry_find(&registry, "a"), a);
	source_unref(&again);
	assert_non_null(registry_find(&registry, "a"));
	source_unref(&a);
	assert_null(registry_find(&registry, "a"));
	source_unref(&b);
}

static void two_registries_do_not_know_each_other(void **state)
{
	(void)state;
	struct registry other;
	registry_init(&other);
	struct source *a = get("a");
	struct source *b = registry_get(&other, "a", "v", "a", "s", &opts);
	assert_ptr_not_equal(a, b);
	source_unref(&a);
	assert_non_null(registry_find(&other, "a"));
	source_unref(&b);
	registry_fini(&other);
}

static void observers_hear_of_beginnings_gaps_and_ends(void **state)
{
	(void)state;
	registry_observe(&registry, &observer);
	struct source *s = get("a");
	assert_string_equal(heard, "");
	source_begin(s, &first);
	source_leave(s, &first, 1000);
	source_begin(s, &first);
	source_begin(s, &second); /* a takeover */
	assert_string_equal(heard, "bgrr");
	source_leave(s, &second, 0);
	source_finish(s); /* again: it is over already */
	assert_string_equal(heard, "bgrrge");
	source_begin(s, &first);
	source_leave(s, &first, 1000);
	source_unref(&s); /* in the gap */
	assert_string_equal(heard, "bgrrgebge");
	registry_unobserve(&registry, &observer);
}

static void an_observer_that_comes_late_hears_of_the_streams_that_are_on(void **state)
{
	(void)state;
	struct source *on = get("on"), *idle = get("idle");
	source_begin(on, &first);
	registry_observe(&registry, &observer);
	assert_string_equal(heard, "b");
	registry_unobserve(&registry, &observer);
	source_leave(on, &first, 0);
	assert_string_equal(heard, "b");
	source_unref(&on);
	source_unref(&idle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_found_by_its_key_until_nobody_holds_it),
		TEST(two_registries_do_not_know_each_other),
		TEST(observers_hear_of_beginnings_gaps_and_ends),
		TEST(an_observer_that_comes_late_hears_of_the_streams_that_are_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
