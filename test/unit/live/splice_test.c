/* One encoder, or two, seen through two servers. */
#include "live/splice.h"
#include "support/unit.h"

#include <stdlib.h>

enum { GOP_MS = 2000, FRAME_MS = 40, AUDIO_MS = 23, MARKS = 2048 };

struct encoder {
	uint32_t seed;
	bool still;  /* each GOP is the same */
	bool silent; /* each audio frame is the same */
	bool video;
};

static struct splice sent;
static struct splice_mark marks[MARKS];
static uint32_t count;

static int setup(void **state)
{
	(void)state;
	count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	splice_fini(&sent);
	return 0;
}

static struct msg *frame_at(const struct encoder *e, enum msg_type type, int64_t t)
{
	uint32_t what = (uint32_t)(type == MSG_AUDIO ? (e->silent ? 1 : t)
				   : e->still        ? t % GOP_MS
						     : t);
	struct msg *m = msg_new(type, 0, type == MSG_AUDIO ? 30 : 200 + what % 50);
	for (uint32_t i = 0; i < m->n; i++)
		m->payload[i] = (uint8_t)((what * 2654435761u + e->seed) >> (i % 24)) ^ (uint8_t)i;
	m->frame.is_key = type == MSG_VIDEO && t % GOP_MS == 0;
	return m;
}

/* Calls take() for each message of the encoder with from <= time < to, in order. */
static void encode(const struct encoder *e, int64_t from, int64_t to, int64_t shift,
		   void (*take)(const struct msg *m, int64_t ts))
{
	for (int64_t t = from; t < to; t++) {
		if (e->video && t % FRAME_MS == 0) {
			struct msg *m = frame_at(e, MSG_VIDEO, t);
			take(m, t + shift);
			msg_unref(&m);
		}
		if (t % AUDIO_MS == 0) {
			struct msg *m = frame_at(e, MSG_AUDIO, t);
			take(m, t + shift);
			msg_unref(&m);
		}
	}
}

static void note(const struct msg *m, int64_t ts)
{
	splice_note(&sent, m, ts);
}

static void arrive(const struct msg *m, int64_t ts)
{
	assert_true(count < MARKS);
	marks[count++] = splice_mark(m, ts);
}

/* The encoder's times are the source's; the new server's are `shift` later. */
struct story {
	const char *name;
	struct encoder first, second;
	int64_t sent_from, sent_to; /* what was shown */
	int64_t got_from, got_to;   /* what the new server sends */
	int64_t expected;           /* the source's time of what arrives now */
	bool same;
};

#define LIVELY                                                                                     \
	{                                                                                          \
		1, false, false, true                                                              \
	}
#define STILL                                                                                      \
	{                                                                                          \
		1, true, false, true                                                               \
	}
#define STILL_SILENT                                                                               \
	{                                                                                          \
		1, true, true, true                                                                \
	}
#define OTHER                                                                                      \
	{                                                                                          \
		2, false, false, true                                                              \
	}
#define SOUND                                                                                      \
	{                                                                                          \
		1, false, false, false                                                             \
	}
#define SILENCE                                                                                    \
	{                                                                                          \
		1, false, true, false                                                              \
	}

static const struct story stories[] = {
	{"the cache begins before what was shown ended", LIVELY, LIVELY, 0, 9000, 8000, 9500, 9500,
	 true},
	{"and reaches far beyond it", LIVELY, LIVELY, 0, 9000, 8000, 12000, 12000, true},
	{"and begins before anything that was shown", LIVELY, LIVELY, 6000, 9000, 4000, 9500, 9500,
	 true},
	{"in the middle of a GOP", LIVELY, LIVELY, 0, 9000, 8300, 9500, 9500, true},
	{"in the middle of a GOP, with the next key frame", LIVELY, LIVELY, 0, 9000, 8300, 10300,
	 10300, true},
	{"what was shown began in the middle of a GOP", LIVELY, LIVELY, 8300, 9900, 8000, 10500,
	 10500, true},
	{"the new server is a second behind", LIVELY, LIVELY, 0, 9000, 6000, 8000, 9200, true},
	{"the new server is four seconds behind", LIVELY, LIVELY, 0, 9000, 2000, 5000, 9000, true},
	{"only the beginning of its cache has arrived", LIVELY, LIVELY, 0, 12000, 4000, 4600, 12300,
	 true},
	{"only few messages are the same", LIVELY, LIVELY, 0, 8100, 8000, 8500, 8500, true},
	{"only the key frame was shown", LIVELY, LIVELY, 0, 8001, 8000, 8300, 8350, true},
	{"only a key frame was shown, of a still picture", STILL, STILL, 0, 8001, 8000, 8300, 8350,
	 true},
	{"only a key frame was shown, of another encoder", LIVELY, OTHER, 0, 8001, 8000, 8300, 8350,
	 false},
	{"only a key frame was shown, long ago", STILL, STILL, 0, 8001, 20000, 20300, 20350, false},
	{"it begins after what was shown", LIVELY, LIVELY, 0, 9000, 9100, 12500, 12500, false},
	{"it begins with the next GOP", LIVELY, LIVELY, 0, 9000, 10000, 12500, 12500, false},
	{"another encoder", LIVELY, OTHER, 0, 9000, 8000, 9500, 9500, false},
	{"nothing was shown", LIVELY, LIVELY, 0, 0, 8000, 9500, 9500, false},
	{"a still picture", STILL, STILL, 0, 9000, 8000, 9500, 9500, true},
	{"a still picture and silence", STILL_SILENT, STILL_SILENT, 0, 9000, 8000, 9500, 9500,
	 true},
	{"a still picture, arriving late", STILL_SILENT, STILL_SILENT, 0, 9000, 8000, 9500, 10300,
	 true},
	{"a still picture, after a long time", STILL, STILL, 0, 9000, 30000, 31500, 31500, false},
	{"a still picture and silence, after a long time", STILL_SILENT, STILL_SILENT, 0, 9000,
	 30000, 31500, 31500, false},
	{"one GOP of a still picture, after a long time", STILL, STILL, 8000, 9900, 30000, 31900,
	 31900, false},
	{"sound only", SOUND, SOUND, 0, 9000, 8000, 9500, 9500, true},
	{"sound only, another encoder",
	 SOUND,
	 {2, false, false, false},
	 0,
	 9000,
	 8000,
	 9500,
	 9500,
	 false},
	{"sound only, after what was shown", SOUND, SOUND, 0, 9000, 9100, 9900, 9900, false},
	{"sound only, too little to say", SOUND, SOUND, 0, 9000, 8900, 9000, 9000, false},
	{"silence, after a long time", SILENCE, SILENCE, 0, 9000, 20000, 21500, 21500, false},
};

/* The first message that was not shown yet. */
static uint32_t first_new(const struct story *s, int64_t shift)
{
	uint32_t i = 0;
	while (i < count && marks[i].ts - shift < s->sent_to)
		i++;
	return i;
}

static uint32_t first_key(const struct story *s)
{
	uint32_t i = 0;
	if (!s->second.video)
		return 0;
	while (i < count && !splice_is_key(&marks[i]))
		i++;
	return i;
}

static void each_story_ends_as_it_should(void **state)
{
	static const int64_t shifts[] = {0, 3600000, -1, 4294967295};
	(void)state;
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]) * 4; i++) {
		const struct story *s = &stories[i / 4];
		int64_t shift = shifts[i % 4];
		print_message("%s, shifted by %lld\n", s->name, (long long)shift);
		count = 0;
		encode(&s->first, s->sent_from, s->sent_to, 0, note);
		encode(&s->second, s->got_from, s->got_to, shift, arrive);
		struct splice_answer a =
			splice_find(&sent, marks, count, s->expected, s->first.video);
		assert_int_equal(a.same, s->same);
		assert_int_equal(a.start, s->same ? first_new(s, shift) : first_key(s));
		if (s->same)
			assert_int_equal(a.offset, -shift);
		splice_fini(&sent);
	}
	assert_int_equal(msg_live(), 0);
}

/* Silence is the same wherever one looks: the nearest place is right to a frame or so. */
static void silence_goes_on_where_it_should_be(void **state)
{
	(void)state;
	const struct encoder e = SILENCE;
	encode(&e, 0, 9000, 0, note);
	encode(&e, 8000, 9500, 500000, arrive);
	struct splice_answer a = splice_find(&sent, marks, count, 9500, false);
	assert_true(a.same);
	assert_in_range(a.offset + 500000 + AUDIO_MS, 0, 2 * AUDIO_MS);
}

static void times_may_be_rounded_on_the_way(void **state)
{
	(void)state;
	const struct encoder e = LIVELY;
	encode(&e, 0, 9000, 0, note);
	encode(&e, 8000, 9500, 1000, arrive);
	for (uint32_t i = 0; i < count; i++)
		marks[i].ts += rand() % 2;
	struct splice_answer a = splice_find(&sent, marks, count, 9500, true);
	assert_true(a.same);
	assert_in_range(a.offset + 1000 + 2, 0, 4);
}

static void distances_must_agree(void **state)
{
	(void)state;
	const struct encoder e = LIVELY;
	encode(&e, 0, 9000, 0, note);
	encode(&e, 8000, 9500, 0, arrive);
	for (uint32_t i = 0; i < count; i++)
		marks[i].ts += i * 5;
	assert_false(splice_find(&sent, marks, count, 9500, true).same);
}

static void waits_for_a_key_frame_when_there_is_video(void **state)
{
	(void)state;
	const struct encoder e = LIVELY, other = OTHER;
	encode(&e, 0, 9000, 0, note);
	encode(&other, 100, 1900, 0, arrive);
	assert_int_equal(splice_find(&sent, marks, count, 9500, true).start, count);
	assert_int_equal(splice_find(&sent, marks, count, 9500, false).start, 0);
	assert_int_equal(splice_find(&sent, marks, 0, 9500, true).start, 0);
}

static void what_is_remembered_is_bounded(void **state)
{
	(void)state;
	const struct encoder e = LIVELY;
	encode(&e, 0, 200000, 0, note);
	assert_true(sent.count < 15100 / FRAME_MS + 15100 / AUDIO_MS);
	assert_true(sent.room <= sent.count * 5 / 4 + 1);
	assert_true(sizeof(sent.marks[0]) <= 16);
	encode(&e, 198000, 200500, 777, arrive);
	assert_true(splice_find(&sent, marks, count, 200500, true).same);
	/* Times that stand still remember no more. */
	struct msg *m = frame_at(&e, MSG_AUDIO, 0);
	for (int i = 0; i < 10000; i++)
		splice_note(&sent, m, 5);
	assert_true(sent.count <= 4096);
	assert_true(sent.room <= 4096 * 5 / 4);
	msg_unref(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_story_ends_as_it_should, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_goes_on_where_it_should_be, setup,
						teardown),
		cmocka_unit_test_setup_teardown(times_may_be_rounded_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(distances_must_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_a_key_frame_when_there_is_video, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_remembered_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
