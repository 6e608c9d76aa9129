/* Fragments that were written are read again; what differs from them is refused. */
#include "codec/mp4_read.h"
#include "support/hex.h"
#include "support/unit.h"

static struct track track_of(enum msg_type type, uint32_t codec, const char *header)
{
	struct track t = {0};
	struct span sent = hex_bytes(header);
	struct au au = {.type = (uint8_t)type, .is_header = true, .codec = codec, .data = sent};
	assert_true(track_take(&t, &au));
	hex_free(sent);
	return t;
}

/* An init and a fragment of two pictures and a frame of sound. */
static void write_file(struct buf *b)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, "01 42C01E FF E1 0004 6742C01E 01 0001 68");
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	const struct track *tracks[] = {&v, &a};
	struct span picture = hex_bytes("00000003 658800");
	struct au au = {.type = MSG_VIDEO, .is_key = true, .codec = v.codec, .data = picture};
	struct mp4_fragment f = {0};
	mp4_write_init(b, tracks, 2);
	mp4_fragment_init(&f, tracks, 2, 1 << 16);
	assert_true(mp4_fragment_add(&f, 0, &au, 90000, 7200, 3600));
	au.is_key = false;
	assert_true(mp4_fragment_add(&f, 0, &au, 93600, -40, 3601));
	au = (struct au){
		.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = span_str("abc")};
	assert_true(mp4_fragment_add(&f, 1, &au, 44100, 0, 1024));
	mp4_fragment_write(&f, b, 7);
	mp4_fragment_fini(&f);
	hex_free(picture);
	track_free(&v);
	track_free(&a);
}

static void what_was_written_is_read(void **state)
{
	struct buf b = {.max = 1 << 16};
	struct mp4_init_facts init;
	struct mp4_moof_facts moof;
	struct mp4_sample sample;
	(void)state;
	write_file(&b);
	assert_true(mp4_read_init(&init, buf_span(&b)));
	assert_int_equal(init.tracks, 2);
	assert_int_equal(init.timescales[0], 90000);
	assert_int_equal(init.timescales[1], 44100);
	assert_true(mp4_read_moof(&moof, mp4_find(buf_span(&b), "moof")));
	assert_int_equal(moof.sequence, 7);
	assert_int_equal(moof.runs[0].dts, 90000);
	assert_int_equal(moof.runs[0].duration, 7201);
	assert_int_equal(moof.runs[1].dts, 44100);
	assert_int_equal(moof.runs[1].count, 1);
	struct cur c = cur_of(moof.runs[0].entries.p, moof.runs[0].entries.n);
	assert_true(mp4_next_entry(&c, &sample) && sample.is_key && sample.cts == 7200);
	assert_true(mp4_next_entry(&c, &sample) && !sample.is_key && sample.cts == -40 &&
		    sample.size == 7);
	assert_false(mp4_next_entry(&c, &sample));
	buf_free(&b);
}

static void what_is_cut_off_is_refused(void **state)
{
	struct buf b = {.max = 1 << 16};
	struct mp4_moof_facts moof;
	struct mp4_init_facts init;
	(void)state;
	write_file(&b);
	struct span whole = mp4_find(buf_span(&b), "moof");
	for (size_t n = 0; n < whole.n; n++)
		assert_true(!mp4_read_moof(&moof, span_head(whole, n)) || moof.runs[0].count == 0 ||
			    moof.runs[1].count == 0);
	assert_false(mp4_read_init(&init, whole));
	assert_int_equal(mp4_find(buf_span(&b), "moov/trak/none").n, 0);
	buf_free(&b);
}

static void another_form_is_refused(void **state)
{
	/* A flag, a track, a time: each of a kind that this program does not write. */
	static const struct {
		const char *box;
		size_t at;
		uint8_t value;
	} cases[] = {{"traf/tfhd", 3, 1},    {"traf/tfhd", 7, 3}, {"traf/tfdt", 0, 0},
		     {"traf/tfdt", 4, 0x7F}, {"traf/trun", 3, 0}, {"traf/trun", 7, 3}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = {.max = 1 << 16};
		struct mp4_moof_facts facts;
		write_file(&b);
		struct span moof = mp4_find(buf_span(&b), "moof");
		struct span box = mp4_find(moof, cases[i].box);
		b.p[(size_t)(box.p - b.p) + cases[i].at] = cases[i].value;
		assert_false(mp4_read_moof(&facts, moof));
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(another_form_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
