/* Slow and odd receivers, and what a wire may cost. */
#include "unit/live/cursor_rig.h"

static void a_slow_receiver_is_moved_to_the_newest_key_frame_and_disturbs_nobody(void **state)
{
	(void)state;
	struct cursor slow = {0}, quick = {0};
	stream(200, GOP, FRAME_MS);
	open_cursor(&slow, 1, false, true, true, NULL);
	open_cursor(&quick, 1, false, true, true, NULL);
	read_all(&slow);
	size_t read = 0, most = 0;
	for (int i = 0; i < 300; i++) {
		stream(100, GOP, FRAME_MS);
		read += read_all(&quick);
		most = wire_bytes(wire) > most ? wire_bytes(wire) : most;
		assert_in_range(cursor_lag(&slow), 0, BACKLOG_MS + 2000);
	}
	assert_true(slow.skips > 3);
	assert_int_equal(quick.skips, 0);
	assert_in_range(read, 300 * 3 * 1200, 300 * 3 * 1600);
	assert_true(most < 2 * 33000 * (BACKLOG_MS + 2000) / 1000);
	uint32_t time;
	assert_int_equal(first_byte(&slow, &time), 0x17);
	assert_int_equal(time % (GOP * FRAME_MS), 0);
	cursor_close(&slow);
	cursor_close(&quick);
}

static void without_key_frames_the_wire_stays_small_and_slow_receivers_get_sound(void **state)
{
	(void)state;
	struct cursor slow = {0};
	open_cursor(&slow, 1, true, true, false, NULL);
	for (int i = 0; i < 100; i++) {
		stream(1000, 0, FRAME_MS);
		assert_true(wire_bytes(wire) < 2 * 30000 * (BACKLOG_MS + 2000) / 1000);
	}
	assert_true(slow.skips > 0);
	read_all(&slow);
	stream(40, 0, FRAME_MS);
	uint32_t time;
	assert_int_equal(first_byte(&slow, &time), 0xAF);
	cursor_close(&slow);
}

static void times_that_stand_still_do_not_keep_pages_for_ever(void **state)
{
	(void)state;
	struct cursor slow = {0};
	open_cursor(&slow, 1, true, true, false, NULL);
	stream(100000, GOP, 0);
	assert_true(slow.skips > 0);
	assert_true(wire_bytes(wire) < 2 * 33000 * (BACKLOG_MS + 3000) / 1000);
	cursor_close(&slow);
}

static void a_paused_receiver_keeps_no_pages_and_is_not_called_slow(void **state)
{
	(void)state;
	struct cursor c = {0};
	stream(2000, GOP, FRAME_MS);
	open_cursor(&c, 1, false, true, true, NULL);
	read_all(&c);
	cursor_pause(&c, true);
	stream(60000, GOP, FRAME_MS);
	assert_false(cursor_pending(&c));
	assert_int_equal(read_all(&c), 0);
	assert_true(wire_bytes(wire) < 2 * 33000 * (BACKLOG_MS + 2000) / 1000);
	cursor_pause(&c, false);
	assert_int_equal(c.skips, 0);
	uint32_t time;
	assert_int_equal(first_byte(&c, &time), 0x17);
	assert_int_equal(time, 61000);
	cursor_close(&c);
}

static void a_short_pause_shows_nothing_twice(void **state)
{
	(void)state;
	struct cursor c = {0};
	stream(400, GOP, FRAME_MS);
	open_cursor(&c, 1, false, true, true, NULL);
	read_all(&c);
	cursor_pause(&c, true);
	cursor_pause(&c, false);
	assert_false(cursor_pending(&c));
	cursor_close(&c);
}

/* The first page is empty and older than anything, and the first message does not fit into it. */
static void the_first_message_reaches_whoever_waited_for_it(void **state)
{
	(void)state;
	struct cursor c = {0};
	open_cursor(&c, 1, true, true, false, NULL);
	struct msg *m = key_frame(50000);
	m->frame.is_key = true;
	wire_append(wire, m, false, NULL, now);
	msg_unref(&m);
	assert_int_equal(c.skips, 0);
	assert_true(read_all(&c) > 50000);
	/* The same after a long silence. */
	now += 10 * BACKLOG_MS;
	append(sound(300000));
	now += 10 * BACKLOG_MS;
	assert_true(read_all(&c) > 300000);
	append(sound(400000));
	assert_int_equal(c.skips, 0);
	assert_true(read_all(&c) > 400000);
	cursor_close(&c);
}

static void a_jump_of_the_times_makes_nobody_slow(void **state)
{
	(void)state;
	struct cursor c = {0};
	stream(2000, 0, FRAME_MS);
	open_cursor(&c, 1, true, true, false, NULL);
	stream(400, 0, FRAME_MS);
	ts += 3600000;
	stream(400, 0, FRAME_MS);
	assert_int_equal(c.skips, 0);
	assert_true(read_all(&c) > 20 * 1200);
	cursor_close(&c);
}

static void times_that_jump_about_do_not_fill_the_memory(void **state)
{
	(void)state;
	append(key_frame(100));
	for (int i = 0; i < 100000; i++) {
		ts = i % 2 ? 0 : 50000000;
		append(picture(10));
		assert_true(wire_bytes(wire) < 100000 * 300);
	}
}

/* Readers may bear it when the extended timestamp is not repeated in continuation chunks, ours
 * does; the specification wants it, so the bytes themselves are compared. */
static void a_primer_with_an_extended_timestamp_is_a_whole_message_of_its_own(void **state)
{
	(void)state;
	static const uint32_t times[] = {0xFFFFFE, 0xFFFFFF, 0x1000000, UINT32_MAX};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct cursor c = {0};
		struct iovec iov[8];
		struct buf want = {.max = 20000}, got = {.max = 20000};
		open_cursor(&c, 5, false, false, false, NULL);
		ts = times[i];
		struct msg *m = key_frame(10000), *mine = msg_ref(m);
		append(m);
		chunk_write(&want, 4096, 6, RTMP_VIDEO, 5, times[i], msg_span(mine));
		for (int n; (n = cursor_gather(&c, iov, 8, 1 << 20)) > 0;) {
			size_t size = 0;
			for (int k = 0; k < n; size += iov[k++].iov_len)
				buf_put(&got, iov[k].iov_base, iov[k].iov_len);
			cursor_advance(&c, size);
		}
		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.p, want.p, want.n);
		buf_free(&want);
		buf_free(&got);
		msg_unref(&mine);
		cursor_close(&c);
	}
}

static void what_is_kept_for_a_key_frame_has_a_limit(void **state)
{
	(void)state;
	append(key_frame(100));
	for (int i = 0; i < 300; i++)
		append(picture(1 << 20));
	assert_true(wire_bytes(wire) < 200 << 20);
	struct cursor c = {0};
	open_cursor(&c, 1, true, true, true, NULL);
	assert_true(c.key_due_ms);
	cursor_close(&c);
}

static void who_asks_for_answers_and_does_not_read_them_is_cut_off(void **state)
{
	(void)state;
	struct cursor c = {0};
	uint8_t answer[1000] = {0};
	open_cursor(&c, 1, true, true, false, NULL);
	for (int i = 0; i < 100000; i++) {
		cursor_inject(&c, span_of(answer, sizeof(answer)));
		assert_true(c.own.buf.cap <= 4 << 20);
	}
	assert_true(cursor_overrun(&c));
	struct iovec iov[8];
	append(sound(100));
	assert_false(cursor_pending(&c));
	assert_int_equal(cursor_gather(&c, iov, 8, 1000), 0);
	cursor_want(&c, WIRE_AUDIO);
	cursor_pause(&c, true);
	cursor_pause(&c, false);
	cursor_close(&c);
	/* A receiver that reads may ask for ever. */
	open_cursor(&c, 1, true, true, false, NULL);
	for (int i = 0; i < 10000; i++) {
		cursor_inject(&c, span_of(answer, sizeof(answer)));
		read_all(&c);
	}
	assert_false(cursor_overrun(&c));
	cursor_close(&c);
}

/* The rest of a message that was begun is not copied for each of many who do not read, and it outlives
 * its page; what they asked for comes behind it. */
static void the_rest_of_a_large_message_is_held_and_not_copied(void **state)
{
	(void)state;
	enum { LARGE = 4 << 20, BEGUN = 1000, ASKED = 3 };
	static const uint8_t answer[] = {2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0, 0, 1};
	struct cursor c[2] = {0};
	struct iovec iov[8];
	append(key_frame(LARGE));
	for (int i = 0; i < 2; i++) {
		open_cursor(&c[i], 1, true, true, true, NULL);
		assert_true(cursor_gather(&c[i], iov, 8, BEGUN) > 0);
		cursor_advance(&c[i], BEGUN);
	}
	for (int i = 0; i < ASKED; i++)
		cursor_inject(&c[0], span_of(answer, sizeof(answer)));
	cursor_want(&c[1], WIRE_ALL & ~WIRE_AUDIO);
	stream(10 * BACKLOG_MS, GOP, FRAME_MS);
	assert_true(wire_bytes(wire) < 1 << 20);
	for (int i = 0; i < 2; i++) {
		size_t rest = chunk_delta_size(4096, LARGE) - BEGUN, got = 0;
		assert_in_range(c[i].own.buf.cap, 0, 1024);
		c[i].paused = true; /* only that */
		for (size_t n; cursor_gather(&c[i], iov, 1, 5000) > 0; got += n) {
			n = iov[0].iov_len;
			cursor_advance(&c[i], n);
		}
		assert_in_range(got, rest, rest + 100);
		assert_false(cursor_pending(&c[i]));
		c[i].paused = false;
		if (i == 0) /* it leaves in the middle of another one */
			append(key_frame(LARGE));
		assert_true(cursor_gather(&c[i], iov, 8, BEGUN) > 0);
		cursor_advance(&c[i], BEGUN);
		cursor_pause(&c[i], true);
		cursor_close(&c[i]);
	}
}

static void who_wants_pictures_again_is_told_how_they_are_coded_now(void **state)
{
	(void)state;
	struct headers *set = NULL;
	struct msg *m = avc_header('1');
	m->frame.is_header = true;
	headers_put(&set, m);
	struct cursor c = {0};
	open_cursor(&c, 1, true, true, true, set);
	assert_true(read_all(&c) > 20);
	cursor_want(&c, WIRE_AUDIO);
	struct msg *changed = avc_header('2');
	changed->frame.is_header = true;
	headers_put(&set, changed);
	wire_append(wire, changed, false, set, now);
	assert_int_equal(read_all(&c), 0);
	cursor_want(&c, WIRE_ALL);
	assert_true(memmem(c.own.buf.p, c.own.buf.n, changed->payload, changed->n) != NULL);
	cursor_close(&c);
	headers_unref(&set);
	msg_unref(&m);
	msg_unref(&changed);
}

static void a_key_frame_is_waited_for_no_longer_than_the_wire_says(void **state)
{
	(void)state;
	struct cursor c = {0};
	uint32_t time;
	now = clock_ms();
	wire->key_wait_ms = 2000;
	open_cursor(&c, 1, true, true, true, NULL);
	stream(1900, 0, FRAME_MS);
	assert_true(read_all(&c) < 48 * 240);
	assert_true(c.key_due_ms > 0);
	now += 200;
	append(picture(1000));
	assert_int_equal(first_byte(&c, &time), 0x27);
	assert_int_equal(c.key_due_ms, 0);
	cursor_close(&c);
}

/* Printed, not judged: what a message costs besides the system calls. */
static void cost_of_a_thousand_receivers(void **state)
{
	(void)state;
	enum { ROUNDS = 200, BATCH = 9 };
	struct cursor *c = mem_zalloc(MANY * sizeof(*c));
	struct iovec iov[8];
	stream(1000, GOP, FRAME_MS);
	for (int i = 0; i < MANY; i++) {
		open_cursor(&c[i], 1, true, true, true, NULL);
		read_all(&c[i]);
	}
	int64_t start = clock_us(), appends = 0;
	uint64_t bytes = 0;
	for (int round = 0; round < ROUNDS; round++) {
		int64_t before = clock_us();
		stream(BATCH * FRAME_MS, GOP, FRAME_MS);
		appends += clock_us() - before;
		for (int i = 0; i < MANY; i++) {
			int n = cursor_gather(&c[i], iov, 8, 1 << 20);
			size_t size = 0;
			for (int k = 0; k < n; k++)
				size += iov[k].iov_len;
			cursor_advance(&c[i], size);
			bytes += size;
		}
	}
	int64_t took = clock_us() - start - appends;
	print_message("append %.2f us a message; gather and advance %.3f us a batch, "
		      "%.1f ns a message and receiver; %llu MB\n",
		      (double)appends / (ROUNDS * BATCH * 2), (double)took / (ROUNDS * MANY),
		      (double)took * 1000 / (ROUNDS * MANY) / (BATCH * 2),
		      (unsigned long long)(bytes >> 20));
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(c[i].skips, 0);
		assert_false(cursor_pending(&c[i]));
		cursor_close(&c[i]);
	}
	free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slow_receiver_is_moved_to_the_newest_key_frame_and_disturbs_nobody),
		TEST(without_key_frames_the_wire_stays_small_and_slow_receivers_get_sound),
		TEST(times_that_stand_still_do_not_keep_pages_for_ever),
		TEST(a_paused_receiver_keeps_no_pages_and_is_not_called_slow),
		TEST(a_short_pause_shows_nothing_twice),
		TEST(the_first_message_reaches_whoever_waited_for_it),
		TEST(a_jump_of_the_times_makes_nobody_slow),
		TEST(times_that_jump_about_do_not_fill_the_memory),
		TEST(a_primer_with_an_extended_timestamp_is_a_whole_message_of_its_own),
		TEST(what_is_kept_for_a_key_frame_has_a_limit),
		TEST(who_asks_for_answers_and_does_not_read_them_is_cut_off),
		TEST(the_rest_of_a_large_message_is_held_and_not_copied),
		TEST(who_wants_pictures_again_is_told_how_they_are_coded_now),
		TEST(a_key_frame_is_waited_for_no_longer_than_the_wire_says),
		TEST(cost_of_a_thousand_receivers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
