/* The clock is an argument here, so seconds pass in no time. */
#include "live/timeline.h"
#include "support/unit.h"

enum { FRAME_MS = 40 };

static struct timeline tl;

static void begin(enum timeline_mode mode, bool absolute)
{
	timeline_init(&tl, mode, absolute);
}

/* Video and audio of `ms` milliseconds that arrive as they are made. Returns the last time; each
 * must be what the raw time says, shifted by a constant. */
static int64_t live(uint32_t *raw, int64_t *now, int ms)
{
	int64_t last = 0;
	for (int at = 0; at < ms; at += FRAME_MS) {
		last = timeline_map(&tl, TIMELINE_VIDEO, 0, *raw, *now);
		timeline_map(&tl, TIMELINE_AUDIO, 0, *raw, *now);
		*raw += FRAME_MS;
		*now += FRAME_MS;
	}
	return last;
}

static void a_first_time_near_zero_is_kept(void **state)
{
	(void)state;
	static const struct {
		uint32_t raw;
		int64_t mapped;
	} cases[] = {{0, 0},       {23, 23},           {9999, 9999},
		     {10000, 200}, {3000000000u, 200}, {UINT32_MAX, 200}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(TIMELINE_FULL, false);
		assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, cases[i].raw, 5000),
				 cases[i].mapped);
	}
}

static void the_other_track_may_begin_a_little_earlier(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, 1000000, 5000), 200);
	assert_int_equal(timeline_map(&tl, TIMELINE_AUDIO, 0, 999950, 5000), 150);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, 1000040, 5040), 240);
}

static void times_that_wrap_go_on_rising(void **state)
{
	(void)state;
	for (int mode = TIMELINE_FULL; mode <= TIMELINE_OFF; mode++) {
		begin((enum timeline_mode)mode, false);
		uint32_t raw = UINT32_MAX - 1000;
		int64_t now = 77777, first = timeline_map(&tl, TIMELINE_VIDEO, 0, raw, now);
		int64_t last = live(&raw, &now, 4000);
		assert_int_equal(last - first, 4000 - FRAME_MS);
	}
}

static void a_publisher_that_comes_back_stands_where_the_former_would(void **state)
{
	(void)state;
	static const uint32_t starts[] = {0, 5000000, UINT32_MAX - 100, 2000};
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		begin(TIMELINE_FULL, false);
		uint32_t raw = 0;
		int64_t now = 100000;
		int64_t distance = now - live(&raw, &now, 10000) + 10000 - FRAME_MS;
		now += 3000;
		raw = starts[i];
		timeline_begin(&tl);
		int64_t first = timeline_map(&tl, TIMELINE_VIDEO, 0, raw, now);
		assert_int_equal(now - first, distance);
		raw += FRAME_MS;
		now += FRAME_MS;
		int64_t last = live(&raw, &now, 10000);
		assert_int_equal(now - FRAME_MS - last, distance);
	}
}

/* Each time the new publisher's cache of two seconds arrives at once. */
static void a_burst_from_a_cache_is_squeezed_and_costs_no_distance_to_live(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	uint32_t raw = 0;
	int64_t now = 100000, last = live(&raw, &now, 5000);
	int64_t distance = now - FRAME_MS - last;
	for (int change = 0; change < 5; change++) {
		raw = 7000000u * (uint32_t)change;
		timeline_begin(&tl);
		int64_t before = tl.max, audio = before, video = before;
		for (int at = 0; at < 2000; at += FRAME_MS, raw += FRAME_MS) {
			int64_t v = timeline_map(&tl, TIMELINE_VIDEO, 0, raw, now);
			int64_t a = timeline_map(&tl, TIMELINE_AUDIO, 0, raw, now);
			assert_true(v >= video && a >= audio && v > before && a > before);
			assert_true(v <= before + FRAME_MS + 2000 / FRAME_MS);
			video = v;
			audio = a;
		}
		last = live(&raw, &now, 6000);
		assert_int_equal(now - FRAME_MS - last, distance);
	}
}

/* The frames of an encoder that runs since `born` are read each READ_MS, hardly ever in time, with the
 * next one at *raw. The distance to live of the last frame. */
static int64_t read_rarely(int64_t born, uint32_t *raw, int64_t *now, int64_t ms)
{
	enum { READ_MS = 200, IN_TIME = 41 };
	int64_t distance = 0, late = 0;
	for (int64_t i = 1, end = *now + ms; *now < end; *now += READ_MS, i++) {
		late = i % IN_TIME == 1 ? 0 : 3 + i % 5;
		for (; born + *raw <= *now; *raw += FRAME_MS)
			distance = born + *raw -
				   timeline_map(&tl, TIMELINE_VIDEO, 0, *raw, *now + late);
	}
	return distance;
}

static void what_gathers_before_it_is_read_moves_nothing(void **state)
{
	(void)state;
	for (int64_t lost = 0; lost < 4000; lost += 130) {
		uint32_t raw = 0;
		int64_t now = 100007, born = 100000;
		begin(TIMELINE_FULL, false);
		int64_t before = read_rarely(born, &raw, &now, 10000 + lost);
		/* Another origin with the same encoder, whose times are others: a burst from its cache,
		 * then live. */
		timeline_begin(&tl);
		now += 1500;
		born -= 5000000;
		raw = (uint32_t)(now - born - 1000) / FRAME_MS * FRAME_MS;
		int64_t after = read_rarely(born, &raw, &now, 20000);
		assert_in_range(after - before + FRAME_MS, 0, 2 * FRAME_MS);
	}
}

static void an_anchor_is_exact(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	uint32_t raw = 0;
	int64_t now = 100000, last = live(&raw, &now, 5000);
	timeline_anchor(&tl, 4000000000u, last + FRAME_MS);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, 4000000000u, now), last + FRAME_MS);
	/* The other track stood a little behind, and goes on there. */
	assert_int_equal(timeline_map(&tl, TIMELINE_AUDIO, 0, 4000000000u - 23, now),
			 last + FRAME_MS - 23);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, 4000000040u, now + 40),
			 last + 2 * FRAME_MS);
}

static void jumps_are_repaired_in_mode_full(void **state)
{
	(void)state;
	static const int64_t jumps[] = {-4000, -1000000, 20000, 100000000, INT32_MAX};
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		begin(TIMELINE_FULL, false);
		uint32_t raw = 5000000;
		int64_t now = 100000, before = live(&raw, &now, 5000);
		raw += (uint32_t)jumps[i];
		int64_t after = live(&raw, &now, 5000);
		assert_in_range(after - before, 5000, 5000 + FRAME_MS);
	}
}

static void a_publisher_that_restarts_its_clock_again_and_again_keeps_its_distance(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	uint32_t raw = 50000;
	int64_t now = 100000, start = now;
	int64_t first = live(&raw, &now, FRAME_MS), last = first;
	for (int i = 0; i < 50; i++) {
		raw = i % 2 ? 0 : 900000;
		last = live(&raw, &now, 4000);
	}
	assert_in_range(last - first, now - start - 2 * FRAME_MS, now - start + 50 * FRAME_MS);
}

static void small_steps_back_hold_the_clock_and_do_not_move_it(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	uint32_t raw = 1000;
	int64_t now = 100000, last = live(&raw, &now, 1000);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, raw - 500, now), last);
	assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, raw, now), last + FRAME_MS);
}

static void a_track_that_lags_by_seconds_is_no_jump(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	int64_t now = 100000;
	for (uint32_t at = 0; at < 20000; at += FRAME_MS, now += FRAME_MS) {
		assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 0, 5000 + at, now), 5000 + at);
		assert_int_equal(timeline_map(&tl, TIMELINE_AUDIO, 0, at, now), at);
	}
}

static void data_with_a_time_of_its_own_moves_nothing(void **state)
{
	(void)state;
	static const uint32_t times[] = {0, UINT32_MAX, 1u << 31, 12345};
	begin(TIMELINE_FULL, false);
	/* Data may come first. */
	assert_int_equal(timeline_map(&tl, TIMELINE_DATA, 0, 0, 99000), 0);
	uint32_t raw = 5000000;
	int64_t now = 100000, video = live(&raw, &now, 1000), data = 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t mapped = timeline_map(&tl, TIMELINE_DATA, 0, times[i], now);
		assert_true(mapped >= data && mapped <= tl.max);
		data = mapped;
		int64_t next = live(&raw, &now, 1000);
		assert_int_equal(next - video, 1000);
		video = next;
	}
	assert_int_equal(timeline_map(&tl, TIMELINE_DATA, 0, raw, now), video + FRAME_MS);
}

static void mode_zero_shifts_and_repairs_nothing(void **state)
{
	(void)state;
	begin(TIMELINE_ZERO, false);
	uint32_t raw = 5000000;
	int64_t now = 100000, last = live(&raw, &now, 1000);
	raw += 50000;
	assert_int_equal(live(&raw, &now, FRAME_MS), last + 50000 + FRAME_MS);
}

static void mode_off_and_absolute_time_keep_the_publishers_times(void **state)
{
	(void)state;
	static const uint32_t times[] = {5000000, 5000040, 17, 40, 4999000, 4000000000u, 5};
	for (int i = 0; i < 2; i++) {
		begin(i ? TIMELINE_FULL : TIMELINE_OFF, i);
		for (size_t k = 0; k < sizeof(times) / sizeof(times[0]); k++) {
			if (k == 2)
				timeline_begin(&tl);
			int64_t mapped = timeline_map(&tl, TIMELINE_VIDEO, 0, times[k], 100000);
			if (k == 2)
				assert_int_equal(tl.live_offset, mapped - 100000);
			assert_int_equal((uint32_t)mapped, times[k]);
		}
		/* Data is as it is too, and nothing follows from it. */
		int64_t before = tl.max;
		assert_int_equal((uint32_t)timeline_map(&tl, TIMELINE_DATA, 0, 7, 100000), 7);
		assert_int_equal(tl.max, before);
	}
}

/* ---- tracks with bases of their own ---- */

/* An encoder of one picture and one sound each FRAME_MS, whose raw times are `pace` times what has
 * passed plus `base`. */
struct clocks {
	int64_t video_base, audio_base;
	int video_pace, audio_pace;
	int64_t audio_from; /* sound begins so much later, */
	int64_t ms;         /* of so much in all */
	bool audio_first;
};

struct seen {
	int64_t video, audio; /* the last times */
	int64_t worst;        /* the largest step of either */
};

static int64_t track_step(int64_t *last, int64_t mapped, int64_t worst)
{
	int64_t step = *last >= 0 ? mapped - *last : 0;
	assert_true(step >= 0);
	*last = mapped;
	return step > worst ? step : worst;
}

static struct seen run_clocks(const struct clocks *c, int64_t now)
{
	struct seen seen = {-1, -1, 0};
	for (int64_t at = 0; at < c->ms; at += FRAME_MS) {
		for (int i = 0; i < 2; i++) {
			if ((i == 0) == c->audio_first && at >= c->audio_from)
				seen.worst = track_step(
					&seen.audio,
					timeline_map(&tl, TIMELINE_AUDIO, 0,
						     (uint32_t)(c->audio_base + at * c->audio_pace),
						     now + at),
					seen.worst);
			else if ((i == 0) != c->audio_first)
				seen.worst = track_step(
					&seen.video,
					timeline_map(&tl, TIMELINE_VIDEO, 0,
						     (uint32_t)(c->video_base + at * c->video_pace),
						     now + at),
					seen.worst);
		}
	}
	return seen;
}

static void the_clock_runs_like_the_wall_clock_whatever_the_bases_are(void **state)
{
	(void)state;
	static const struct clocks cases[] = {
		{3600000, 0, 1, 1, 0, 30000, false}, {3600000, 0, 1, 1, 0, 30000, true},
		{0, 3600000, 1, 1, 0, 30000, false}, {12000, 0, 1, 1, 0, 30000, true},
		{0, 0, 1, 0, 0, 30000, false},       {0, 0, 0, 1, 0, 30000, false},
		{0, 0, 0, 1, 0, 30000, true},        {0, 0, 0, 0, 0, 30000, false},
		{900000, 0, 1, 0, 0, 30000, true},   {0, 4000000000, 1, 1, 0, 30000, true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(TIMELINE_FULL, false);
		struct seen seen = run_clocks(&cases[i], 100000);
		print_message("case %zu: video %lld audio %lld\n", i, (long long)seen.video,
			      (long long)seen.audio);
		assert_in_range(seen.video, 29600, 30300);
		assert_in_range(seen.audio, 29600, 30300);
		assert_in_range(seen.worst, FRAME_MS, 1000);
	}
}

static void after_a_republish_two_bases_are_told_apart_again(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	struct clocks c = {0, 3600000, 1, 1, 0, 20000, false};
	struct seen before = run_clocks(&c, 100000);
	timeline_begin(&tl);
	c = (struct clocks){7200000, 0, 1, 1, 0, 20000, true};
	struct seen after = run_clocks(&c, 123000);
	assert_in_range(after.video - before.video, 22900, 23300);
	assert_in_range(after.audio - before.audio, 22900, 23300);
}

static void sound_that_starts_later_stays_where_it_belongs(void **state)
{
	(void)state;
	static const int64_t from[] = {200, 2000, 8000, 40000};
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		begin(TIMELINE_FULL, false);
		struct clocks c = {500000, 499930, 1, 1, from[i], 60000, false};
		struct seen seen = run_clocks(&c, 100000);
		assert_int_equal(seen.video - seen.audio, 70);
	}
}

static void tracks_of_one_encoder_keep_their_distance_through_a_restart_of_its_clock(void **state)
{
	(void)state;
	static const int64_t apart[] = {-900, -23, 0, 23, 900};
	for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		begin(TIMELINE_FULL, false);
		struct clocks c = {50000, 50000 + apart[i], 1, 1, 0, 20000, false};
		struct seen seen = run_clocks(&c, 100000);
		assert_int_equal(seen.audio - seen.video, apart[i]);
		c.video_base = 900000;
		c.audio_base = 900000 + apart[i];
		seen = run_clocks(&c, 120000);
		assert_int_equal(seen.audio - seen.video, apart[i]);
	}
}

static void a_second_audio_track_keeps_its_own_times(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	int64_t now = 100000;
	for (uint32_t at = 1000; at < 5000; at += FRAME_MS, now += FRAME_MS) {
		assert_int_equal(timeline_map(&tl, TIMELINE_AUDIO, 0, at, now), at);
		assert_int_equal(timeline_map(&tl, TIMELINE_AUDIO, 1, at - 300, now), at - 300);
		assert_int_equal(timeline_map(&tl, TIMELINE_VIDEO, 3, at - 100, now), at - 100);
	}
}

static void more_tracks_than_there_is_room_for_share_the_last_one(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	int64_t now = 100000, last = 0;
	for (uint32_t at = 0; at < 4000; at += FRAME_MS, now += FRAME_MS)
		for (int id = 0; id < 40; id++)
			last = timeline_map(&tl, TIMELINE_AUDIO, id, at, now);
	assert_int_equal(last, 4000 - FRAME_MS);
	/* Another publisher's tracks take the places of those that are gone. */
	timeline_begin(&tl);
	timeline_map(&tl, TIMELINE_VIDEO, 0, 0, now);
	assert_int_equal(tl.tracks[0].kind, TIMELINE_VIDEO);
}

static void a_header_stands_with_the_last_message_of_its_track(void **state)
{
	(void)state;
	begin(TIMELINE_FULL, false);
	int64_t now = 100000;
	uint32_t raw = 0;
	int64_t last = live(&raw, &now, 1000);
	assert_int_equal(timeline_header(&tl, TIMELINE_VIDEO, 0), last);
	assert_int_equal(timeline_header(&tl, TIMELINE_DATA, 0), last);
	assert_int_equal(timeline_header(&tl, TIMELINE_AUDIO, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_runs_like_the_wall_clock_whatever_the_bases_are),
		cmocka_unit_test(after_a_republish_two_bases_are_told_apart_again),
		cmocka_unit_test(sound_that_starts_later_stays_where_it_belongs),
		cmocka_unit_test(
			tracks_of_one_encoder_keep_their_distance_through_a_restart_of_its_clock),
		cmocka_unit_test(a_second_audio_track_keeps_its_own_times),
		cmocka_unit_test(more_tracks_than_there_is_room_for_share_the_last_one),
		cmocka_unit_test(a_header_stands_with_the_last_message_of_its_track),
		cmocka_unit_test(a_first_time_near_zero_is_kept),
		cmocka_unit_test(the_other_track_may_begin_a_little_earlier),
		cmocka_unit_test(times_that_wrap_go_on_rising),
		cmocka_unit_test(a_publisher_that_comes_back_stands_where_the_former_would),
		cmocka_unit_test(a_burst_from_a_cache_is_squeezed_and_costs_no_distance_to_live),
		cmocka_unit_test(what_gathers_before_it_is_read_moves_nothing),
		cmocka_unit_test(an_anchor_is_exact),
		cmocka_unit_test(jumps_are_repaired_in_mode_full),
		cmocka_unit_test(
			a_publisher_that_restarts_its_clock_again_and_again_keeps_its_distance),
		cmocka_unit_test(small_steps_back_hold_the_clock_and_do_not_move_it),
		cmocka_unit_test(a_track_that_lags_by_seconds_is_no_jump),
		cmocka_unit_test(data_with_a_time_of_its_own_moves_nothing),
		cmocka_unit_test(mode_zero_shifts_and_repairs_nothing),
		cmocka_unit_test(mode_off_and_absolute_time_keep_the_publishers_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
