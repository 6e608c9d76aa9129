/* The writers of transport streams and MP4, byte by byte where the specification has them. */
#include "base/mem.h"
#include "codec/mp4.h"
#include "codec/ts.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#define AVCC "01 42C01E FF E1 0004 6742C01E 01 0001 68"

static struct track track_of(enum msg_type type, uint32_t codec, const char *header)
{
	struct track t = {0};
	struct span sent = hex_bytes(header);
	struct au au = {.type = (uint8_t)type, .is_header = true, .codec = codec, .data = sent};
	assert_true(track_take(&t, &au));
	hex_free(sent);
	return t;
}

static void assert_bytes(const uint8_t *p, const char *hex)
{
	struct span want = hex_bytes(hex);
	if (memcmp(p, want.p, want.n) != 0)
		for (size_t i = 0; i < want.n; i++)
			if (p[i] != want.p[i])
				fail_msg("byte %zu is %02x, not %02x", i, p[i], want.p[i]);
	hex_free(want);
}

/* What the packets of a PID carry together. */
static struct buf payload_of(const struct buf *b, unsigned pid)
{
	struct buf out = {.max = 1 << 20};
	for (size_t at = 0; at < b->n; at += TS_PACKET) {
		const uint8_t *p = b->p + at;
		size_t head = p[3] & 0x20 ? 5u + p[4] : 4;
		if ((unsigned)((p[1] & 31) << 8 | p[2]) == pid && p[3] & 0x10)
			buf_put(&out, p + head, TS_PACKET - head);
	}
	return out;
}

static void tables_name_the_streams(void **state)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, AVCC);
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	struct ts_writer w = {0};
	struct buf b = {.max = 1 << 20};
	(void)state;
	ts_begin(&w, &v, &a);
	ts_write_tables(&w, &b);
	assert_int_equal(b.n, 2 * TS_PACKET);
	/* as another writer of the same program has it, checksums included */
	assert_bytes(b.p, "47 40 00 10 00 00 b0 0d 00 01 c1 00 00 00 01 f0 01 2e 70 19 05 ff");
	assert_bytes(b.p + TS_PACKET, "47 50 01 10 00 02 b0 17 00 01 c1 00 00 e1 00 f0 00 "
				      "1b e1 00 f0 00 0f e1 01 f0 00");
	buf_clear(&b);
	ts_begin(&w, NULL, &a);
	ts_write_tables(&w, &b);
	assert_bytes(b.p, "47 40 00 11");
	/* version 1, the clock is with the audio */
	assert_bytes(b.p + TS_PACKET,
		     "47 50 01 11 00 02 b0 12 00 01 c3 00 00 e1 01 f0 00 0f e1 01");
	ts_end(&w);
	buf_free(&b);
	track_free(&v);
	track_free(&a);
}

static void a_picture_is_a_packet_of_its_own(void **state)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, AVCC);
	struct span data = hex_bytes("00000002 09F0 00000003 658800 00000002 0CFF");
	struct au au = {.type = MSG_VIDEO, .is_key = true, .codec = v.codec, .data = data};
	struct ts_writer w = {0};
	struct buf b = {.max = 1 << 20};
	(void)state;
	ts_begin(&w, &v, NULL);
	assert_true(ts_write(&w, &b, &au, 1, 90000, 93600, false));
	assert_int_equal(b.n, TS_PACKET);
	/* random access, clock 90000 */
	assert_bytes(b.p, "47 41 00 30 8A 50 0000AFC87E00");
	struct buf pes = payload_of(&b, TS_PID_VIDEO);
	assert_bytes(pes.p, "000001E0 0027 84 C0 0A 31 0009 C771 11 0009 AB51 "
			    "00000001 09F0 00000001 6742C01E 00000001 68 00000001 658800");
	buf_free(&pes);
	ts_end(&w);
	buf_free(&b);
	hex_free(data);
	track_free(&v);
}

static void units_without_a_picture_are_left_out(void **state)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, AVCC);
	struct span data = hex_bytes("00000002 09F0 00000002 0601");
	struct au au = {.type = MSG_VIDEO, .codec = v.codec, .data = data};
	struct ts_writer w = {0};
	struct buf b = {.max = 1 << 20};
	(void)state;
	ts_begin(&w, &v, NULL);
	assert_false(ts_write(&w, &b, &au, 1, 0, 0, false));
	assert_int_equal(b.n, 0);
	ts_end(&w);
	hex_free(data);
	track_free(&v);
}

static void a_filled_stream_ends_where_its_counter_began(void **state)
{
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	static const uint8_t sizes[] = {1, 9, 100, 150, 151, 152, 170, 180, 255};
	(void)state;
	for (size_t size = 0; size < 40 * sizeof(sizes); size++) {
		size_t n = size < 400 && size % 40 == 0 ? sizes[size / 40] : size * 11 + 1;
		uint8_t *data = mem_zalloc(n);
		struct au au = {
			.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = {data, n}};
		struct ts_writer w = {.audio.counter = (uint8_t)(size % 16)};
		struct buf b = {.max = 1 << 20};
		ts_begin(&w, NULL, &a);
		assert_true(ts_write(&w, &b, &au, 1, 0, 0, true));
		assert_int_equal(w.audio.counter % 16, 0);
		struct buf pes = payload_of(&b, TS_PID_AUDIO);
		assert_int_equal(pes.n, 14 + 7 + n);
		buf_free(&pes);
		ts_end(&w);
		buf_free(&b);
		free(data);
	}
	track_free(&a);
}

static void the_clock_is_never_silent_for_long(void **state)
{
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	struct au au = {
		.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = span_str("abc")};
	struct ts_writer w = {0};
	struct buf b = {.max = 1 << 20};
	(void)state;
	ts_begin(&w, NULL, &a);
	assert_true(ts_write(&w, &b, &au, 1, 0, 0, false));
	assert_true(ts_write(&w, &b, &au, 1, 45000, 45000, false));
	assert_int_equal(b.n / TS_PACKET, 2 + 4);
	/* an adaptation field alone repeats the counter of the packet before */
	assert_bytes(b.p + TS_PACKET, "47 01 01 20 B7 10");
	assert_bytes(b.p + 5 * TS_PACKET, "47 41 01 31");
	ts_end(&w);
	buf_free(&b);
	track_free(&a);
}

static void other_sound_in_transport_streams(void **state)
{
	struct track t = track_of(MSG_AUDIO, CODEC_OPUS, "");
	static const uint8_t packet[300] = {0xFC};
	struct au au = {.type = MSG_AUDIO, .is_key = true, .codec = t.codec, .data = {packet, 300}};
	struct ts_writer w = {0};
	struct buf b = {.max = 1 << 20};
	(void)state;
	ts_begin(&w, NULL, &t);
	ts_write_tables(&w, &b);
	assert_bytes(b.p + TS_PACKET + 17, "06 e1 01 f0 0a 05 04 4f707573 7f 02 80 02");
	buf_clear(&b);
	assert_true(ts_write(&w, &b, &au, 1, 0, 0, false));
	struct buf pes = payload_of(&b, TS_PID_AUDIO);
	assert_bytes(pes.p, "000001BD 0138 84 80 05 21 0003 EC31 7FE0 FF 2D FC");
	buf_free(&pes);
	ts_end(&w);
	buf_free(&b);
	track_free(&t);
}

/* The content of the first box on this path ("moov/trak"); empty if there is none. */
static struct span box_at(struct span s, const char *path)
{
	struct cur c = cur_of(s.p, s.n);
	while (cur_left(&c) >= 8) {
		uint32_t size = cur_u32(&c);
		struct span type = cur_bytes(&c, 4), body = cur_bytes(&c, size - 8);
		if (!cur_ok(&c) || memcmp(type.p, path, 4) != 0)
			continue;
		return path[4] ? box_at(body, path + 5) : body;
	}
	return (struct span){0};
}

static void an_initialization_segment_has_the_records(void **state)
{
	static const struct {
		enum msg_type type;
		uint32_t codec;
		const char *header, *entry;
		size_t skip;
		const char *config;
	} codecs[] = {
		{MSG_VIDEO, CODEC_AVC, AVCC, "avc1", 78, "00000018 61766343" AVCC},
		{MSG_VIDEO, CODEC_AV1, "81040C00", "av01", 78, "0000000C 61763143 81040C00"},
		{MSG_VIDEO, CODEC_VP9, "001F820202020000", "vp09", 78,
		 "00000014 76706343 01000000 001F820202020000"},
		{MSG_AUDIO, CODEC_AAC, "1210", "mp4a", 28,
		 "00000033 65736473 00000000 03 80808022 000000 04 80808014 40 15 000000 00000000 "
		 "00000000 "
		 "05 80808002 1210 06 80808001 02"},
		{MSG_AUDIO, CODEC_OPUS, "", "Opus", 28,
		 "00000013 644F7073 00 02 0000 0000BB80 0000 00"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
		struct track t = track_of(codecs[i].type, codecs[i].codec, codecs[i].header);
		const struct track *tracks[] = {&t};
		struct buf b = {.max = 1 << 16};
		mp4_write_init(&b, tracks, 1);
		struct span stsd = box_at(buf_span(&b), "moov/trak/mdia/minf/stbl/stsd");
		assert_true(stsd.n > 16);
		assert_memory_equal(stsd.p + 12, codecs[i].entry, 4);
		assert_bytes(stsd.p + 16 + codecs[i].skip, codecs[i].config);
		assert_true(box_at(buf_span(&b), "moov/mvex/trex").n > 0);
		buf_free(&b);
		track_free(&t);
	}
}

static void fragments_have_their_samples(void **state)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, AVCC);
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	const struct track *tracks[] = {&v, &a};
	struct span picture = hex_bytes("00000002 09F0 00000003 658800");
	struct au au = {.type = MSG_VIDEO, .is_key = true, .codec = v.codec, .data = picture};
	struct mp4_fragment f = {0};
	struct buf b = {.max = 1 << 16};
	(void)state;
	mp4_fragment_init(&f, tracks, 2, 1 << 16);
	assert_true(mp4_fragment_is_empty(&f));
	assert_true(mp4_fragment_add(&f, 0, &au, 90000, -40, 3600));
	au = (struct au){
		.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = span_str("abc")};
	assert_true(mp4_fragment_add(&f, 1, &au, 44100, 0, 1024));
	assert_false(mp4_fragment_is_empty(&f));
	mp4_fragment_write(&f, &b, 7);
	assert_true(mp4_fragment_is_empty(&f));
	assert_bytes(box_at(buf_span(&b), "moof/mfhd").p, "00000000 00000007");
	assert_bytes(box_at(buf_span(&b), "moof/traf/tfdt").p, "01000000 0000000000015F90");
	struct span trun = box_at(buf_span(&b), "moof/traf/trun"),
		    moof = box_at(buf_span(&b), "moof");
	assert_bytes(trun.p, "01000F01 00000001");
	assert_int_equal(trun.p[11], moof.n + 8 + 8); /* where the data of the first track begins */
	assert_bytes(trun.p + 12, "00000E10 00000007 02000000 FFFFFFD8");
	assert_bytes(box_at(buf_span(&b), "mdat").p, "00000003 658800 616263");
	mp4_fragment_fini(&f);
	buf_free(&b);
	hex_free(picture);
	track_free(&v);
	track_free(&a);
}

static void pieces_of_a_fragment_are_the_whole(void **state)
{
	struct track v = track_of(MSG_VIDEO, CODEC_AVC, AVCC);
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	const struct track *tracks[] = {&v, &a};
	struct span picture = hex_bytes("00000003 658800 00000002 6512");
	struct au units[] = {
		{.type = MSG_VIDEO, .is_key = true, .codec = v.codec, .data = picture},
		{.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = span_str("abc")}};
	struct buf whole = {.max = 1 << 16};
	(void)state;
	for (size_t n = 0; n < 20; n++) { /* bytes of a piece; 0: the whole */
		struct mp4_fragment f = {0};
		struct buf b = {.max = 1 << 16};
		size_t pieces = 1;
		mp4_fragment_init(&f, tracks, 2, 1 << 16);
		for (size_t i = 0; i < 4; i++)
			assert_true(mp4_fragment_add(&f, i % 2, &units[i % 2], 100, 0, 50));
		if (n == 0) {
			mp4_fragment_write(&f, &whole, 7);
		} else {
			mp4_fragment_begin(&f, &b, 7);
			while (mp4_fragment_next(&f, &b, n))
				pieces++;
			assert_int_equal(pieces, (2 * picture.n + 6 + n - 1) / n);
			assert_int_equal(b.n, whole.n);
			assert_memory_equal(b.p, whole.p, whole.n);
		}
		assert_true(mp4_fragment_is_empty(&f));
		mp4_fragment_fini(&f);
		buf_free(&b);
	}
	buf_free(&whole);
	hex_free(picture);
	track_free(&v);
	track_free(&a);
}

static void a_fragment_has_a_limit(void **state)
{
	struct track a = track_of(MSG_AUDIO, CODEC_AAC, "1210");
	const struct track *tracks[] = {&a};
	struct au au = {
		.type = MSG_AUDIO, .is_key = true, .codec = a.codec, .data = span_str("abc")};
	struct mp4_fragment f = {0};
	(void)state;
	mp4_fragment_init(&f, tracks, 1, 4);
	assert_true(mp4_fragment_add(&f, 0, &au, 0, 0, 1024));
	assert_false(mp4_fragment_add(&f, 0, &au, 0, 0, 1024));
	assert_int_equal(f.runs[0].count, 1);
	assert_int_equal(f.runs[0].data.n, 3);
	mp4_fragment_fini(&f);
	track_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_name_the_streams),
		cmocka_unit_test(a_picture_is_a_packet_of_its_own),
		cmocka_unit_test(units_without_a_picture_are_left_out),
		cmocka_unit_test(a_filled_stream_ends_where_its_counter_began),
		cmocka_unit_test(the_clock_is_never_silent_for_long),
		cmocka_unit_test(other_sound_in_transport_streams),
		cmocka_unit_test(an_initialization_segment_has_the_records),
		cmocka_unit_test(fragments_have_their_samples),
		cmocka_unit_test(pieces_of_a_fragment_are_the_whole),
		cmocka_unit_test(a_fragment_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
