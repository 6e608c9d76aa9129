#include "base/cur.h"
#include "support/unit.h"

static const uint8_t bytes[] = {1,  2,  3,  4,    5,    6, 7, 8, 9, 10, 11,
				12, 13, 14, 0xbf, 0xf0, 0, 0, 0, 0, 0,  0};

static void numbers_are_big_endian_but_for_one(void **state)
{
	(void)state;
	struct cur c = cur_of(bytes, sizeof(bytes));
	assert_int_equal(cur_u8(&c), 0x01);
	assert_int_equal(cur_u16(&c), 0x0203);
	assert_int_equal(cur_u24(&c), 0x040506);
	assert_int_equal(cur_u32(&c), 0x0708090a);
	assert_int_equal(cur_u32le(&c), 0x0e0d0c0b);
	assert_true(cur_f64(&c) == -1.0);
	assert_true(cur_ok(&c));
	assert_int_equal(cur_left(&c), 0);
}

/* Whatever the input is cut to: good until its end, bad and zero for ever after. */
static void a_read_past_the_end_sticks_at_every_length(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct cur c = cur_of(bytes, n);
		size_t got = 0;
		while (cur_u8(&c), cur_ok(&c))
			got++;
		assert_int_equal(got, n);
		assert_int_equal(cur_u8(&c), 0);
		assert_int_equal(cur_u32(&c), 0);
		assert_true(cur_f64(&c) == 0.0);
		assert_int_equal(cur_left(&c), 0);
		assert_false(cur_ok(&c));
	}
}

static void a_number_that_is_half_there_reads_as_zero(void **state)
{
	(void)state;
	struct cur c = cur_of(bytes, 3);
	assert_int_equal(cur_u32(&c), 0);
	assert_false(cur_ok(&c));
	assert_int_equal(cur_u8(&c), 0);
}

static void spans_point_into_the_input(void **state)
{
	(void)state;
	struct cur c = cur_of(bytes, sizeof(bytes));
	cur_skip(&c, 2);
	struct span s = cur_bytes(&c, 3);
	assert_ptr_equal(s.p, bytes + 2);
	assert_int_equal(s.n, 3);
	s = cur_bytes(&c, SIZE_MAX);
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	assert_false(cur_ok(&c));
}

static void an_empty_input_is_good_until_it_is_read(void **state)
{
	(void)state;
	struct cur c = cur_of(NULL, 0);
	cur_skip(&c, 0);
	assert_true(cur_ok(&c));
	assert_int_equal(cur_be(&c, 1), 0);
	assert_false(cur_ok(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian_but_for_one),
		cmocka_unit_test(a_read_past_the_end_sticks_at_every_length),
		cmocka_unit_test(a_number_that_is_half_there_reads_as_zero),
		cmocka_unit_test(spans_point_into_the_input),
		cmocka_unit_test(an_empty_input_is_good_until_it_is_read),
	};
	return cmocka_run_group_tests_name("cur", tests, NULL, NULL);
}
