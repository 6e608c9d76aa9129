/* Where segments begin and end, and their numbers. */
#include "base/mem.h"
#include "output/segmenter.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define WALL 1800000000000 /* some day in 2027 */
static const struct segmenter_opts usual = {
	.fragment_ms = 2000, .longest_ms = 4200, .wait_key = true, .bytes_max = 1 << 20};

struct run {
	struct segmenter s;
	char said
		[512]; /* "number:begin+duration" of each, with marks: d, !, ~ for discontinuous, by change, late */
};

static void begin(struct run *r, const struct segmenter_opts *opts)
{
	segmenter_init(&r->s, opts, 0);
	*r->said = '\0';
}

static void end(struct run *r)
{
	segmenter_fini(&r->s);
	assert_int_equal(msg_live(), 0);
}

static void say(struct run *r, enum segment_end how)
{
	const struct cut *c = &r->s.cut;
	size_t n = strlen(r->said);
	snprintf(r->said + n, sizeof(r->said) - n, "%s%lld:%lld+%lld%s%s%s", n ? " " : "",
		 (long long)c->number, (long long)c->begin, (long long)(c->end - c->begin),
		 c->is_discontinuous ? "d" : "", how == SEGMENT_BY_CHANGE ? "!" : "",
		 how == SEGMENT_BY_TIME ? "~" : "");
	segmenter_close(&r->s);
}

/* A message with this payload, at the source's time and at the encoder's. */
static void put(struct run *r, enum msg_type type, const char *hex, int64_t ts, uint32_t raw)
{
	struct span payload = hex_bytes(hex);
	struct msg *m = msg_new(type, ts, payload.n);
	struct au_walk w;
	struct au au;
	memcpy(m->payload, payload.p, payload.n);
	m->raw = raw;
	for (au_begin(&w, m); au_next(&w, &au);) {
		enum segment_end how = segmenter_ends(&r->s, m, &au);
		if (how != SEGMENT_GOES_ON)
			say(r, how);
		segmenter_add(&r->s, m, &au, WALL);
	}
	msg_unref(&m);
	hex_free(payload);
}

static void headers(struct run *r)
{
	put(r, MSG_VIDEO, "17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68", 0, 0);
	put(r, MSG_AUDIO, "AF 00 1210", 0, 0);
}

/* Pictures from `from` to `to` (the encoder's time), each 100 ms, a key frame each `gop` ms. */
static void pictures(struct run *r, int64_t from, int64_t to, int64_t gop, int64_t offset)
{
	for (int64_t t = from; t < to; t += 100)
		put(r, MSG_VIDEO,
		    t % gop == 0 ? "17 01 000000 00000001 65" : "27 01 000000 00000001 41",
		    t + offset, (uint32_t)t);
}

static void assert_said(struct run *r, const char *want)
{
	if (segmenter_finish(&r->s))
		say(r, SEGMENT_GOES_ON);
	/* Numbers from the first one on. */
	char text[512] = "";
	long long first = strtoll(r->said, NULL, 10);
	for (const char *p = r->said; *p;) {
		char *rest;
		long long number = strtoll(p, &rest, 10);
		size_t n = strcspn(rest, " "), at = strlen(text);
		snprintf(text + at, sizeof(text) - at, "%s%lld%.*s", at ? " " : "", number - first,
			 (int)n, rest);
		p = rest + n + (rest[n] == ' ');
	}
	assert_string_equal(text, want);
}

static void segments_begin_at_multiples_of_the_fragment(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 6000, 1000, 0);
	assert_said(&r, "0:0+2000 1:2000+2000 2:4000+2000");
	end(&r);
}

static void who_joins_later_cuts_the_same(void **state)
{
	struct run one, two;
	(void)state;
	begin(&one, &usual);
	headers(&one);
	pictures(&one, 500, 9000, 500, 70);
	begin(&two, &usual);
	headers(&two);
	pictures(&two, 3000, 9000, 500, -2900);
	const char *rest = strchr(two.said, ' ');
	assert_non_null(rest);
	assert_non_null(strstr(one.said, rest + 1)); /* numbers and times, from the second on */
	segmenter_fini(&one.s);
	end(&two);
}

static void numbers_have_no_gaps_where_pictures_are_rare(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 9000, 3000, 0);
	assert_said(&r, "0:0+3000 1:3000+3000 2:6000+3000");
	end(&r);
}

static void without_key_frames_time_ends_a_segment(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 9000, 100000, 0);
	assert_said(&r, "0:0+4200~ 1:4200+4200~ 2:8400+600");
	end(&r);
}

static void any_picture_will_do(void **state)
{
	struct segmenter_opts opts = usual;
	struct run r;
	opts.wait_key = false;
	(void)state;
	begin(&r, &opts);
	headers(&r);
	pictures(&r, 0, 4100, 100000, 0);
	assert_said(&r, "0:0+2000 1:2000+2000 2:4000+0");
	end(&r);
}

static void size_ends_a_segment(void **state)
{
	struct segmenter_opts opts = usual;
	struct run r;
	opts.bytes_max = 50;
	(void)state;
	begin(&r, &opts);
	headers(&r);
	pictures(&r, 0, 700, 100000, 0);
	assert_said(&r, "0:0+600~ 1:600+0");
	end(&r);
}

static void sound_alone_ends_by_time(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	put(&r, MSG_AUDIO, "AF 00 1210", 0, 0);
	for (uint32_t t = 40; t < 5000; t += 20)
		put(&r, MSG_AUDIO, "AF 01 2110", t, t);
	assert_said(&r, "0:40+1960 1:2000+2000 2:4000+1000");
	end(&r);
}

static void another_run_goes_on_behind_a_discontinuity(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 3000, 1000, 0);
	pictures(&r, 0, 3000, 1000, 3100); /* an encoder that came back */
	assert_said(&r, "0:0+2000 1:2000+1000! 2:0+2000d 3:2000+1000");
	end(&r);
}

static void a_long_silence_is_a_discontinuity(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 1000, 1000, 0);
	pictures(&r, 20000, 21000, 1000, 0);
	assert_said(&r, "0:0+1000! 1:20000+1000d");
	end(&r);
}

static void another_header_ends_a_segment(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 1000, 1000, 0);
	headers(&r); /* the same again */
	put(&r, MSG_VIDEO, "17 00 000000 01 4D001F FF E1 0004 674D001F 01 0001 68", 0, 0);
	pictures(&r, 1000, 3000, 1000, 0);
	assert_said(&r, "0:0+1000! 1:1000+1000d 2:2000+1000");
	end(&r);
}

static void a_track_that_appears_belongs_to_its_segment(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	put(&r, MSG_AUDIO, "AF 00 1210", 0, 0);
	put(&r, MSG_AUDIO, "AF 01 2110", 0, 0);
	headers(&r);
	pictures(&r, 0, 4000, 1000, 0);
	assert_said(&r, "0:0+2000 1:2000+2000");
	assert_true(r.s.cut.count == 0);
	end(&r);
}

static void audio_of_another_base_stays_beside_the_pictures(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	for (int64_t t = 0; t < 4000; t += 100) {
		pictures(&r, t, t + 100, 1000, 0);
		put(&r, MSG_AUDIO, "AF 01 2110", t,
		    (uint32_t)(t + 7000000)); /* the source repairs it */
	}
	assert_said(&r, "0:0+2000 1:2000+2000");
	end(&r);
}

static void times_wrap(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 4294966000, 4294971000, 1000, -4294966000);
	assert_said(&r, "0:4294966000+2000 1:4294968000+2000 2:4294970000+1000");
	end(&r);
}

static void lost_messages_are_a_discontinuity(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 0, 1000, 1000, 0);
	segmenter_break(&r.s);
	pictures(&r, 1000, 2000, 1000, 0);
	assert_said(&r, "0:0+1000! 1:1000+1000d");
	end(&r);
}

static void a_run_begins_with_a_key_frame(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	put(&r, MSG_AUDIO, "AF 01 2110", 400, 400);
	pictures(&r, 500, 3000, 1000, 0);
	assert_said(&r, "0:1000+1000 1:2000+1000");
	end(&r);
}

static void a_run_begins_with_any_picture_where_it_may(void **state)
{
	struct segmenter_opts opts = usual;
	struct run r;
	(void)state;
	opts.any_start = true;
	begin(&r, &opts);
	headers(&r);
	pictures(&r, 500, 3000, 1000, 0);
	assert_said(&r, "0:500+1500 1:2000+1000");
	end(&r);
}

/* What players have parts of cannot get another track. */
static void a_track_that_comes_too_late_begins_a_segment(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	put(&r, MSG_VIDEO, "17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68", 0, 0);
	pictures(&r, 0, 500, 2000, 0);
	r.s.cut.is_fixed = true;
	put(&r, MSG_AUDIO, "AF 01 2110", 500, 500); /* nothing that could be written */
	assert_string_equal(r.said, "");
	put(&r, MSG_AUDIO, "AF 00 1210", 500, 500);
	assert_true(r.s.audio.is_ready && r.s.cut.count == 0);
	assert_non_null(strstr(r.said, ":0+500!"));
	end(&r);
}

/* The run begins at 10,000 of the encoder's time; by the clock its first segment is 900,000,005. */
static void numbers_are_higher_than_those_before_a_restart(void **state)
{
	static const struct {
		struct segmenter_past past;
		int64_t number;
	} cases[] = {
		{{.number = 0}, 900000005},
		{{.number = 900000003}, 900000004},
		{{.number = 900000003, .clock_ms = WALL - 900000}, 900000004},
		{{.number = 900000003, .clock_ms = WALL - 11000}, 900000005}, /* it goes on */
		{{.number = 900000005, .clock_ms = WALL - 11000}, 900000005}, /* once more */
		{{.number = 900000006, .clock_ms = WALL - 11000}, 900000007}, /* too far back */
		{{.number = 900000001, .clock_ms = WALL - 11000, .wall_ms = WALL - 2000},
		 900000005},
		{{.number = 900000000, .clock_ms = WALL - 11000, .wall_ms = WALL - 2000},
		 900000001},
		{{.number = 900000003, .is_old = true}, 900000005},
		{{.number = 900000009, .is_old = true}, 900000010},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run r;
		begin(&r, &usual);
		segmenter_resume(&r.s, &cases[i].past);
		headers(&r);
		pictures(&r, 10000, 12100, 2000, 0);
		char *want = mem_printf("%lld:10000+2000d", (long long)cases[i].number);
		assert_string_equal(r.said, want);
		free(want);
		end(&r);
	}
}

static void segments_know_what_time_it_was(void **state)
{
	struct run r;
	(void)state;
	begin(&r, &usual);
	headers(&r);
	pictures(&r, 10000, 10100, 2000, 0);
	assert_int_equal(r.s.cut.wall_ms, WALL);
	/* The clock of the encoder runs, that of the server does not: it is followed by a little. */
	pictures(&r, 12000, 12100, 2000, 0);
	assert_int_equal(r.s.cut.wall_ms, WALL + 2000 - 3);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_begin_at_multiples_of_the_fragment),
		cmocka_unit_test(who_joins_later_cuts_the_same),
		cmocka_unit_test(numbers_have_no_gaps_where_pictures_are_rare),
		cmocka_unit_test(without_key_frames_time_ends_a_segment),
		cmocka_unit_test(any_picture_will_do),
		cmocka_unit_test(size_ends_a_segment),
		cmocka_unit_test(sound_alone_ends_by_time),
		cmocka_unit_test(another_run_goes_on_behind_a_discontinuity),
		cmocka_unit_test(a_long_silence_is_a_discontinuity),
		cmocka_unit_test(another_header_ends_a_segment),
		cmocka_unit_test(a_track_that_appears_belongs_to_its_segment),
		cmocka_unit_test(audio_of_another_base_stays_beside_the_pictures),
		cmocka_unit_test(times_wrap),
		cmocka_unit_test(lost_messages_are_a_discontinuity),
		cmocka_unit_test(a_run_begins_with_a_key_frame),
		cmocka_unit_test(a_run_begins_with_any_picture_where_it_may),
		cmocka_unit_test(a_track_that_comes_too_late_begins_a_segment),
		cmocka_unit_test(numbers_are_higher_than_those_before_a_restart),
		cmocka_unit_test(segments_know_what_time_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
