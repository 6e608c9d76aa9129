/* Segments of large pictures, which are made without keeping anybody waiting. */
#include "output/render.h"
#include "support/co_unit.h"
#include "support/hex.h"
#include "support/turns.h"
#include "support/unit.h"

#include <string.h>

enum { PICTURES = 4, PICTURE = 1 << 20 };

static struct segmenter segmenter;

static int setup(void **state)
{
	static const struct segmenter_opts opts = {
		.fragment_ms = 2000, .longest_ms = 4200, .wait_key = true, .bytes_max = 16 << 20};
	int status = co_setup(state);
	segmenter_init(&segmenter, &opts, 0);
	return status;
}

static int teardown(void **state)
{
	segmenter_fini(&segmenter);
	assert_int_equal(msg_live(), 0);
	return co_teardown(state);
}

/* A message of these bytes, and of a unit with so many more. */
static void put(const char *hex, size_t more, int64_t ts)
{
	struct span head = hex_bytes(hex);
	struct msg *m = msg_new(MSG_VIDEO, ts, head.n + (more ? 4 + more : 0));
	struct au_walk w;
	struct au au;
	memcpy(m->payload, head.p, head.n);
	if (more) {
		be_put(m->payload + head.n, more, 4);
		memset(m->payload + head.n + 4, 0x41, more);
	}
	for (au_begin(&w, m); au_next(&w, &au);)
		if (segmenter_ends(&segmenter, m, &au) == SEGMENT_GOES_ON)
			segmenter_add(&segmenter, m, &au, 0);
	msg_unref(&m);
	hex_free(head);
}

static void pictures(void)
{
	put("17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68", 0, 0);
	for (int i = 0; i < PICTURES; i++)
		put(i ? "27 01 000000" : "17 01 000000", PICTURE, i * 100);
	assert_true(segmenter_finish(&segmenter));
	assert_int_equal(segmenter.cut.count, PICTURES);
}

static int turns_of(void (*render)(struct segmenter *s, struct buf *out), struct buf *out)
{
	struct turns turns;
	turns_begin(&turns);
	render(&segmenter, out);
	int count = turns.count;
	turns_end(&turns);
	assert_true(buf_ok(out));
	return count;
}

static void a_large_mp4_segment_is_made_in_slices(void **state)
{
	struct buf out = {.max = RENDER_SEGMENT_MAX};
	(void)state;
	pictures();
	assert_true(turns_of(render_mp4, &out) >= PICTURES * (PICTURE >> 18));
	/* The samples stand at the end, behind the head of their box. */
	size_t mdat = out.n - PICTURES * (size_t)(4 + PICTURE) - 8;
	assert_memory_equal(out.p + mdat + 4, "mdat", 4);
	for (size_t i = 0; i < PICTURES; i++) {
		const uint8_t *unit = out.p + mdat + 8 + i * (4 + PICTURE);
		assert_int_equal(unit[1], PICTURE >> 16);
		assert_int_equal(unit[4], 0x41);
		assert_int_equal(unit[3 + PICTURE], 0x41);
	}
	buf_free(&out);
}

static void exact_ts(struct segmenter *s, struct buf *out)
{
	render_ts(s, out, true);
}

static void so_is_one_of_mpeg_ts(void **state)
{
	struct buf out = {.max = RENDER_SEGMENT_MAX};
	(void)state;
	pictures();
	assert_true(turns_of(exact_ts, &out) >= PICTURES);
	assert_true(out.n > PICTURES * PICTURE);
	buf_free(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_large_mp4_segment_is_made_in_slices),
		TEST(so_is_one_of_mpeg_ts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
