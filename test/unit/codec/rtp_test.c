/* RTP: headers, extensions of both forms, padding, numbers that go round. */
#include "codec/rtp.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdio.h>

struct vector {
	const char *name, *bytes;
	bool ok;
	size_t header, payload;
	int ext; /* the first byte of extension 3; -1: there is none */
};

static const struct vector vectors[] = {
	{"plain", "80E01234 DECAFBAD CAFEBABE AABB", true, 12, 2, -1},
	{"contributors", "82601234 DECAFBAD CAFEBABE 00000001 00000002 AA", true, 20, 1, -1},
	{"a one-byte extension", "90601234 DECAFBAD CAFEBABE BEDE0001 315500 00 AA", true, 20, 1,
	 0x55},
	{"behind padding", "90601234 DECAFBAD CAFEBABE BEDE0002 00103100 32AABBCC AA", true, 24, 1,
	 0xAA},
	{"another id", "90601234 DECAFBAD CAFEBABE BEDE0001 40550000", true, 20, 0, -1},
	{"two-byte form", "90601234 DECAFBAD CAFEBABE 10000001 0301 77 00", true, 20, 0, 0x77},
	{"id 15 ends them", "90601234 DECAFBAD CAFEBABE BEDE0001 F0 30 55 00", true, 20, 0, -1},
	{"an element too long", "90601234 DECAFBAD CAFEBABE BEDE0001 3F550000", true, 20, 0, -1},
	{"another profile", "90601234 DECAFBAD CAFEBABE 12340001 30550000", true, 20, 0, -1},
	{"padding", "A0601234 DECAFBAD CAFEBABE AA 000003", true, 12, 1, -1},
	{"nothing but padding", "A0601234 DECAFBAD CAFEBABE 000003", true, 12, 0, -1},
	{"padding of nothing", "A0601234 DECAFBAD CAFEBABE", false, 12, 0, -1},
	{"padding too long", "A0601234 DECAFBAD CAFEBABE AA09", false, 12, 0, -1},
	{"padding of zero", "A0601234 DECAFBAD CAFEBABE AA00", false, 12, 0, -1},
	{"cut short", "80601234 DECAFBAD CAFEBA", false, 0, 0, -1},
	{"contributors cut short", "81601234 DECAFBAD CAFEBABE 0000", false, 0, 0, -1},
	{"extensions cut short", "90601234 DECAFBAD CAFEBABE BEDE0002 00000000", false, 0, 0, -1},
	{"another version", "40601234 DECAFBAD CAFEBABE", false, 0, 0, -1},
	{"nothing", "", false, 0, 0, -1},
};

static void packets_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct span bytes = hex_bytes(v->bytes), value;
		struct rtp rtp;
		print_message("%s\n", v->name);
		assert_int_equal(rtp_header_size(bytes), v->header);
		assert_int_equal(rtp_read(&rtp, bytes), v->ok);
		if (v->ok) {
			assert_int_equal(rtp.seq, 0x1234);
			assert_int_equal(rtp.ts, 0xDECAFBAD);
			assert_int_equal(rtp.ssrc, 0xCAFEBABE);
			assert_int_equal(rtp.pt, 0x60);
			assert_int_equal(rtp.payload.n, v->payload);
			assert_int_equal(rtp_ext(&rtp, 3, &value) ? value.p[0] : -1, v->ext);
		}
		hex_free(bytes);
	}
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	const struct rtp in = {.pt = 111, .marker = true, .seq = 7, .ts = 9, .ssrc = 11};
	const struct rtp_ext exts[] = {{4, 2, (const uint8_t *)"ab"},
				       {5, 3, (const uint8_t *)"xyz"}};
	for (int count = 0; count <= 2; count++) {
		uint8_t out[RTP_HEADER_MAX];
		struct rtp rtp;
		struct span value;
		size_t n = rtp_write(&in, exts, count, out);
		assert_int_equal(n % 4, 0);
		assert_true(rtp_read(&rtp, span_of(out, n)));
		assert_int_equal(rtp.payload.n, 0);
		assert_true(rtp.marker && rtp.pt == 111 && rtp.seq == 7 && rtp.ts == 9);
		assert_int_equal(rtp_ext(&rtp, 4, &value), count > 0);
		assert_int_equal(rtp_ext(&rtp, 5, &value), count > 1);
		if (count > 1)
			assert_true(span_is(value, "xyz"));
	}
}

static void numbers_go_round(void **state)
{
	(void)state;
	assert_int_equal(rtp_extend(0, 5, 16), 5);
	assert_int_equal(rtp_extend(0, 0xFFFF, 16), 0xFFFF);
	assert_int_equal(rtp_extend(0xFFFF, 0, 16), 0x10000);
	assert_int_equal(rtp_extend(0x10000, 0xFFFF, 16), 0xFFFF);
	assert_int_equal(rtp_extend(0x3FFF0, 0x10, 16), 0x40010);
	assert_int_equal(rtp_extend(INT64_C(0xFFFFFFF0), 0x10, 32), INT64_C(0x100000010));
}

static void control_packets_are_told_by_their_type(void **state)
{
	(void)state;
	assert_true(rtp_is_control(span_of("\x80\xC8", 2)));
	assert_false(rtp_is_control(span_of("\x80\xE0", 2)));
	assert_false(rtp_is_control(span_of("\x80", 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_read),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(numbers_go_round),
		cmocka_unit_test(control_packets_are_told_by_their_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
