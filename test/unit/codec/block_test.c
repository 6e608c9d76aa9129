/* Small blocks of messages are used again; what is kept has a bound and goes when memory is given back. */
#include "base/asan.h"
#include "codec/block.h"
#include "codec/media_memory.h"
#include "codec/msg.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 8000 };

static void a_block_serves_the_next_one_of_its_size(void **state)
{
	(void)state;
	blocks_release();
	void *block = block_new(200);
	assert_int_equal(block_keep(block, 200), !HAVE_ASAN);
	if (HAVE_ASAN) {
		free(block);
		return;
	}
	assert_int_equal(blocks_kept(), 200);
	void *again = block_new(190);
	assert_ptr_equal(again, block);
	memset(again, 1, 200);
	assert_int_equal(blocks_kept(), 0);
	void *other = block_new(300);
	assert_ptr_not_equal(other, block);
	assert_true(block_keep(again, 190));
	assert_true(block_keep(other, 300));
	blocks_release();
	assert_int_equal(blocks_kept(), 0);
}

static void large_and_empty_blocks_are_not_kept(void **state)
{
	(void)state;
	void *large = block_new(BLOCK_MAX + 1);
	assert_false(block_keep(large, BLOCK_MAX + 1));
	free(large);
	void *empty = block_new(0);
	assert_non_null(empty);
	assert_false(block_keep(empty, 0));
	free(empty);
}

static void a_block_grows_and_shrinks_with_its_bytes(void **state)
{
	(void)state;
	uint8_t *block = block_new(40);
	memset(block, 7, 40);
	block = block_resize(block, 40, 60);
	block = block_resize(block, 60, 5000);
	for (int i = 0; i < 40; i++)
		assert_int_equal(block[i], 7);
	memset(block, 8, 5000);
	block = block_resize(block, 5000, 33);
	for (int i = 0; i < 33; i++)
		assert_int_equal(block[i], 8);
	if (!block_keep(block, 33))
		free(block);
	blocks_release();
}

static void what_is_kept_has_a_bound(void **state)
{
	(void)state;
	static void *blocks[MANY];
	for (int i = 0; i < MANY; i++)
		blocks[i] = block_new(250);
	for (int i = 0; i < MANY; i++)
		if (!block_keep(blocks[i], 250))
			free(blocks[i]);
	assert_in_range(blocks_kept(), 0, BLOCKS_KEPT);
	assert_true(HAVE_ASAN || blocks_kept() > BLOCKS_KEPT - 1024);
	blocks_release();
	assert_int_equal(blocks_kept(), 0);
}

static void a_message_that_ends_is_not_counted_as_media_memory(void **state)
{
	(void)state;
	size_t before = media_memory_used();
	struct msg *m = msg_new(MSG_AUDIO, 0, 100);
	assert_true(media_memory_used() > before);
	msg_unref(&m);
	assert_int_equal(media_memory_used(), before);
	blocks_release();
}

static void a_message_is_classified_once(void **state)
{
	(void)state;
	struct msg *m = msg_new(MSG_VIDEO, 0, 6);
	memcpy(m->payload, "\x17\x01\0\0\0x", 6);
	msg_classify(m);
	assert_true(m->frame.is_key);
	m->frame.is_key = false; /* what its holder knows better stays */
	msg_classify(m);
	assert_false(m->frame.is_key);
	msg_unref(&m);
	blocks_release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_serves_the_next_one_of_its_size),
		cmocka_unit_test(large_and_empty_blocks_are_not_kept),
		cmocka_unit_test(a_block_grows_and_shrinks_with_its_bytes),
		cmocka_unit_test(what_is_kept_has_a_bound),
		cmocka_unit_test(a_message_that_ends_is_not_counted_as_media_memory),
		cmocka_unit_test(a_message_is_classified_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
