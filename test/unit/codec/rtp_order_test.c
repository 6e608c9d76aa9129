/* Datagrams are put in order; what does not come is waited for a while, and missing then. */
#include "codec/rtp_order.h"
#include "support/unit.h"

#include <string.h>

static struct rtp_order order;
static char out[4096];

static int setup(void **state)
{
	(void)state;
	memset(&order, 0, sizeof(order));
	*out = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rtp_order_fini(&order);
	return 0;
}

static void drain(int64_t now)
{
	struct span packet;
	bool gap;
	size_t n = strlen(out);
	while (rtp_order_next(&order, now, &packet, &gap)) {
		if (gap)
			out[n++] = '|';
		out[n++] = (char)packet.p[0];
	}
	out[n] = '\0';
}

static void put_at(int seq, int64_t now)
{
	uint8_t byte = (uint8_t)('a' + (seq & 0xFFFF) % 26);
	rtp_order_put(&order, (uint16_t)seq, span_of(&byte, 1), now);
	drain(now);
}

static void put(int seq)
{
	put_at(seq, 0);
}

static void what_comes_in_order_is_given_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		put(i);
	assert_string_equal(out, "abcd");
	assert_int_equal(rtp_order_due(&order), INT64_MAX);
}

static void what_comes_late_is_waited_for(void **state)
{
	(void)state;
	put(0);
	put(3);
	put(2);
	assert_string_equal(out, "a");
	put(1);
	assert_string_equal(out, "abcd");
}

static void what_does_not_come_is_a_gap(void **state)
{
	(void)state;
	put(0);
	put_at(3, 1000);
	assert_int_equal(rtp_order_due(&order), 1000 + RTP_ORDER_WAIT_MS);
	drain(1000 + RTP_ORDER_WAIT_MS - 1);
	assert_string_equal(out, "a");
	drain(1000 + RTP_ORDER_WAIT_MS);
	assert_string_equal(out, "a|d");
	assert_int_equal(order.lost, 2);
	put(2);
	assert_int_equal(order.late, 1);
}

static void what_comes_twice_counts_once(void **state)
{
	(void)state;
	put(0);
	put(2);
	put(2);
	put(0);
	put(1);
	assert_string_equal(out, "abc");
	assert_int_equal(order.late, 2);
}

static void numbers_go_round(void **state)
{
	(void)state;
	put(65534);
	put(0);
	put(65535);
	put(1);
	assert_int_equal(strlen(out), 4);
	assert_int_equal(order.lost, 0);
}

static void a_full_window_waits_no_longer(void **state)
{
	(void)state;
	put(0);
	for (int i = 2; i < 2 + RTP_ORDER_ROOM; i++)
		put(i);
	assert_int_equal(order.lost, 1);
	assert_int_equal(order.count, 0);
	assert_memory_equal(out, "a|cd", 4);
}

static void a_jump_is_another_run(void **state)
{
	(void)state;
	put(0);
	put(2);
	put(30000);
	put(30001);
	assert_int_equal(strlen(out), 4); /* a, the gap, two of the other run */
	assert_int_equal(out[1], '|');
}

static void a_jump_beyond_the_window_drops_what_waited(void **state)
{
	(void)state;
	put(0);
	put(2);
	put(2 + RTP_ORDER_ROOM);
	drain(RTP_ORDER_WAIT_MS);
	assert_int_equal(out[1], '|');
	assert_int_equal(order.count, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_comes_in_order_is_given_at_once),
		CASE(what_comes_late_is_waited_for),
		CASE(what_does_not_come_is_a_gap),
		CASE(what_comes_twice_counts_once),
		CASE(numbers_go_round),
		CASE(a_full_window_waits_no_longer),
		CASE(a_jump_is_another_run),
		CASE(a_jump_beyond_the_window_drops_what_waited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
