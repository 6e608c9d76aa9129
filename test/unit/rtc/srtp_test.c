/* SRTP: the bytes that another implementation makes of the same packets, both directions, replays,
 * rollover, forgeries. */
#include "base/mem.h"
#include "rtc/srtp.h"
#include "support/hex.h"
#include "support/unit.h"

#include <stdlib.h>

struct vector {
	enum srtp_profile profile;
	const char *rtp, *rtcp;
};

/* Made by libsrtp2 2.5.0 with master key and salt 00 01 02 …, as the client of both sides. */
static const struct vector vectors[] = {
	{SRTP_AES128_CM_SHA1_80,
	 "80e01234decafbadcafebabec8f5e0214236e5fde9cbd62d47b0a09154f20af22bd410821e18",
	 "81c90007cafebabe9742494f5cc82aa3d2783374df94e4d60e95dc6a5bdd9a0e8000000137c7c435e3e121ec"
	 "0943"},
	{SRTP_AEAD_AES_128_GCM,
	 "80e01234decafbadcafebabe4ad7d8a55fb3fd902db557c94b415ecd4c55ef98b8ef9a4a414e15db06c0581e",
	 "81c90007cafebabeda3f1456daab4f8bc70a6a1fe1c25bbcbdb78f0144f684d6ba7a9d5cc2d007bb3aa6d7a9"
	 "5a36d3ec80000001"},
};
static const char plain_rtcp[] = "81c90007cafebabe11223344"
				 "0000000000000000000000000000000000000000";

struct pair {
	struct srtp *send, *recv;
};

/* Key 00..0f and salt 10.. in both directions, so that what one sends the other receives. */
static struct pair pair_of(enum srtp_profile profile)
{
	uint8_t exported[SRTP_KEYS_MAX];
	size_t salt = srtp_keys_size(profile) / 2 - 16;
	struct pair p, other;
	for (unsigned i = 0; i < 32; i++)
		exported[i] = i % 16;
	for (unsigned i = 0; i < 2 * salt; i++)
		exported[32 + i] = (uint8_t)(16 + i % salt);
	struct span keys = span_of(exported, srtp_keys_size(profile));
	assert_int_equal(srtp_new(&p.send, &other.recv, profile, keys, true), OK);
	assert_int_equal(srtp_new(&other.send, &p.recv, profile, keys, false), OK);
	srtp_free(&other.send);
	srtp_free(&other.recv);
	return p;
}

static void pair_free(struct pair *p)
{
	srtp_free(&p->send);
	srtp_free(&p->recv);
}

static const uint8_t header[12] = {0x80, 0xE0, 0x12, 0x34, 0xDE, 0xCA,
				   0xFB, 0xAD, 0xCA, 0xFE, 0xBA, 0xBE};

static size_t protect(struct srtp *s, uint64_t index, uint8_t *out)
{
	uint8_t payload[16], own[12];
	memset(payload, 0xAB, sizeof(payload));
	memcpy(own, header, sizeof(own));
	own[2] = (uint8_t)(index >> 8);
	own[3] = (uint8_t)index;
	return srtp_protect(s,
			    &(struct srtp_packet){.header = span_of(own, sizeof(own)),
						  .payload = span_of(payload, sizeof(payload)),
						  .index = index},
			    out);
}

static void assert_bytes(const uint8_t *p, size_t n, const char *hex)
{
	struct span want = hex_bytes(hex);
	assert_int_equal(n, want.n);
	assert_memory_equal(p, want.p, n);
	hex_free(want);
}

static void packets_are_as_another_implementation_makes_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pair p = pair_of(vectors[i].profile);
		uint8_t out[128];
		size_t n = protect(p.send, 0x1234, out);
		assert_bytes(out, n, vectors[i].rtp);
		assert_int_equal(srtp_unprotect(p.recv, out, &n), SRTP_OK);
		assert_int_equal(n, 28);
		assert_int_equal(out[12], 0xAB);
		struct span plain = hex_bytes(plain_rtcp);
		n = srtp_protect_rtcp(p.send, plain, out);
		assert_bytes(out, n, vectors[i].rtcp);
		assert_int_equal(srtp_unprotect_rtcp(p.recv, out, &n), SRTP_OK);
		assert_bytes(out, n, plain_rtcp);
		hex_free(plain);
		pair_free(&p);
	}
}

static void a_lead_is_encrypted_in_front_of_the_payload(void **state)
{
	(void)state;
	struct pair p = pair_of(SRTP_AEAD_AES_128_GCM);
	uint8_t out[128];
	size_t n = srtp_protect(p.send,
				&(struct srtp_packet){.header = span_of(header, sizeof(header)),
						      .lead = span_of("\x01\x02", 2),
						      .payload = span_of("abc", 3),
						      .index = 0x1234},
				out);
	assert_int_equal(srtp_unprotect(p.recv, out, &n), SRTP_OK);
	assert_int_equal(n, 17);
	assert_memory_equal(out + 12,
			    "\x01\x02"
			    "abc",
			    5);
	pair_free(&p);
}

static enum srtp_verdict carry(struct pair *p, uint64_t index)
{
	uint8_t out[128];
	size_t n = protect(p->send, index, out);
	return srtp_unprotect(p->recv, out, &n);
}

static void a_packet_is_taken_once_and_the_rollover_is_guessed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pair p = pair_of(vectors[i].profile);
		assert_int_equal(carry(&p, 0xFFF0), SRTP_OK);
		assert_int_equal(carry(&p, 0xFFF0), SRTP_REPLAYED);
		assert_int_equal(carry(&p, 0xFFEF), SRTP_OK); /* reordered */
		assert_int_equal(carry(&p, 0x10002), SRTP_OK);
		assert_int_equal(carry(&p, 0xFFFF), SRTP_OK);
		assert_int_equal(carry(&p, 0x10002), SRTP_REPLAYED);
		assert_int_equal(carry(&p, 0x10500), SRTP_OK);
		assert_int_equal(carry(&p, 0x10003), SRTP_REPLAYED); /* too old to tell */
		assert_int_equal(carry(&p, 0x104FF), SRTP_OK);
		pair_free(&p);
	}
}

static void what_was_changed_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct pair p = pair_of(vectors[i].profile);
		struct span good = hex_bytes(vectors[i].rtp), control = hex_bytes(vectors[i].rtcp);
		uint8_t copy[128];
		size_t n;
		for (size_t at = 0; at < good.n; at++) {
			memcpy(copy, good.p, n = good.n);
			copy[at] ^= 4;
			assert_int_not_equal(srtp_unprotect(p.recv, copy, &n), SRTP_OK);
		}
		for (size_t size = 0; size < good.n; size++) {
			memcpy(copy, good.p, n = size);
			assert_int_equal(srtp_unprotect(p.recv, copy, &n), SRTP_BAD);
		}
		for (size_t at = 0; at < control.n; at++) {
			memcpy(copy, control.p, n = control.n);
			copy[at] ^= 4;
			assert_int_not_equal(srtp_unprotect_rtcp(p.recv, copy, &n), SRTP_OK);
		}
		for (size_t size = 0; size < control.n; size++) {
			memcpy(copy, control.p, n = size);
			assert_int_equal(srtp_unprotect_rtcp(p.recv, copy, &n), SRTP_BAD);
		}
		memcpy(copy, control.p, n = control.n);
		assert_int_equal(srtp_unprotect_rtcp(p.recv, copy, &n), SRTP_OK);
		memcpy(copy, control.p, n = control.n);
		assert_int_equal(srtp_unprotect_rtcp(p.recv, copy, &n), SRTP_REPLAYED);
		hex_free(good);
		hex_free(control);
		pair_free(&p);
	}
}

static void a_peer_may_not_have_any_number_of_senders(void **state)
{
	(void)state;
	struct pair p = pair_of(SRTP_AEAD_AES_128_GCM);
	for (uint8_t i = 0; i <= SRTP_STREAMS_MAX; i++) {
		uint8_t own[12], out[64];
		memcpy(own, header, sizeof(own));
		own[11] = i;
		size_t n = srtp_protect(
			p.send,
			&(struct srtp_packet){.header = span_of(own, sizeof(own)), .index = 0x1234},
			out);
		assert_int_equal(srtp_unprotect(p.recv, out, &n),
				 i < SRTP_STREAMS_MAX ? SRTP_OK : SRTP_BAD);
	}
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_as_another_implementation_makes_them),
		cmocka_unit_test(a_lead_is_encrypted_in_front_of_the_payload),
		cmocka_unit_test(a_packet_is_taken_once_and_the_rollover_is_guessed),
		cmocka_unit_test(what_was_changed_is_refused),
		cmocka_unit_test(a_peer_may_not_have_any_number_of_senders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
