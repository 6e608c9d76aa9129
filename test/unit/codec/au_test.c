/* Access units: from each form of message and back, NAL units and parameter sets. */
#include "base/mem.h"
#include "codec/au.h"
#include "codec/nal.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>

struct unit {
	int track;
	const char *codec;
	const char *flags; /* of "khc": key, header, coded */
	int cts;
	const char *data;
};

struct vector {
	const char *name;
	enum msg_type type;
	const char *bytes;
	struct unit units[3];
};

static const struct vector vectors[] = {
	{"AVC header", MSG_VIDEO, "17 00 000000 0142C01E", {{0, "avc1", "h", 0, "0142C01E"}}},
	{"AVC key", MSG_VIDEO, "17 01 000042 0000000165", {{0, "avc1", "kc", 66, "0000000165"}}},
	{"AVC, shown before it is decoded",
	 MSG_VIDEO,
	 "27 01 FFFFD8 0000000141",
	 {{0, "avc1", "c", -40, "0000000141"}}},
	{"HEVC by its number",
	 MSG_VIDEO,
	 "1C 01 000050 0000000126",
	 {{0, "hvc1", "kc", 80, "0000000126"}}},
	{"hvc1 coded", MSG_VIDEO, "A1 68766331 000028 02", {{0, "hvc1", "c", 40, "02"}}},
	{"hvc1 without composition time", MSG_VIDEO, "A3 68766331 02", {{0, "hvc1", "c", 0, "02"}}},
	{"av01 key", MSG_VIDEO, "91 61763031 0A0B", {{0, "av01", "kc", 0, "0A0B"}}},
	{"vp09 header", MSG_VIDEO, "90 76703039 01", {{0, "vp09", "h", 0, "01"}}},
	{"ModEx in front",
	 MSG_VIDEO,
	 "97 02 00000A 01 68766331 000001 26",
	 {{0, "hvc1", "kc", 1, "26"}}},
	{"two tracks of one codec",
	 MSG_VIDEO,
	 "96 11 61766331 00 000004 00000A AA 01 000005 000014 BBCC",
	 {{0, "avc1", "kc", 10, "AA"}, {1, "avc1", "kc", 20, "BBCC"}}},
	{"two tracks of two codecs",
	 MSG_VIDEO,
	 "A6 21 61766331 00 000004 00000A AA 61763031 01 000002 BBCC",
	 {{0, "avc1", "c", 10, "AA"}, {1, "av01", "c", 0, "BBCC"}}},
	{"the second track is cut short",
	 MSG_VIDEO,
	 "96 11 61766331 00 000004 00000A AA 01 000009 000014 BB",
	 {{0, "avc1", "kc", 10, "AA"}}},
	{"end of sequence", MSG_VIDEO, "17 02 000000", {{0}}},
	{"a command", MSG_VIDEO, "57 00", {{0}}},
	{"colour info", MSG_VIDEO, "94 61766331 02", {{0}}},
	{"nothing", MSG_VIDEO, "", {{0}}},
	{"AAC header", MSG_AUDIO, "AF 00 1210", {{0, "mp4a", "h", 0, "1210"}}},
	{"AAC", MSG_AUDIO, "AF 01 2110", {{0, "mp4a", "kc", 0, "2110"}}},
	{"MP3", MSG_AUDIO, "2F FFFB90", {{0, ".mp3", "kc", 0, "FFFB90"}}},
	{"Opus header", MSG_AUDIO, "90 4F707573 4F70", {{0, "Opus", "h", 0, "4F70"}}},
	{"Opus of another track", MSG_AUDIO, "95 01 4F707573 02 FC", {{2, "Opus", "kc", 0, "FC"}}},
	{"FLAC", MSG_AUDIO, "91 664C6143 FFF8", {{0, "fLaC", "kc", 0, "FFF8"}}},
	{"silence", MSG_AUDIO, "", {{0}}},
	{"data", MSG_DATA, "AF 01 2110", {{0}}},
};

static struct msg *message(enum msg_type type, struct span body)
{
	struct msg *m = msg_new(type, 1000, body.n);
	if (body.n)
		memcpy(m->payload, body.p, body.n);
	return m;
}

static void assert_unit(const struct vector *v, const struct unit *want, const struct au *au)
{
	struct span data = hex_bytes(want->data);
	bool is_key = strchr(want->flags, 'k'), is_header = strchr(want->flags, 'h');
	if (au->type != v->type || au->track != want->track || au->is_key != is_key ||
	    au->is_header != is_header || au->dts != 1000 || au->pts != 1000 + want->cts ||
	    au->codec !=
		    (uint32_t)cur_u32(&(struct cur){.p = (const uint8_t *)want->codec, .n = 4}) ||
	    au->data.n != data.n || memcmp(au->data.p, data.p, data.n) != 0)
		fail_msg("%s: track %d, cts %d", v->name, au->track, (int)(au->pts - au->dts));
	hex_free(data);
}

static void each_message_gives_its_access_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct vector *v = &vectors[i];
		struct span body = hex_bytes(v->bytes);
		struct msg *m = message(v->type, body);
		struct au_walk w;
		struct au au;
		const struct unit *want = v->units;
		for (au_begin(&w, m); au_next(&w, &au); want++) {
			if (!want->codec)
				fail_msg("%s: one too many", v->name);
			assert_unit(v, want, &au);
		}
		if (want->codec)
			fail_msg("%s: one is missing", v->name);
		msg_unref(&m);
		hex_free(body);
	}
}

static void what_is_written_is_read_again(void **state)
{
	static const struct au units[] = {
		{.type = MSG_VIDEO, .is_header = true, .codec = CODEC_AVC},
		{.type = MSG_VIDEO, .is_key = true, .codec = CODEC_AVC, .pts = 40},
		{.type = MSG_VIDEO, .codec = CODEC_AVC, .pts = -40, .track = 1},
		{.type = MSG_VIDEO, .is_key = true, .codec = CODEC_HEVC, .pts = 80},
		{.type = MSG_VIDEO, .codec = CODEC_AV1},
		{.type = MSG_AUDIO, .is_header = true, .codec = CODEC_AAC},
		{.type = MSG_AUDIO, .is_key = true, .codec = CODEC_AAC, .track = 3},
		{.type = MSG_AUDIO, .is_key = true, .codec = CODEC_MP3},
		{.type = MSG_AUDIO, .is_key = true, .codec = CODEC_OPUS},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct buf b = {.max = 100};
		struct au au = units[i], got;
		struct au_walk w;
		au.data = span_str("coded");
		au_write(&b, &au);
		struct msg *m = message(au.type, buf_span(&b));
		m->ts = 0;
		au_begin(&w, m);
		assert_true(au_next(&w, &got));
		assert_int_equal(got.track, au.track);
		assert_int_equal(got.codec, au.codec);
		assert_int_equal(got.pts, au.pts);
		assert_int_equal(got.is_key, au.is_key);
		assert_int_equal(got.is_header, au.is_header);
		assert_true(span_is(got.data, "coded"));
		assert_false(au_next(&w, &got));
		msg_unref(&m);
		buf_free(&b);
	}
}

static const struct {
	const char *name, *bytes;
	unsigned says, form;
	const char *units; /* as lengths of four bytes */
} nals[] = {
	{"lengths of four", "00000002 6501 00000001 41", 4, 4, "00000002 6501 00000001 41"},
	{"lengths of two", "0002 6501 0001 41", 2, 2, "00000002 6501 00000001 41"},
	{"lengths of one", "02 6501 01 41", 1, 1, "00000002 6501 00000001 41"},
	{"start codes whatever the header says", "00000001 6501 000001 41", 4, 0,
	 "00000002 6501 00000001 41"},
	{"zeros behind a unit", "000001 6501 0000 00000001 41 00", 4, 0,
	 "00000002 6501 00000001 41"},
	{"emulation prevention stays", "00000001 65000003 000001 41", 0, 0,
	 "00000004 65000003 00000001 41"},
	{"a unit of one byte and a prefix that looks like a start code", "00000001 65", 4, 4,
	 "00000001 65"},
	{"an empty unit", "00000000 00000001 41", 4, 4, "00000000 00000001 41"},
	{"cut short", "00000002 4101 00000009 65", 4, 4, "00000002 4101"},
	{"nothing", "", 4, 4, ""},
};

static void units_are_found_in_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(nals) / sizeof(*nals); i++) {
		struct span data = hex_bytes(nals[i].bytes), want = hex_bytes(nals[i].units);
		struct buf b = {.max = 100};
		unsigned form = nal_form(data, nals[i].says);
		nal_write_lengths(&b, data, form);
		if (form != nals[i].form || b.n != want.n || (b.n && memcmp(b.p, want.p, b.n) != 0))
			fail_msg("%s: form %u, %zu bytes", nals[i].name, form, b.n);
		buf_free(&b);
		hex_free(data);
		hex_free(want);
	}
}

static const struct {
	const char *name;
	uint32_t codec;
	const char *record;
	unsigned form;
	const char *types; /* first bytes of the sets */
} records[] = {
	{"avcC", CODEC_AVC, "01 42C01E FF E1 0002 6742 01 0001 68", 4, "6768"},
	{"avcC with two PPS", CODEC_AVC, "01 42C01E FD E1 0002 6742 02 0001 68 0002 6801", 2,
	 "676868"},
	{"avcC without PPS", CODEC_AVC, "01 42C01E FF E1 0002 6742 00", 4, "67"},
	{"avcC without SPS", CODEC_AVC, "01 42C01E FF E0 01 0001 68", 4, "68"},
	{"avcC cut short", CODEC_AVC, "01 42C01E FF E1 0009 6742", 4, ""},
	{"hvcC", CODEC_HEVC,
	 "01 01 60000000 900000000000 5D F000 FC FD F8 F8 0000 0F 03 "
	 "A0 0001 0001 40 A1 0001 0002 4201 A2 0002 0001 44 0001 44",
	 4, "40424444"},
	{"start codes as a header", CODEC_AVC, "00000001 6742 00000001 68", 0, "6768"},
	{"another codec", CODEC_AV1, "81 00 0C 00 00 00", 1, ""},
	{"nothing", CODEC_AVC, "", 0, ""},
};

static void parameter_sets_stand_in_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		struct span record = hex_bytes(records[i].record),
			    want = hex_bytes(records[i].types);
		struct param_walk w;
		struct span nal;
		size_t n = 0;
		for (param_begin(&w, records[i].codec, record); param_next(&w, &nal); n++)
			if (n >= want.n || nal.p[0] != want.p[n])
				fail_msg("%s: set %zu is %02x", records[i].name, n, nal.p[0]);
		if (n != want.n || param_form(records[i].codec, record) != records[i].form)
			fail_msg("%s: %zu sets, form %u", records[i].name, n,
				 param_form(records[i].codec, record));
		hex_free(record);
		hex_free(want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_gives_its_access_units),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(units_are_found_in_every_form),
		cmocka_unit_test(parameter_sets_stand_in_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
