/* What a track is, from its headers and frames: records, names, samples. */
#include "codec/mp4.h"
#include "codec/picture.h"
#include "codec/sample_clock.h"
#include "support/hex.h"
#include "support/unit.h"

#include <string.h>

#define AVC CODEC_AVC
#define AVCC "01 42C01E FF E1 0004 6742C01E 01 0001 68"
#define HVCC                                                                                       \
	"01 01 60000000 900000000000 5D F000 FC FD F8 F8 0000 0F 03 "                              \
	"A0 0001 0002 4001 A1 0001 0004 42010101 A2 0001 0002 4401"

struct vector {
	const char *name, *codec, *header, *says;
	enum msg_type type;
	int rate, channels;
	unsigned samples;
	const char *record; /* NULL: as it was sent */
};

static const struct vector headers[] = {
	{"H.264", "avc1", AVCC, "avc1.42c01e", MSG_VIDEO, 0, 0, 0, NULL},
	{"H.264 with lengths of two bytes", "avc1", "01 42C01E FD E1 0004 6742C01E 01 0001 68",
	 "avc1.42c01e", MSG_VIDEO, 0, 0, 0, AVCC},
	{"H.264 as Annex B", "avc1", "00000001 6764001F 000001 68EE3C80", "avc1.64001f", MSG_VIDEO,
	 0, 0, 0, "01 64001F FF E1 0004 6764001F 01 0004 68EE3C80"},
	{"H.264 without parameter sets", "avc1", "01 42C01E FF E0 00", "", MSG_VIDEO, 0, 0, 0,
	 NULL},
	{"H.265", "hvc1", HVCC, "hvc1.1.6.L93.90", MSG_VIDEO, 0, 0, 0, NULL},
	{"AV1", "av01", "81 04 0C 00", "av01.0.04M.08", MSG_VIDEO, 0, 0, 0, NULL},
	{"AV1 with ten bits", "av01", "81 28 CC 00", "av01.1.08H.10", MSG_VIDEO, 0, 0, 0, NULL},
	{"VP9", "vp09", "00 1F 82 02 02 02 0000", "vp09.00.31.08", MSG_VIDEO, 0, 0, 0, NULL},
	{"VP9 with version and flags", "vp09", "01000000 02 28 A2 02 02 02 0000", "vp09.02.40.10",
	 MSG_VIDEO, 0, 0, 0, "02 28 A2 02 02 02 0000"},
	{"AAC", "mp4a", "1210", "mp4a.40.2", MSG_AUDIO, 44100, 2, 1024, NULL},
	{"AAC of 960 samples", "mp4a", "1194", "mp4a.40.2", MSG_AUDIO, 48000, 2, 960, NULL},
	{"HE-AAC", "mp4a", "2B920800", "mp4a.40.5", MSG_AUDIO, 22050, 2, 1024, NULL},
	{"HE-AAC version 2", "mp4a", "EB8A0800", "mp4a.40.29", MSG_AUDIO, 22050, 1, 1024, NULL},
	{"AAC of no rate", "mp4a", "16F0", "", MSG_AUDIO, 0, 0, 0, NULL},
	{"Opus", "Opus", "4F70757348656164 01 02 3801 80BB0000 0000 00", "opus", MSG_AUDIO, 48000,
	 2, 960, "00 02 0138 0000BB80 0000 00"},
	{"Opus, nothing said", "Opus", "", "opus", MSG_AUDIO, 48000, 2, 960,
	 "00 02 0000 0000BB80 0000 00"},
	{"Opus, six channels", "Opus",
	 "4F70757348656164 01 06 3801 80BB0000 0000 01 04 02 000401020305", "opus", MSG_AUDIO,
	 48000, 6, 960, "00 06 0138 0000BB80 0000 01 04 02 000401020305"},
	{"FLAC", "fLaC",
	 "664C6143 80000022 1000 1000 000000 000000 0AC442F000000000 "
	 "00000000000000000000000000000000",
	 "fLaC", MSG_AUDIO, 44100, 2, 4096,
	 "80000022 1000 1000 000000 000000 0AC442F000000000 "
	 "00000000000000000000000000000000"},
};

static uint32_t fourcc(const char *s)
{
	return FOURCC((uint32_t)s[0], (uint32_t)s[1], (uint32_t)s[2], (uint8_t)s[3]);
}

static void a_header_says_what_a_track_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		const struct vector *v = &headers[i];
		struct span sent = hex_bytes(v->header);
		struct span want = hex_bytes(v->record ? v->record : v->header);
		struct track t = {0};
		struct au au = {.type = (uint8_t)v->type,
				.is_header = true,
				.codec = fourcc(v->codec),
				.data = sent};
		char name[TRACK_NAME_MAX];
		bool has_changed = track_take(&t, &au);
		track_name(&t, name);
		if (has_changed != t.is_ready || t.is_ready != !!*v->says ||
		    strcmp(name, v->says) != 0)
			fail_msg("%s: \"%s\"", v->name, name);
		if (track_take(&t, &au))
			fail_msg("%s: the same header again is a change", v->name);
		if (t.is_ready && (t.record.n != want.n || memcmp(t.record.p, want.p, want.n) != 0))
			fail_msg("%s: another record, %zu bytes", v->name, t.record.n);
		if (t.is_ready && v->type == MSG_AUDIO &&
		    (t.sound.rate != v->rate || t.sound.channels != v->channels ||
		     t.sound.samples != v->samples))
			fail_msg("%s: %d Hz, %d channels, %u samples", v->name, t.sound.rate,
				 t.sound.channels, t.sound.samples);
		track_free(&t);
		hex_free(sent);
		hex_free(want);
	}
}

static void another_header_is_a_change_and_other_tracks_are_none(void **state)
{
	struct span one = hex_bytes(AVCC),
		    two = hex_bytes("01 4D001F FF E1 0004 674D001F 01 0001 68");
	struct track t = {0};
	struct au au = {.type = MSG_VIDEO, .is_header = true, .codec = AVC, .data = one};
	(void)state;
	assert_true(track_take(&t, &au));
	au.data = two;
	assert_true(track_take(&t, &au));
	au.track = 1;
	au.data = one;
	assert_false(track_take(&t, &au));
	au.track = 0;
	au.type = MSG_AUDIO;
	assert_false(track_take(&t, &au));
	au = (struct au){.type = MSG_VIDEO, .codec = AVC, .data = span_str("x")};
	assert_true(track_fits(&t, &au));
	au.codec = CODEC_AV1;
	assert_false(track_fits(&t, &au));
	au = (struct au){.type = MSG_VIDEO, .is_header = true, .codec = AVC};
	assert_true(track_take(&t, &au)); /* it is of no use, and what was known is no more */
	assert_false(t.is_ready);
	track_free(&t);
	hex_free(one);
	hex_free(two);
}

static const struct {
	const char *name, *codec, *frame;
	int rate, channels;
	unsigned samples;
	size_t bytes;
} frames[] = {
	{"MPEG-1", ".mp3", "FFFB9064", 44100, 2, 1152, 417},
	{"MPEG-1, padded", ".mp3", "FFFB9264", 44100, 2, 1152, 418},
	{"MPEG-1, mono, 48 kHz", ".mp3", "FFFB94C4", 48000, 1, 1152, 384},
	{"MPEG-2", ".mp3", "FFF38064", 22050, 2, 576, 208},
	{"MPEG-2.5", ".mp3", "FFE38064", 11025, 2, 576, 417},
	{"layer II", ".mp3", "FFFD9064", 0, 0, 0, 0},
	{"no synchronisation", ".mp3", "00FB9064", 0, 0, 0, 0},
	{"cut short", ".mp3", "FFFB", 0, 0, 0, 0},
	{"AC-3, 5.1", "ac-3", "0B77 0000 1C 40 E1 DC", 48000, 6, 1536, 0},
	{"AC-3, stereo", "ac-3", "0B77 0000 14 40 43 E1", 48000, 2, 1536, 0},
	{"E-AC-3 is another one", "ac-3", "0B77 0000 14 80 43 E1", 0, 0, 0, 0},
};

static void a_frame_says_what_a_track_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct span frame = hex_bytes(frames[i].frame);
		struct track t = {0};
		struct sound s = {0};
		struct au au = {.type = MSG_AUDIO,
				.is_key = true,
				.codec = fourcc(frames[i].codec),
				.data = frame};
		bool has_changed = track_take(&t, &au);
		(void)sound_read_mp3(&s, frame);
		if (has_changed != (frames[i].rate > 0) || t.sound.rate != frames[i].rate ||
		    t.sound.samples != frames[i].samples || s.bytes != frames[i].bytes)
			fail_msg("%s: %d Hz, %u samples, %zu bytes", frames[i].name, t.sound.rate,
				 t.sound.samples, s.bytes);
		if (has_changed && (t.sound.channels != frames[i].channels || track_take(&t, &au)))
			fail_msg("%s: %d channels", frames[i].name, t.sound.channels);
		track_free(&t);
		hex_free(frame);
	}
}

static void opus_packets_say_how_long_they_are(void **state)
{
	static const struct {
		const char *packet;
		unsigned samples;
	} packets[] = {
		{"", 0},         {"00", 480}, {"08", 960},  {"18", 2880}, {"60", 480},
		{"68", 960},     {"80", 120}, {"F8", 960},  {"F9", 1920}, {"FA", 1920},
		{"FB 03", 2880}, {"FB", 0},   {"1B 3F", 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		struct span packet = hex_bytes(packets[i].packet);
		if (opus_samples(packet) != packets[i].samples)
			fail_msg("%s: %u", packets[i].packet, opus_samples(packet));
		hex_free(packet);
	}
}

static void vp9_key_frames_have_the_size(void **state)
{
	struct span frame = hex_bytes("82 498342 20 13F0 0B30"), inter = hex_bytes("86 00 40 92");
	struct track t = {0};
	struct au au = {.type = MSG_VIDEO, .codec = CODEC_VP9, .data = inter};
	(void)state;
	assert_false(track_take(&t, &au));
	au.data = frame;
	au.is_key = true;
	assert_true(track_take(&t, &au));
	assert_true(t.is_ready);
	assert_int_equal(t.width, 320);
	assert_int_equal(t.height, 180);
	assert_false(track_take(&t, &au));
	track_free(&t);
	hex_free(frame);
	hex_free(inter);
}

static void adts_frames_have_their_length(void **state)
{
	struct aac aac;
	struct buf b = {.max = 10000};
	static const uint8_t big[ADTS_FRAME_MAX];
	struct span config = hex_bytes("1210"), custom = hex_bytes("1780AC4410"),
		    want = hex_bytes("FFF15080 017FFC 21104500");
	struct span frame = span_of(want.p + 7, 4);
	(void)state;
	assert_true(aac_read(&aac, config));
	assert_true(aac_fits_adts(&aac));
	assert_true(aac_write_adts(&b, &aac, frame));
	assert_int_equal(b.n, want.n);
	assert_memory_equal(b.p, want.p, want.n);
	assert_false(aac_write_adts(&b, &aac, span_of(big, sizeof(big))));
	assert_true(aac_read(&aac, custom)); /* a rate of its own */
	assert_false(aac_fits_adts(&aac));
	buf_free(&b);
	hex_free(config);
	hex_free(custom);
	hex_free(want);
}

static void counted_samples_follow_one_another(void **state)
{
	struct sample_clock c = {.rate = 44100};
	(void)state;
	assert_int_equal(sample_clock_map(&c, 1000, 1024), 44100);
	assert_int_equal(sample_clock_map(&c, 1023, 1024), 44100 + 1024);
	assert_int_equal(sample_clock_map(&c, 1047, 1024), 44100 + 2048);
	/* a gap */
	assert_int_equal(sample_clock_map(&c, 2000, 1024), 88200);
	/* times that go back do not overlap */
	assert_int_equal(sample_clock_map(&c, 1000, 1024), 88200 + 1024);
	/* frames of unknown length are where they say, and never go back */
	assert_int_equal(sample_clock_map(&c, 3000, 0), 132300);
	assert_int_equal(sample_clock_map(&c, 3010, 0), 132741);
	assert_int_equal(sample_clock_map(&c, 2900, 0), 132741);
}

/* Frames of 1,024 samples, 23.2 ms, which an encoder calls 23 or 24 ms long: after 20,000 of them the samples would be
 * four seconds ahead, or sixteen behind. */
static void samples_stay_beside_their_times(void **state)
{
	(void)state;
	for (int64_t each = 23; each <= 24; each++) {
		struct sample_clock c = {.rate = 44100};
		int64_t before = -1;
		for (int64_t i = 0; i < 20000; i++) {
			int64_t begin = sample_clock_map(&c, i * each, 1024);
			assert_true(begin > before);
			assert_true(llabs(begin * 1000 / 44100 - i * each) <= 60);
			before = begin;
		}
	}
}

/* A publisher that was away for 60 ms: within seconds sound is where its times say. */
static void a_small_gap_is_made_up_for(void **state)
{
	struct sample_clock c = {.rate = 44100};
	int64_t begin = 0, told = 0;
	(void)state;
	for (int64_t i = 0; i < 600; i++) {
		told = i * 1024 + (i < 100 ? 0 : 2646);
		begin = sample_clock_map(&c, (told * 1000 + 22050) / 44100, 1024);
		assert_true(i >= 100 || begin == i * 1024);
	}
	assert_true(llabs(begin - told) < 130);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_says_what_a_track_is),
		cmocka_unit_test(another_header_is_a_change_and_other_tracks_are_none),
		cmocka_unit_test(a_frame_says_what_a_track_is),
		cmocka_unit_test(opus_packets_say_how_long_they_are),
		cmocka_unit_test(vp9_key_frames_have_the_size),
		cmocka_unit_test(adts_frames_have_their_length),
		cmocka_unit_test(counted_samples_follow_one_another),
		cmocka_unit_test(samples_stay_beside_their_times),
		cmocka_unit_test(a_small_gap_is_made_up_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
