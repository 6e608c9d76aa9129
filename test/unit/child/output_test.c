#include "child/output.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

static struct child_output o;

static int clear(void **state)
{
	(void)state;
	memset(&o, 0, sizeof(o));
	return 0;
}

static void say(const char *text)
{
	child_output_take(&o, text, strlen(text));
}

static void lines_are_put_together(void **state)
{
	(void)state;
	say("one\ntw");
	assert_int_equal(o.count, 1);
	say("o\n\nthree");
	child_output_end(&o);
	assert_int_equal(o.count, 3);
	assert_string_equal(child_output_line(&o, 0), "one");
	assert_string_equal(child_output_line(&o, 1), "two");
	assert_string_equal(child_output_line(&o, 2), "three");
}

static void the_last_lines_are_kept(void **state)
{
	char text[32];
	(void)state;
	for (int i = 0; i < 3 * CHILD_LINES + 7; i++) {
		snprintf(text, sizeof(text), "line %d\n", i);
		say(text);
	}
	assert_int_equal(o.count, CHILD_LINES);
	assert_string_equal(child_output_line(&o, 0), "line 47");
	assert_string_equal(child_output_line(&o, CHILD_LINES - 1), "line 66");
}

static void progress_takes_the_place_of_progress(void **state)
{
	(void)state;
	say("begin\nframe=1\rframe=2\rframe=3\n");
	say("end\n");
	assert_int_equal(o.count, 3);
	assert_string_equal(child_output_line(&o, 1), "frame=3");
	assert_string_equal(child_output_line(&o, 2), "end");
}

static void long_lines_and_control_characters_are_tamed(void **state)
{
	char text[2000];
	(void)state;
	memset(text, 'x', sizeof(text) - 2);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	say(text);
	say("a\033[31mb\tc\n");
	assert_int_equal(strlen(child_output_line(&o, 0)), CHILD_LINE_MAX - 1);
	assert_string_equal(child_output_line(&o, 1), "a [31mb c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_are_put_together, clear),
		cmocka_unit_test_setup(the_last_lines_are_kept, clear),
		cmocka_unit_test_setup(progress_takes_the_place_of_progress, clear),
		cmocka_unit_test_setup(long_lines_and_control_characters_are_tamed, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
