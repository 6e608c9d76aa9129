/* RTP payloads: of pictures by the vectors of the formats, and back again whatever the sizes. */
#include "base/mem.h"
#include "codec/nal.h"
#include "codec/pack.h"
#include "codec/param_record.h"
#include "codec/unpack.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>

#define AVC CODEC_AVC
#define HEVC CODEC_HEVC
#define AV1 CODEC_AV1
#define VP9 CODEC_VP9

struct vector {
	const char *name;
	uint32_t codec;
	bool is_key;
	const char *record, *unit;
	const char *payloads[4]; /* none: it has none */
};

static const char avcc[] = "0142E01F FF E1 0004 6742E01F 01 0002 68CE";

static const struct vector vectors[] = {
	{"a key frame is behind its parameter sets",
	 AVC,
	 true,
	 avcc,
	 "00000003 65AABB",
	 {"78 0004 6742E01F 0002 68CE 0003 65AABB"}},
	{"which it may bring itself",
	 AVC,
	 true,
	 avcc,
	 "00000004 6742E01E 00000002 68CF 00000003 65AABB",
	 {"78 0004 6742E01E 0002 68CF 0003 65AABB"}},
	{"another picture alone", AVC, false, avcc, "00000003 41AABB", {"41AABB"}},
	{"delimiters, filler and SEI are left out",
	 AVC,
	 false,
	 avcc,
	 "00000002 09F0 00000003 060102 00000003 41AABB 00000002 0CFF",
	 {"41AABB"}},
	{"fragments of one size",
	 AVC,
	 false,
	 avcc,
	 "00000029 41 "
	 "01020304050607080910111213141516171819202122232425262728293031323334353637383940",
	 {"5C81 0102030405060708091011121314", "5C01 1516171819202122232425262728",
	  "5C41 293031323334353637383940"}},
	{"Annex B whatever the header says",
	 AVC,
	 false,
	 avcc,
	 "00000001 41AABB 000001 41CC",
	 {"58 0003 41AABB 0002 41CC"}},
	{"no picture", AVC, true, avcc, "00000002 09F0", {NULL}},
	{"H.265 in one piece", HEVC, false, "", "00000004 0201AABB", {"0201AABB"}},
	{"two of H.265",
	 HEVC,
	 false,
	 "",
	 "00000004 0201AABB 00000003 0202CC",
	 {"6001 0004 0201AABB 0003 0202CC"}},
	{"H.265 in fragments",
	 HEVC,
	 false,
	 "",
	 "00000016 2801 0102030405060708091011121314151617181920",
	 {"6201 94 01020304050607080910", "6201 54 11121314151617181920"}},
	{"AV1 with a new sequence",
	 AV1,
	 true,
	 "",
	 "1200 0A02 0001 3203 AABBCC",
	 {"28 03 080001 30AABBCC"}},
	{"the sequence from the record",
	 AV1,
	 true,
	 "81000C00 0A02 0001",
	 "3203 AABBCC",
	 {"28 03 080001 30AABBCC"}},
	{"AV1 in pieces",
	 AV1,
	 false,
	 "",
	 "3214 0102030405060708091011121314151617181920",
	 {"50 30 010203040506070809101112", "90 1314151617181920"}},
	{"a key frame of VP9", VP9, true, "", "8249834200AABB", {"0C 8249834200AABB"}},
	{"VP9 in pieces of one size",
	 VP9,
	 false,
	 "",
	 "8601020304050607080910111213141516171819",
	 {"48 86010203040506070809", "44 10111213141516171819"}},
	{"nothing of VP9", VP9, true, "", "", {NULL}},
};

static struct au au_of(const struct vector *v, struct span unit)
{
	return (struct au){.type = MSG_VIDEO, .codec = v->codec, .is_key = v->is_key, .data = unit};
}

static void pictures_become_payloads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct span record = hex_bytes(v->record), unit = hex_bytes(v->unit);
		struct au au = au_of(v, unit);
		struct payloads out = {0};
		print_message("%s\n", v->name);
		bool small = v->payloads[1];
		bool ok = pack_video(&out, &au,
				     &(struct pack_opts){.max = v->codec == AV1 ? small ? 16 : 100
								: v->codec == HEVC && small ? 14
								: small                     ? 16
											    : 100,
							 .form = 4,
							 .record = record});
		assert_int_equal(ok, v->payloads[0] != NULL);
		for (int n = 0; ok && n < 4 && v->payloads[n]; n++) {
			struct span want = hex_bytes(v->payloads[n]);
			assert_true(n < out.count);
			assert_int_equal(out.v[n].n, want.n);
			assert_memory_equal(payload_span(&out, n).p, want.p, want.n);
			hex_free(want);
		}
		payloads_free(&out);
		hex_free(record);
		hex_free(unit);
	}
}

/* NAL units, or OBUs, of these sizes. */
static void make_unit(struct buf *b, uint32_t codec, const size_t *sizes, int count)
{
	for (int i = 0; i < count; i++) {
		if (codec == VP9) {
			buf_u8(b, 0x86);
		} else if (codec == AV1) {
			buf_u8(b, i == 0 ? 0x0A : 0x32);
			size_t n = sizes[i];
			for (; n >= 128; n >>= 7)
				buf_u8(b, (uint8_t)(n | 128));
			buf_u8(b, (uint8_t)n);
		} else {
			size_t header = codec == AVC ? 1 : 2;
			buf_u32(b, (uint32_t)(sizes[i] + header));
			buf_u8(b, codec == AVC ? 0x41 : 0x02);
			if (header == 2)
				buf_u8(b, 1);
		}
		for (size_t k = 0; k < sizes[i]; k++)
			buf_u8(b, (uint8_t)(k * 7 + (size_t)i + 1));
	}
}

static void what_was_packed_unpacks(void **state)
{
	(void)state;
	static const uint32_t codecs[] = {AVC, HEVC, AV1, VP9};
	static const size_t sizes[][4] = {{1},
					  {5, 6},
					  {1160},
					  {1161, 1},
					  {2400, 3, 900, 901},
					  {1158, 1157, 1159, 1156},
					  {100000, 7, 127, 128}};
	for (int c = 0; c < 4; c++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct buf unit = {.max = 1 << 20};
			struct payloads out = {0};
			struct unpack u = {0};
			struct span back;
			int count = 1;
			while (count < 4 && sizes[i][count])
				count++;
			make_unit(&unit, codecs[c], sizes[i], count);
			struct au au = {.codec = codecs[c], .data = buf_span(&unit)};
			assert_true(
				pack_video(&out, &au, &(struct pack_opts){.max = 1160, .form = 4}));
			unpack_begin(&u, codecs[c]);
			for (int n = 0; n < out.count; n++) {
				assert_true(out.v[n].n <= 1160);
				assert_int_equal(unpack_is_first(codecs[c], payload_span(&out, 0)),
						 1);
				unpack_take(&u, payload_span(&out, n));
			}
			assert_true(unpack_end(&u, &back));
			assert_int_equal(back.n, unit.n);
			assert_memory_equal(back.p, unit.p, unit.n);
			/* without its last payload it is not whole, or another one */
			if (out.count > 1) {
				unpack_begin(&u, codecs[c]);
				for (int n = 0; n < out.count - 1; n++)
					unpack_take(&u, payload_span(&out, n));
				assert_true(!unpack_end(&u, &back) || back.n < unit.n);
				unpack_begin(&u, codecs[c]);
				for (int n = 1; n < out.count; n++)
					unpack_take(&u, payload_span(&out, n));
				assert_true(!unpack_end(&u, &back) || back.n < unit.n);
			}
			unpack_free(&u);
			payloads_free(&out);
			buf_free(&unit);
		}
	}
}

static void nonsense_is_no_picture(void **state)
{
	(void)state;
	static const struct {
		uint32_t codec;
		const char *payload;
	} bad[] = {
		{AVC, "7C"},         {AVC, "7C 05 AA"},    {AVC, "7C 85 AA"},
		{AVC, "78 0009 41"}, {AVC, "79 00"},       {AVC, "00"},
		{HEVC, "62"},        {HEVC, "6201 13 AA"}, {HEVC, "6001 0009 02"},
		{AV1, "90 AA"},      {AV1, "50 30"},       {AV1, "00 FFFFFFFFFFFF"},
		{VP9, "04 AA"},      {VP9, "08 AA"},       {VP9, "8C"},
		{VP9, "2C 00"},      {VP9, "5C 01"},       {VP9, "0E F0 0001"},
		{0, "41"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct span payload = hex_bytes(bad[i].payload), unit;
		struct unpack u = {0};
		unpack_begin(&u, bad[i].codec);
		unpack_take(&u, payload);
		assert_false(unpack_end(&u, &unit));
		unpack_free(&u);
		hex_free(payload);
	}
}

/* Numbers, layers, references and the structure of a picture in front of it (RFC 9628, 4.2). */
static void what_stands_in_front_of_vp9_is_left_out(void **state)
{
	(void)state;
	static const char *const payloads[] = {
		"0C AABB",                             /* nothing */
		"8C 05 AABB",                          /* a number of 7 bits */
		"8C 8005 AABB",                        /* of 15 bits */
		"AC 05 21 07 AABB",                    /* a layer, and the number of its base */
		"FC 05 21 03 05 02 AABB",              /* flexible: three references */
		"0E 30 0140 00B4 0280 0168 AABB",      /* two sizes */
		"0E 08 02 04 01 08 01 02 AABB",        /* the references of two pictures */
		"AE 05 21 07 18 0140 00B4 01 00 AABB", /* all of it */
	};
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct span payload = hex_bytes(payloads[i]), unit;
		struct unpack u = {0};
		unpack_begin(&u, VP9);
		unpack_take(&u, payload);
		if (!unpack_end(&u, &unit) || unit.n != 2 || unit.p[0] != 0xAA || unit.p[1] != 0xBB)
			fail_msg("%s: %zu bytes", payloads[i], unit.n);
		unpack_free(&u);
		hex_free(payload);
	}
}

static void layers_of_vp9_are_one_superframe(void **state)
{
	(void)state;
	static const char *const payloads[] = {"28 0000 820102", "24 0000 03", "2C 0200 8607"};
	struct span want = hex_bytes("82010203 8607 D9 04000000 02000000 D9"), unit;
	struct unpack u = {0};
	unpack_begin(&u, VP9);
	for (int i = 0; i < 3; i++) {
		struct span payload = hex_bytes(payloads[i]);
		unpack_take(&u, payload);
		hex_free(payload);
	}
	assert_true(unpack_end(&u, &unit));
	assert_int_equal(unit.n, want.n);
	assert_memory_equal(unit.p, want.p, want.n);
	hex_free(want);
	unpack_begin(&u, VP9);
	for (int i = 0; i < 9; i++)
		unpack_take(&u, span_of("\x0c\x82", 2));
	assert_false(unpack_end(&u, &unit));
	unpack_free(&u);
}

static void records_are_made_of_parameter_sets(void **state)
{
	(void)state;
	struct span unit =
		hex_bytes("00000004 6742E01F 00000002 68CE 00000003 68CF01 00000002 6588");
	struct buf record = {.max = 1000}, plain = {.max = 1000};
	struct span want = hex_bytes("0142E01F FF E1 0004 6742E01F 02 0002 68CE 0003 68CF01");
	assert_true(param_record_write(&record, AVC, unit));
	assert_int_equal(record.n, want.n);
	assert_memory_equal(record.p, want.p, want.n);
	unit_write_plain(&plain, AVC, unit);
	assert_int_equal(plain.n, 6);
	struct unit_facts facts = unit_facts(AVC, unit);
	assert_true(facts.is_key && facts.has_picture);
	buf_clear(&record);
	assert_false(param_record_write(&record, AVC, span_of(unit.p, 8)));
	assert_false(param_record_write(&record, HEVC, unit));
	facts = unit_facts(AVC, span_of(unit.p, 8));
	assert_false(facts.is_key || facts.has_picture);
	hex_free(want);
	hex_free(unit);
	buf_free(&record);
	buf_free(&plain);
}

/* The sets and the record of x265, as ffmpeg writes it. */
static void records_of_other_codecs_too(void **state)
{
	(void)state;
	struct span unit = hex_bytes(
		"00000017 40010c01ffff0408000003009e0800000300003c959809"
		"0000002c "
		"4201010408000003009e0800000300003c90014101e2cb2b349265780b702020004000000300"
		"400000030142"
		"00000008 4401c172860c4624 00000004 2601AABB");
	struct span want =
		hex_bytes("0104080000009e08000000003cf000fcfff8f800000f03a00001 0017 4001");
	struct buf record = {.max = 1000};
	assert_true(unit_facts(HEVC, unit).is_key);
	assert_true(param_record_write(&record, HEVC, unit));
	assert_memory_equal(record.p, want.p, want.n);
	hex_free(want);
	hex_free(unit);
	buf_clear(&record);
	unit = hex_bytes("0A0B 00000024CFFFFFBC084032 3202 1000");
	assert_true(unit_facts(AV1, unit).is_key && unit_facts(AV1, unit).has_picture);
	assert_true(param_record_write(&record, AV1, unit));
	assert_int_equal(record.p[0], 0x81);
	assert_int_equal(record.n, 4 + 13);
	hex_free(unit);
	buf_clear(&record);
	unit = hex_bytes("824983420027F0167000");
	want = hex_bytes("00 15 82 020202 0000");
	assert_true(unit_facts(VP9, unit).is_key && unit_facts(VP9, unit).has_picture);
	assert_true(param_record_write(&record, VP9, unit));
	assert_int_equal(record.n, want.n);
	assert_memory_equal(record.p, want.p, want.n);
	hex_free(unit);
	hex_free(want);
	unit = hex_bytes("86 00 40 92");
	assert_false(unit_facts(VP9, unit).is_key || param_record_write(&record, VP9, unit));
	assert_false(unit_facts(VP9, (struct span){0}).has_picture);
	buf_free(&record);
	hex_free(unit);
}

static void only_what_nobody_needs_is_droppable(void **state)
{
	(void)state;
	static const struct {
		uint32_t codec;
		const char *unit;
		bool droppable;
	} rows[] = {
		{AVC, "00000002 0188", true},
		{AVC, "00000002 4188", false},
		{AVC, "00000002 0188 00000002 4188", false},
		{AVC, "00000002 6588", false},
		{AVC, "00000002 0688", false},
		{HEVC, "00000003 000188", true},
		{HEVC, "00000003 020188", false},
		{HEVC, "00000003 260188", false},
		{AV1, "3200", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span unit = hex_bytes(rows[i].unit);
		struct au au = {.codec = rows[i].codec, .data = unit};
		assert_int_equal(pack_is_droppable(&au, 4), rows[i].droppable);
		hex_free(unit);
	}
}

/* Whatever its size is beside the parameter sets: those may go out as one payload before it. */
static void a_key_frame_of_any_size_is_a_picture(void **state)
{
	struct span record = hex_bytes(avcc);
	(void)state;
	for (size_t n = 1100; n < 1180; n++) {
		struct buf unit = {.max = 1 << 12};
		struct payloads out = {0};
		buf_u32(&unit, (uint32_t)n);
		buf_u8(&unit, 0x65);
		for (size_t k = 1; k < n; k++)
			buf_u8(&unit, (uint8_t)k);
		struct au au = {.codec = AVC, .is_key = true, .data = buf_span(&unit)};
		if (!pack_video(&out, &au,
				&(struct pack_opts){.max = 1160, .form = 4, .record = record}))
			fail_msg("a key frame of %zu bytes is dropped", n);
		payloads_free(&out);
		buf_free(&unit);
	}
	hex_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_become_payloads),
		cmocka_unit_test(what_was_packed_unpacks),
		cmocka_unit_test(a_key_frame_of_any_size_is_a_picture),
		cmocka_unit_test(nonsense_is_no_picture),
		cmocka_unit_test(what_stands_in_front_of_vp9_is_left_out),
		cmocka_unit_test(layers_of_vp9_are_one_superframe),
		cmocka_unit_test(records_are_made_of_parameter_sets),
		cmocka_unit_test(records_of_other_codecs_too),
		cmocka_unit_test(only_what_nobody_needs_is_droppable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
