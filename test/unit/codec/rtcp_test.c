/* RTCP: the bytes of each kind of packet, both ways, and compounds that are not whole. */
#include "codec/rtcp.h"
#include "support/hex.h"
#include "support/unit.h"

static void assert_bytes(struct buf *b, const char *hex)
{
	struct span want = hex_bytes(hex);
	assert_true(buf_ok(b));
	assert_int_equal(b->n, want.n);
	assert_memory_equal(b->p, want.p, want.n);
	hex_free(want);
	buf_clear(b);
}

static void packets_are_written(void **state)
{
	(void)state;
	struct buf b = {.max = RTCP_MAX};
	const uint32_t media = 0xCAFEBABE;
	rtcp_put_pli(&b, 1, media);
	assert_bytes(&b, "81ce0002 00000001 cafebabe");
	rtcp_put_nack(&b, 1, media, (const uint16_t[]){1000, 1001, 1003}, 3);
	assert_bytes(&b, "81cd0003 00000001 cafebabe 03e80005");
	rtcp_put_nack(&b, 1, media, (const uint16_t[]){0xFFFF, 15, 16}, 3);
	assert_bytes(&b, "81cd0004 00000001 cafebabe ffff8000 00100000");
	rtcp_put_remb(&b, 1, 1000000, &media, 1);
	assert_bytes(&b, "8fce0005 00000001 00000000 52454d42 010bd090 cafebabe");
	rtcp_put_fir(&b, 1, media, 1);
	assert_bytes(&b, "84ce0004 00000001 00000000 cafebabe 01000000");
	rtcp_put_bye(&b, media);
	assert_bytes(&b, "81cb0001 cafebabe");
	rtcp_put_sdes(&b, media, "ab");
	assert_bytes(&b, "81ca0003 cafebabe 01026162 00000000");
	rtcp_put_sr(&b, 1, &(struct rtcp_sender_info){UINT64_C(0x0102030405060708), 9, 10, 11});
	assert_bytes(&b, "80c80006 00000001 0102030405060708 00000009 0000000a 0000000b");
	const int64_t arrivals[] = {641000, 651000, 661000};
	assert_int_equal(rtcp_put_twcc(&b, 1, media, 100, arrivals, 3, 0), 3);
	assert_bytes(&b, "8fcd0006 00000001 cafebabe 0064 0003 00000a 00 2003 04 28 28 00 00 00");
	buf_free(&b);
}

static void arrivals_far_apart_are_told_in_several_packets(void **state)
{
	(void)state;
	struct buf b = {.max = RTCP_MAX};
	const int64_t arrivals[] = {64000, -1, 60000, 64000 + 100000, 64000 + 20000000};
	assert_int_equal(rtcp_put_twcc(&b, 1, 2, 0, arrivals, 5, 7), 4);
	/* 1 small, lost, 2 large; deltas 0, -16, 416 */
	assert_bytes(&b, "8fcd0006 00000001 00000002 0000 0004 000001 07 d280 00 fff0 01a0 00");
	buf_free(&b);
}

static void reports_are_read(void **state)
{
	(void)state;
	struct buf b = {.max = RTCP_MAX};
	const struct rtcp_report in[2] = {
		{.ssrc = 5,
		 .fraction = 25,
		 .lost = -3,
		 .highest = 70000,
		 .jitter = 9,
		 .lsr = 1,
		 .dlsr = 2},
		{.ssrc = 6, .lost = 8388607},
	};
	rtcp_put_rr(&b, 77, in, 2);
	rtcp_put_sdes(&b, 77, "name");
	struct cur c = cur_of(b.p, b.n);
	struct rtcp p;
	struct rtcp_report r;
	assert_true(rtcp_next(&c, &p));
	assert_int_equal(p.sender, 77);
	for (int i = 0; i < 2; i++) {
		assert_true(rtcp_read_report(&p, i, &r));
		assert_int_equal(r.ssrc, in[i].ssrc);
		assert_int_equal(r.fraction, in[i].fraction);
		assert_int_equal(r.lost, in[i].lost);
		assert_int_equal(r.highest, in[i].highest);
		assert_int_equal(r.dlsr, in[i].dlsr);
	}
	assert_false(rtcp_read_report(&p, 2, &r));
	assert_true(rtcp_next(&c, &p));
	assert_int_equal(p.type, RTCP_SDES);
	assert_false(rtcp_read_report(&p, 0, &r));
	assert_false(rtcp_next(&c, &p));
	struct rtcp_sender_info info;
	buf_clear(&b);
	rtcp_put_sr(&b, 1, &(struct rtcp_sender_info){7, 9, 10, 11});
	c = cur_of(b.p, b.n);
	assert_true(rtcp_next(&c, &p) && rtcp_read_sender(&p, &info));
	assert_true(info.ntp == 7 && info.ts == 9 && info.packets == 10 && info.octets == 11);
	buf_free(&b);
}

static void note(void *ctx, uint16_t seq)
{
	*(unsigned *)ctx += seq;
}

static void requests_are_read(void **state)
{
	(void)state;
	struct span bytes = hex_bytes("81cd0003 00000001 cafebabe 03e80005"
				      "81ce0002 00000001 cafebabe"
				      "84ce0004 00000001 00000000 cafebabe 09000000"
				      "8fce0005 00000001 00000000 52454d42 010bd090 cafebabe"
				      "83cf0001 00000001");
	struct cur c = cur_of(bytes.p, bytes.n);
	struct rtcp p;
	unsigned sum = 0;
	uint8_t number;
	assert_true(rtcp_next(&c, &p));
	assert_int_equal(rtcp_media(&p), 0xCAFEBABE);
	assert_int_equal(rtcp_read_nack(&p, 2, note, &sum), 3);
	assert_int_equal(sum, 2001);
	assert_false(rtcp_is_pli(&p) || rtcp_read_remb(&p));
	assert_true(rtcp_next(&c, &p) && rtcp_is_pli(&p));
	assert_int_equal(rtcp_read_nack(&p, 2, note, &sum), 0);
	assert_true(rtcp_next(&c, &p) && rtcp_is_fir(&p, 0xCAFEBABE, &number));
	assert_int_equal(number, 9);
	assert_false(rtcp_is_fir(&p, 1, &number));
	assert_true(rtcp_next(&c, &p));
	assert_int_equal(rtcp_read_remb(&p), 1000000);
	assert_true(rtcp_next(&c, &p)); /* of a type that is not known */
	assert_false(rtcp_next(&c, &p));
	hex_free(bytes);
}

static void what_is_not_whole_is_refused(void **state)
{
	(void)state;
	static const char *bad[] = {"",         "81ce0002 00000001", "41ce0001 00000001",
				    "81ce0000", "a1ce0001 00000001", "a1ce0002 00000001 00000009"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct span bytes = hex_bytes(bad[i]);
		struct cur c = cur_of(bytes.p, bytes.n);
		struct rtcp p;
		assert_false(rtcp_next(&c, &p));
		hex_free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_written),
		cmocka_unit_test(arrivals_far_apart_are_told_in_several_packets),
		cmocka_unit_test(reports_are_read),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(what_is_not_whole_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
