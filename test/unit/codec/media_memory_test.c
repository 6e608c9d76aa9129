/* Blocks that are freed in a row are given back in steps. */
#include "base/mem.h"
#include "codec/media_memory.h"
#include "support/fake_time.h"
#include "support/unit.h"

enum { MB = 1 << 20, BLOCKS = 32 };

static void *blocks[BLOCKS];

static void take_all(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		assert_true(media_memory_take(MB));
		blocks[i] = mem_zalloc(MB);
	}
}

static void what_is_freed_at_once_beyond_some_waits(void **state)
{
	(void)state;
	fake_time_begin();
	take_all();
	for (int i = 0; i < BLOCKS; i++)
		media_memory_free(blocks[i], MB);
	assert_int_equal(media_memory_used(), 0);
	assert_in_range(media_memory_waiting(), (BLOCKS - 5) * MB, (BLOCKS - 1) * MB);
	int steps = 0;
	for (; media_memory_waiting(); steps++)
		media_memory_drain();
	assert_in_range(steps, BLOCKS * MB / FREE_AT_ONCE - 2, BLOCKS * MB / FREE_AT_ONCE);
	fake_time_end();
}

static void what_is_freed_bit_by_bit_does_not_wait(void **state)
{
	(void)state;
	fake_time_begin();
	take_all();
	for (int i = 0; i < BLOCKS; i++) {
		media_memory_free(blocks[i], MB);
		fake_time_pass(1);
	}
	assert_int_equal(media_memory_waiting(), 0);
	fake_time_end();
}

static void what_waits_goes_when_there_is_no_room_for_it(void **state)
{
	(void)state;
	fake_time_begin();
	media_memory_limit(40 * MB);
	take_all();
	for (int i = 0; i < BLOCKS; i++)
		media_memory_free(blocks[i], MB);
	size_t before = media_memory_waiting();
	media_memory_charge(5 * MB);
	media_memory_charge(5 * MB);
	assert_true(media_memory_waiting() < before);
	media_memory_give(10 * MB);
	while (media_memory_waiting())
		media_memory_drain();
	media_memory_limit(0);
	fake_time_end();
}

/* A player that plays and closes in a loop makes and frees a group of pictures each time, before anything drains. */
static void what_waits_stays_bounded_while_blocks_are_made(void **state)
{
	(void)state;
	fake_time_begin();
	for (int round = 0; round < 20; round++) {
		take_all();
		for (int i = 0; i < BLOCKS; i++)
			media_memory_free(blocks[i], MB);
		assert_in_range(media_memory_waiting(), 0, 3 * BLOCKS * MB);
	}
	while (media_memory_waiting())
		media_memory_drain();
	fake_time_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_freed_at_once_beyond_some_waits),
		cmocka_unit_test(what_is_freed_bit_by_bit_does_not_wait),
		cmocka_unit_test(what_waits_goes_when_there_is_no_room_for_it),
		cmocka_unit_test(what_waits_stays_bounded_while_blocks_are_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
