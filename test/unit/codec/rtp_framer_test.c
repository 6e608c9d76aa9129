/* RTP packets are found in a stream of bytes, and found again where lengths lead to nowhere. */
#include "codec/rtp_framer.h"
#include "support/hex.h"
#include "support/unit.h"

#define PACKET(seq, byte) "8060 " seq " 00000001 0BEBD3D2 " byte
#define OTHER(seq, byte) "8060 " seq " 00000001 00000007 " byte
#define REPORT "80C8 0001 0BEBD3D2 00000000"

static struct rtp_framer framer;

static int setup(void **state)
{
	(void)state;
	rtp_framer_init(&framer);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rtp_framer_fini(&framer);
	return 0;
}

/* What is found, by the last byte of each packet; a gap is '|', a report 'r'. */
static void feed(struct span s, size_t piece, char *out)
{
	for (size_t at = 0; at < s.n; at += piece) {
		struct span packet;
		bool gap;
		rtp_framer_take(&framer, span_head(span_rest(s, at), piece));
		while (rtp_framer_next(&framer, &packet, &gap)) {
			if (gap)
				*out++ = '|';
			*out++ = packet.p[1] == 0xC8 ? 'r' : (char)packet.p[packet.n - 1];
		}
	}
	*out = '\0';
}

static void expect(const char *hex, const char *want)
{
	struct span s = hex_bytes(hex);
	for (size_t piece = 1; piece <= s.n; piece = piece < 20 ? piece + 1 : 2 * piece) {
		char out[256];
		feed(s, piece, out);
		assert_string_equal(out, want);
		teardown(NULL);
		setup(NULL);
	}
	hex_free(s);
}

static void packets_stand_behind_their_lengths(void **state)
{
	(void)state;
	expect("000D" PACKET("0001", "61") "000E" PACKET("0002", "0062") "000D" PACKET("0003",
										       "63"),
	       "abc");
}

static void reports_are_given_too(void **state)
{
	(void)state;
	expect("000D" PACKET("0001", "61") "000C" REPORT "000D" PACKET("0002", "62"), "arb");
}

static void interleaved_packets_are_understood(void **state)
{
	(void)state;
	expect("2400 000D" PACKET("0001", "61") "2400 000D" PACKET("0002", "62"), "ab");
}

static void a_wrong_length_costs_what_is_in_front_of_two_good_ones(void **state)
{
	(void)state;
	expect("000D" PACKET("0001", "61") "EE62" PACKET("0002", "62") "000D" PACKET(
		       "0003", "63") "000D" PACKET("0004", "64") "000D" PACKET("0005", "65"),
	       "a");
	/* The wrong length is waited for only while what stands behind it looks like a packet. */
	expect("000D" PACKET("0001", "61") "EE62 0102030405060708090A0B0C0D0E"
					   "000D" PACKET("0003", "63") "000D" PACKET(
						   "0004", "64") "000D" PACKET("0005", "65"),
	       "a|cde");
}

static void what_was_overwritten_is_passed_over(void **state)
{
	(void)state;
	expect("000D" PACKET("0001", "61") "0010" PACKET("0002", "62") "000D" PACKET(
		       "0003", "63") "000D" PACKET("0004",
						   "64") "000D" PACKET("0005",
								       "65") "000D" PACKET("0006",
											   "66"),
	       "a\x80|def");
}

static void a_packet_of_another_source_is_none(void **state)
{
	(void)state;
	expect("000D" PACKET("0001", "61") "000D" OTHER("0002", "62") "000D" PACKET(
		       "0003", "63") "000D" PACKET("0004", "64") "000D" PACKET("0005", "65"),
	       "a|cde");
}

static void another_source_is_believed_in_the_end(void **state)
{
	(void)state;
	struct span first = hex_bytes("000D" PACKET("0001", "61")),
		    next = hex_bytes("000D" OTHER("0002", "62"));
	char out[256];
	size_t seen = 0;
	feed(first, first.n, out);
	for (int i = 0; i < RTP_FRAME_SEEK_MAX / 15 + 100 && !seen; i++) {
		feed(next, next.n, out);
		seen = *out != '\0';
	}
	assert_true(seen);
	assert_int_equal(framer.ssrc, 7);
	hex_free(first);
	hex_free(next);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(packets_stand_behind_their_lengths),
		CASE(reports_are_given_too),
		CASE(interleaved_packets_are_understood),
		CASE(a_wrong_length_costs_what_is_in_front_of_two_good_ones),
		CASE(what_was_overwritten_is_passed_over),
		CASE(a_packet_of_another_source_is_none),
		CASE(another_source_is_believed_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
