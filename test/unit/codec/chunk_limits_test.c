/* What a chunk reader keeps of a peer that announces much, or begins much. */
#include "base/mem.h"
#include "codec/chunk.h"
#include "support/unit.h"

#include <malloc.h>
#include <stdlib.h>

enum { MESSAGES_MAX = 16, BIG = 16 * 1024 * 1024 };

/* What came out of a reader. */
struct received {
	struct rtmp_msg m[MESSAGES_MAX];
	int n;
};

static err take(struct received *to, struct chunk_reader *r, struct span s)
{
	struct cur c = cur_of(s.p, s.n);
	while (cur_left(&c)) {
		bool got;
		assert_true(to->n < MESSAGES_MAX);
		err e = chunk_read(r, &c, &to->m[to->n], &got);
		if (e)
			return e;
		to->n += got;
	}
	return OK;
}

static void received_fini(struct received *r)
{
	while (r->n > 0)
		rtmp_msg_fini(&r->m[--r->n]);
}

static struct chunk_reader *reader_new(void)
{
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, CHUNK_SIZE_MAX, 2 * BIG);
	return r;
}

static void put_chunk_size(struct buf *b, uint32_t size)
{
	uint8_t p[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
			(uint8_t)size};
	chunk_write(b, CHUNK_SIZE_DEFAULT, 2, RTMP_SET_CHUNK_SIZE, 0, 0, span_of(p, 4));
}

static uint8_t sample[70000];

static void any_number_of_chunk_streams_may_be_used(void **state)
{
	(void)state;
	struct chunk_reader *r = reader_new();
	struct received got = {0};
	for (uint32_t csid = 2; csid <= 65599; csid++) {
		struct buf b = {.max = 100};
		chunk_write(&b, 128, csid, RTMP_AUDIO, 1, csid, span_str("x"));
		assert_int_equal(take(&got, r, buf_span(&b)), OK);
		assert_int_equal(got.n, 1);
		received_fini(&got);
		got = (struct received){0};
		buf_free(&b);
	}
	chunk_reader_free(&r);
}

static void unfinished_messages_are_on_a_limited_number_of_chunk_streams(void **state)
{
	(void)state;
	struct chunk_reader *r = chunk_reader_new();
	struct received got = {0};
	for (uint32_t i = 0; i <= CHUNK_STREAMS_MAX; i++) {
		struct buf b = {.max = 200};
		chunk_write_header0(&b, 3 + i, RTMP_VIDEO, 1, 0, 1000);
		buf_put(&b, sample, 128);
		assert_int_equal(take(&got, r, buf_span(&b)),
				 i < CHUNK_STREAMS_MAX ? OK : ERR_LIMIT);
		buf_free(&b);
	}
	chunk_reader_free(&r);
	assert_int_equal(msg_live(), 0);
}

/* Also when it comes in the middle of others. */
static void of_a_message_above_the_limit_nothing_is_kept(void **state)
{
	(void)state;
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, 1000, 1500);
	struct received got = {0};
	struct buf b = {.max = 100000};
	uint8_t *big = mem_zalloc(70000);
	chunk_write(&b, 128, 3, RTMP_COMMAND, 0, 0, span_str("before"));
	chunk_write(&b, 128, 4, RTMP_DATA, 1, 7, span_of(big, 70000));
	chunk_write(&b, 128, 5, RTMP_COMMAND, 0, 0, span_of(big, 1001));
	chunk_write(&b, 128, 4, RTMP_DATA, 1, 8, span_str("after"));
	assert_int_equal(take(&got, r, buf_span(&b)), OK);
	assert_int_equal(got.n, 4);
	assert_int_equal(got.m[1].skipped, 70000);
	assert_int_equal(got.m[1].ts, 7);
	assert_null(got.m[1].media);
	assert_int_equal(got.m[2].skipped, 1001);
	assert_int_equal(got.m[2].body.n, 0);
	assert_int_equal(got.m[3].skipped, 0);
	assert_memory_equal(got.m[3].media->payload, "after", 5);
	received_fini(&got);
	chunk_reader_free(&r);
	buf_free(&b);
	free(big);
	assert_int_equal(msg_live(), 0);
}

static void unfinished_messages_together_are_limited(void **state)
{
	(void)state;
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, 1000, 1500);
	struct received got = {0};
	err e = OK;
	int opened = 0;
	for (uint32_t csid = 3; !e; csid++) {
		struct buf b = {.max = 2000};
		chunk_write_header0(&b, csid, csid % 2 ? RTMP_VIDEO : RTMP_COMMAND, 1, 0, 1000);
		buf_put(&b, sample, 128);
		e = take(&got, r, buf_span(&b));
		buf_free(&b);
		opened++;
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_int_equal(opened, 1500 / 128 + 1);
	chunk_reader_free(&r);
	assert_int_equal(msg_live(), 0);
}

static size_t memory_used(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/* The sanitizers' allocators report nothing here, and the test then says nothing. */
static void an_announced_length_costs_nothing(void **state)
{
	(void)state;
	struct chunk_reader *r = reader_new();
	struct received got = {0};
	struct buf b = {.max = 100};
	chunk_write_header0(&b, 6, RTMP_VIDEO, 1, 0, 0xFFFFFF);
	size_t before = memory_used();
	assert_int_equal(take(&got, r, buf_span(&b)), OK);
	assert_true(memory_used() - before < 1024);
	chunk_reader_free(&r);
	buf_free(&b);
}

static void many_announced_lengths_cost_no_more_than_the_limit(void **state)
{
	(void)state;
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, 65536, 65536);
	struct received got = {0};
	struct buf b = {.max = 4096};
	put_chunk_size(&b, 1);
	for (uint32_t csid = 3; csid < 60; csid++) {
		chunk_write_header0(&b, csid, csid % 2 ? RTMP_VIDEO : RTMP_COMMAND, 1, 0, 65536);
		buf_u8(&b, 1);
	}
	size_t before = memory_used();
	assert_int_equal(take(&got, r, buf_span(&b)), OK);
	assert_true(memory_used() - before < 65536 + 60 * 512);
	chunk_reader_free(&r);
	buf_free(&b);
}

static void memory_follows_what_was_received(void **state)
{
	(void)state;
	struct chunk_reader *r = reader_new();
	struct received got = {0};
	struct buf b = {.max = 2 * BIG};
	put_chunk_size(&b, 0xFFFFFF);
	chunk_write_header0(&b, 6, RTMP_VIDEO, 1, 0, 0xFFFFFF);
	assert_int_equal(take(&got, r, buf_span(&b)), OK);
	buf_free(&b);
	size_t before = memory_used();
	for (size_t sent = 0; sent < 0xFFFFFF;) {
		size_t n = sizeof(sample) < 0xFFFFFF - sent ? sizeof(sample) : 0xFFFFFF - sent;
		assert_int_equal(take(&got, r, span_of(sample, n)), OK);
		sent += n;
		assert_true(memory_used() - before < 2 * sent + 128 * 1024);
	}
	assert_int_equal(got.n, 1);
	assert_int_equal(got.m[0].media->n, 0xFFFFFF);
	received_fini(&got);
	chunk_reader_free(&r);
	assert_int_equal(msg_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_of_chunk_streams_may_be_used),
		cmocka_unit_test(unfinished_messages_are_on_a_limited_number_of_chunk_streams),
		cmocka_unit_test(of_a_message_above_the_limit_nothing_is_kept),
		cmocka_unit_test(unfinished_messages_together_are_limited),
		cmocka_unit_test(an_announced_length_costs_nothing),
		cmocka_unit_test(many_announced_lengths_cost_no_more_than_the_limit),
		cmocka_unit_test(memory_follows_what_was_received),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
