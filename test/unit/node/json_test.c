#include "base/mem.h"
#include "node/json.h"
#include "support/turns.h"
#include "unit/http/peer.h"

#include <stdlib.h>
#include <string.h>

static void json_is_read_and_what_is_none_is_not(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{"{\"a\":[1,2,{\"b\":null}]}", true},
		{"[]", true},
		{"{\"a\":\"]]]}}}\\\"[[[\"}", true},
		{"", false},
		{"[", false},
		{"{\"a\":1", false},
		{"]", false},
		{"not json", false},
		{"{\"a\":\"\\", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = json_read(span_str(cases[i].text));
		if ((value != NULL) != cases[i].good)
			fail_msg("%s", cases[i].text);
		json_decref(value);
	}
}

static void values_are_counted_without_reading_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {
		{"", 1},
		{"7", 1},
		{"[]", 2},
		{"[1,2,3]", 4},
		{"{\"a\":[1,2,{\"b\":null}],\"c\":\"[,,{\"}", 7},
		{"\"\\\",[,\"", 1},
		{"[[],[],[]]", 7},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (json_count(span_str(cases[i].text)) != cases[i].count)
			fail_msg("%s: %zu", cases[i].text, json_count(span_str(cases[i].text)));
}

/* "[[…]]", so many deep. */
static char *nested(int depth, char open, char close)
{
	char *text = mem_zalloc(2 * (size_t)depth + 1);
	memset(text, open, (size_t)depth);
	memset(text + depth, close, (size_t)depth);
	return text;
}

static void what_nests_too_deep_is_refused(void **state)
{
	(void)state;
	static const struct {
		int depth;
		bool good;
	} cases[] = {{1, true},
		     {JSON_NESTING_MAX, true},
		     {JSON_NESTING_MAX + 1, false},
		     {1000000, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = nested(cases[i].depth, '[', ']');
		json_t *value = json_read(span_str(text));
		assert_int_equal(value != NULL, cases[i].good);
		json_decref(value);
		free(text);
	}
}

static void brackets_in_texts_do_not_nest(void **state)
{
	(void)state;
	char *brackets = nested(1000, '[', '{');
	char *text = mem_printf("[\"%s\",\"\\\"%s\"]", brackets, brackets);
	json_t *value = json_read(span_str(text));
	assert_non_null(value);
	json_decref(value);
	free(text);
	free(brackets);
}

static int others; /* turns that they had */

static void other(void *arg)
{
	(void)arg;
	for (; !co_stopping(); others++)
		co_yield ();
}

static void others_have_turns_while_a_long_one_is_read_and_written(void **state)
{
	(void)state;
	struct buf text = {.max = 1 << 20}, again = {.max = 1 << 20}, small = {.max = 1000};
	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "%s%d", i ? "," : "[", i);
	buf_printf(&text, "]");
	struct co *co = co_start("other", other, NULL);
	json_t *value = json_read_long(buf_span(&text));
	int while_reading = others;
	assert_true(json_write_long(&again, value));
	assert_true(while_reading >= 2 && others - while_reading >= 2);
	assert_string_equal(buf_text(&again), buf_text(&text));
	assert_false(json_write_long(&small, value));
	assert_null(json_read_long(span_str("[1] 2")));
	json_decref(value);
	co_stop(co);
	co_join(&co);
	buf_free(&text);
	buf_free(&again);
	buf_free(&small);
}

static void others_have_turns_while_a_long_one_is_freed(void **state)
{
	(void)state;
	json_t *object = json_object(), *list = json_array(), *kept = json_array();
	for (int i = 0; i < 3000; i++) {
		json_array_append_new(list, json_integer(i));
		json_array_append_new(kept, json_integer(i));
	}
	json_object_set_new(object, "list", list);
	json_object_set(object, "kept", kept);
	struct turns turns;
	turns_begin(&turns);
	json_free_long(object);
	int count = turns.count;
	turns_end(&turns);
	assert_true(count >= 10 && count < 20);
	assert_int_equal(json_array_size(kept), 3000);
	json_decref(kept);
	json_free_long(json_object());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_counted_without_reading_them),
		cmocka_unit_test_setup_teardown(
			others_have_turns_while_a_long_one_is_read_and_written, co_setup,
			co_teardown),
		cmocka_unit_test_setup_teardown(others_have_turns_while_a_long_one_is_freed,
						co_setup, co_teardown),
		cmocka_unit_test(json_is_read_and_what_is_none_is_not),
		cmocka_unit_test(what_nests_too_deep_is_refused),
		cmocka_unit_test(brackets_in_texts_do_not_nest),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
