#include "base/buf.h"
#include "support/unit.h"

static void numbers_are_big_endian_but_for_one(void **state)
{
	(void)state;
	struct buf b = {.max = 64};
	buf_u8(&b, 0x01);
	buf_u16(&b, 0x0203);
	buf_u24(&b, 0x040506);
	buf_u32(&b, 0x0708090a);
	buf_u32le(&b, 0x0e0d0c0b);
	buf_f64(&b, 1.0);
	static const uint8_t want[] = {1,  2,  3,  4,    5,    6, 7, 8, 9, 10, 11,
				       12, 13, 14, 0x3f, 0xf0, 0, 0, 0, 0, 0,  0};
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, sizeof(want));
	assert_memory_equal(b.p, want, sizeof(want));
	buf_free(&b);
}

static void a_write_beyond_the_maximum_is_dropped_and_sticks(void **state)
{
	(void)state;
	struct buf b = {.max = 4};
	buf_put(&b, "abc", 3);
	buf_put(&b, "de", 2);
	assert_false(buf_ok(&b));
	assert_int_equal(b.n, 3);
	buf_u8(&b, 'f');
	assert_int_equal(b.n, 3);
	assert_string_equal(buf_text(&b), "");
	buf_clear(&b);
	assert_true(buf_ok(&b));
	buf_put(&b, "abcd", 4);
	assert_string_equal(buf_text(&b), "abcd");
	assert_int_equal(b.n, 4);
	buf_free(&b);
}

static void growth_keeps_the_content_for_every_cut(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < 300; cut += 7) {
		struct buf b = {.max = 3000};
		for (size_t done = 0; done < 3000; done += cut) {
			size_t n = 3000 - done < cut ? 3000 - done : cut;
			uint8_t *at = buf_grow(&b, n);
			assert_non_null(at);
			for (size_t i = 0; i < n; i++)
				at[i] = (uint8_t)(done + i);
		}
		assert_int_equal(b.n, 3000);
		for (size_t i = 0; i < b.n; i++)
			assert_int_equal(b.p[i], (uint8_t)i);
		assert_null(buf_grow(&b, 1));
		buf_free(&b);
	}
}

static void a_huge_length_does_not_wrap_around(void **state)
{
	(void)state;
	struct buf b = {.max = 100};
	buf_u8(&b, 1);
	assert_null(buf_grow(&b, SIZE_MAX));
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void printf_fills_up_to_the_last_byte(void **state)
{
	(void)state;
	struct buf b = {.max = 8};
	buf_printf(&b, "%d-%s", 42, "abc");
	assert_string_equal(buf_text(&b), "42-abc");
	buf_printf(&b, "%s", "xy");
	assert_true(buf_ok(&b));
	assert_string_equal(buf_text(&b), "42-abcxy");
	buf_printf(&b, "%s", "");
	assert_true(buf_ok(&b));
	buf_printf(&b, "%s", "z");
	assert_false(buf_ok(&b));
	buf_free(&b);
}

static void drop_takes_from_the_front(void **state)
{
	(void)state;
	struct buf b = {.max = 8};
	buf_put(&b, "abcdef", 6);
	buf_drop(&b, 2);
	assert_string_equal(buf_text(&b), "cdef");
	buf_drop(&b, 100);
	assert_int_equal(b.n, 0);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
}

static void an_empty_buffer_is_an_empty_text(void **state)
{
	(void)state;
	struct buf b = {.max = 8};
	assert_string_equal(buf_text(&b), "");
	assert_int_equal(buf_span(&b).n, 0);
	buf_put(&b, NULL, 0);
	assert_true(buf_ok(&b));
	buf_free(&b);
	buf_free(&b);
}

static void what_is_reserved_is_written_in_place(void **state)
{
	(void)state;
	struct buf b = {.max = 1000};
	buf_reserve(&b, 500);
	uint8_t *p = b.p;
	for (int i = 0; i < 500; i++)
		buf_u8(&b, 'x');
	assert_ptr_equal(b.p, p);
	buf_reserve(&b, 5000);
	assert_int_equal(b.cap, 1000);
	assert_int_equal(b.n, 500);
	assert_true(buf_ok(&b));
	buf_free(&b);
}

static void numbers_become_text(void **state)
{
	(void)state;
	struct buf b = {.max = 100};
	buf_decimal(&b, 0);
	buf_u8(&b, ' ');
	buf_decimal(&b, 200);
	buf_u8(&b, ' ');
	buf_decimal(&b, UINT64_MAX);
	assert_string_equal(buf_text(&b), "0 200 18446744073709551615");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian_but_for_one),
		cmocka_unit_test(a_write_beyond_the_maximum_is_dropped_and_sticks),
		cmocka_unit_test(growth_keeps_the_content_for_every_cut),
		cmocka_unit_test(a_huge_length_does_not_wrap_around),
		cmocka_unit_test(printf_fills_up_to_the_last_byte),
		cmocka_unit_test(what_is_reserved_is_written_in_place),
		cmocka_unit_test(numbers_become_text),
		cmocka_unit_test(drop_takes_from_the_front),
		cmocka_unit_test(an_empty_buffer_is_an_empty_text),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
