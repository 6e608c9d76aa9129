/* AMF0 values: there and back, what others write, and what nobody may. */
#include "codec/amf0.h"
#include "support/unit.h"

#include <stdio.h>

static struct buf bytes(const char *hex)
{
	struct buf b = {.max = 65536};
	unsigned v;
	for (int used; sscanf(hex, " %2x%n", &v, &used) == 1; hex += used)
		buf_u8(&b, (uint8_t)v);
	return b;
}

static err read_all(struct amf **out, const struct buf *b)
{
	struct cur c = cur_of(b->p, b->n);
	err e = amf_read(out, &c);
	if (!e)
		assert_int_equal(cur_left(&c), 0);
	return e;
}

/* The second text is what is written again, where it differs. */
static const struct {
	const char *name, *bytes, *again;
} values[] = {
	{"a number", "00 3FF0000000000000", NULL},
	{"true", "01 01", NULL},
	{"false", "01 00", NULL},
	{"any true", "01 07", "01 01"},
	{"a string", "02 0003 616263", NULL},
	{"an empty string", "02 0000", NULL},
	{"a string with a NUL", "02 0003 610063", NULL},
	{"null", "05", NULL},
	{"undefined", "06", NULL},
	{"an unsupported value", "0D", "06"},
	{"a date", "0B 3FF0000000000000 0000", NULL},
	{"a date with a time zone", "0B 3FF0000000000000 0078", "0B 3FF0000000000000 0000"},
	{"a short long string", "0C 00000003 616263", "02 0003 616263"},
	{"an XML document", "0F 00000003 616263", "02 0003 616263"},
	{"an empty object", "03 000009", NULL},
	{"an object", "03 0001 61 0100 0001 62 05 000009", NULL},
	{"a member without a name", "03 0000 05 0001 61 05 000009", NULL},
	{"two members of one name", "03 0001 61 05 0001 61 06 000009", NULL},
	{"an ECMA array", "08 00000001 0001 61 05 000009", NULL},
	{"an ECMA array with a wrong count", "08 00000009 0001 61 05 000009",
	 "08 00000001 0001 61 05 000009"},
	{"a strict array", "0A 00000002 05 0A 00000000", NULL},
	{"a typed object", "10 0001 54 0001 61 05 000009", "03 0001 61 05 000009"},
};

static void values_survive_being_read_and_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct buf in = bytes(values[i].bytes), out = {.max = 65536};
		struct buf want = bytes(values[i].again ? values[i].again : values[i].bytes);
		struct amf *v = NULL;
		err e = read_all(&v, &in);
		if (e)
			print_error("%s: %s\n", values[i].name, err_trail(e));
		assert_int_equal(e, OK);
		amf_write(&out, v);
		if (out.n != want.n || memcmp(out.p, want.p, out.n) != 0)
			print_error("%s\n", values[i].name);
		assert_int_equal(out.n, want.n);
		assert_memory_equal(out.p, want.p, out.n);
		amf_free(&v);
		buf_free(&in);
		buf_free(&out);
		buf_free(&want);
	}
}

static bool has_members(const struct amf *v)
{
	return v->kind == AMF_OBJECT || v->kind == AMF_ECMA || v->kind == AMF_STRICT;
}

/* Only the ends of objects, behind their last member, may be missing. */
static void a_value_that_is_cut_short_is_refused(void **state)
{
	(void)state;
	int complete = 0;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct buf in = bytes(values[i].bytes);
		for (; in.n > 0;) {
			in.n--;
			struct amf *v = NULL;
			err e = read_all(&v, &in);
			assert_true(e == OK || e == ERR_PROTOCOL);
			assert_true(e ? !v : has_members(v));
			complete += e == OK;
			amf_free(&v);
		}
		buf_free(&in);
	}
	assert_true(complete > 0);
}

static void an_object_may_end_with_its_message(void **state)
{
	(void)state;
	static const uint8_t object[] = "\3\0\1a\0\x40\0\0\0\0\0\0\0\0\1o\3\0\1b\1\1";
	struct cur c = cur_of(object, sizeof(object) - 1);
	struct amf *v = NULL;
	assert_int_equal(amf_read(&v, &c), OK);
	assert_true(amf_get_number(v, "a", 0) == 2);
	assert_true(amf_get_number(amf_get(v, "o"), "b", 0) == 1);
	amf_free(&v);
}

static void nonsense_is_refused_with_words(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *words;
	} rows[] = {
		{"04", "type 4"},
		{"0E", "type 14"},
		{"FF", "type 255"},
		{"07 0001", "references"},
		{"11 01", "AMF3"},
		{"09", "outside"},
		{"03 0001 61 09", "outside"},
		{"03 0002 6100 05 000009", "NUL"},
		{"0A FFFFFFFF 05", "too early"},
		{"0C FFFFFFFF 61", "too early"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf in = bytes(rows[i].bytes);
		struct amf *v = NULL;
		assert_int_equal(read_all(&v, &in), ERR_PROTOCOL);
		assert_non_null(strstr(err_trail(ERR_PROTOCOL), rows[i].words));
		buf_free(&in);
	}
}

/* `levels` arrays of one element each, and null inside. */
static err nested(int levels)
{
	struct buf b = {.max = 65536};
	for (int i = 0; i < levels; i++) {
		buf_u8(&b, 0x0A);
		buf_u32(&b, 1);
	}
	buf_u8(&b, 5);
	struct amf *v = NULL;
	err e = read_all(&v, &b);
	amf_free(&v);
	buf_free(&b);
	return e;
}

static void depth_is_limited(void **state)
{
	(void)state;
	assert_int_equal(nested(AMF_MAX_DEPTH - 1), OK);
	assert_int_equal(nested(AMF_MAX_DEPTH), ERR_LIMIT);
	assert_int_equal(nested(1000), ERR_LIMIT);
}

/* A strict array of so many nulls. */
static err wide(uint32_t n)
{
	struct buf b = {.max = 65536};
	buf_u8(&b, 0x0A);
	buf_u32(&b, n);
	for (uint32_t i = 0; i < n; i++)
		buf_u8(&b, 5);
	struct amf *v = NULL;
	err e = read_all(&v, &b);
	amf_free(&v);
	buf_free(&b);
	return e;
}

static void the_number_of_values_is_limited(void **state)
{
	(void)state;
	assert_int_equal(wide(AMF_MAX_VALUES - 1), OK);
	assert_int_equal(wide(AMF_MAX_VALUES), ERR_LIMIT);
}

static void long_strings_are_written_as_such(void **state)
{
	(void)state;
	static char text[70001];
	memset(text, 'x', sizeof(text) - 1);
	struct buf b = {.max = 100000};
	struct amf *v = amf_string(text), *again = NULL;
	amf_write(&b, v);
	assert_int_equal(b.p[0], 0x0C);
	assert_int_equal(read_all(&again, &b), OK);
	assert_int_equal(again->text_n, 70000);
	amf_free(&v);
	amf_free(&again);
	buf_free(&b);
}

static void members_are_set_replaced_and_removed(void **state)
{
	(void)state;
	struct amf *o = amf_object();
	amf_set(o, "a", amf_number(1));
	amf_set(o, "b", amf_string("two"));
	amf_set(o, "c", amf_bool(true));
	amf_set(o, "a", amf_number(4));
	assert_string_equal(o->child->key, "a");
	assert_true(amf_get_number(o, "a", 0) == 4);
	assert_true(amf_get_number(o, "c", 0) == 1);
	assert_true(amf_get_number(o, "b", 7) == 7);
	assert_string_equal(amf_get_string(o, "b", ""), "two");
	assert_string_equal(amf_get_string(o, "a", "none"), "none");
	amf_unset(o, "b");
	amf_unset(o, "nobody");
	assert_null(amf_get(o, "b"));
	assert_string_equal(o->child->next->key, "c");
	amf_set(o, "d", amf_null());
	assert_string_equal(o->child->next->next->key, "d");
	amf_free(&o);
	assert_null(o);
	amf_free(&o);
}

static void asking_the_wrong_kind_is_harmless(void **state)
{
	(void)state;
	struct amf *n = amf_number(1), *a = amf_strict();
	amf_set(n, "a", amf_null());
	amf_append(n, amf_null());
	amf_unset(n, "a");
	amf_append(a, amf_ecma());
	amf_append(a, amf_undefined());
	amf_set(a, "a", amf_null());
	assert_null(amf_get(n, "a"));
	assert_null(amf_get(NULL, "a"));
	assert_int_equal(a->child->kind, AMF_ECMA);
	assert_int_equal(a->child->next->kind, AMF_UNDEFINED);
	assert_null(amf_text(NULL, NULL));
	assert_true(amf_num(a, 5) == 5);
	amf_free(&n);
	amf_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_survive_being_read_and_written),
		cmocka_unit_test(a_value_that_is_cut_short_is_refused),
		cmocka_unit_test(an_object_may_end_with_its_message),
		cmocka_unit_test(nonsense_is_refused_with_words),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(the_number_of_values_is_limited),
		cmocka_unit_test(long_strings_are_written_as_such),
		cmocka_unit_test(members_are_set_replaced_and_removed),
		cmocka_unit_test(asking_the_wrong_kind_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
