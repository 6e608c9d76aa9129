#include "node/generation.h"
#include "support/unit.h"

static int asked;

static void on_want_key(struct generation *g, const char *key)
{
	(void)g;
	assert_string_equal(key, "/live/r");
	asked++;
}

static void it_has_what_was_noted_once_it_is_there(void **state)
{
	(void)state;
	struct generation g = {.state = GENERATION_EXPECTED, .on_want_key = on_want_key};
	assert_false(generation_has(&g, "/live/a"));
	generation_note(&g, "/live/a", true);
	generation_note(&g, "/live/r", true);
	generation_note_rtc(&g, "/live/r");
	generation_note_rtc(&g, "/live/unknown");
	assert_false(generation_has(&g, "/live/a"));
	g.state = GENERATION_THERE;
	assert_true(generation_has(&g, "/live/a") && generation_has(&g, "/live/r"));
	assert_false(generation_has(&g, "/live/unknown"));
	assert_true(generation_has_rtc(&g, "/live/r"));
	assert_false(generation_has_rtc(&g, "/live/a"));
	assert_true(generation_want_key(&g, "/live/r"));
	assert_false(generation_want_key(&g, "/live/a"));
	assert_int_equal(asked, 1);
	/* Its publisher comes back by another protocol. */
	generation_note(&g, "/live/r", true);
	assert_false(generation_want_key(&g, "/live/r"));
	generation_note(&g, "/live/r", false);
	assert_false(generation_has(&g, "/live/r"));
	generation_forget(&g);
	assert_int_equal(g.state, GENERATION_NONE);
	assert_false(generation_has(&g, "/live/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_what_was_noted_once_it_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
