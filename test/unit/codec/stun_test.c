/* STUN messages byte by byte; the vectors were made by another implementation. */
#include "codec/stun.h"
#include "support/hex.h"
#include "support/unit.h"

static const char request_hex[] =
	"0001004c 2112a442 01020304 05060708 090a0b0c 0006000d 73727631 32333435 3a636c69 41000000"
	"802a0008 11223344 55667788 00250000 00240004 6e7f1eff 00080014 85a1d0a5 983a5355 ad81e59c"
	"711e10cf f83c5c26 80280004 e211e402";
static const char success_hex[] =
	"0101002c 2112a442 01020304 05060708 090a0b0c 00200008 0001e242 e112a648 00080014 fa53e7fd"
	"60315db7 20b04fcf 9f1fbc61 f19d9067 80280004 b6c97732";
static const char conflict_hex[] =
	"01110038 2112a442 01020304 05060708 090a0b0c 00090011 00000457 526f6c65 20436f6e 666c6963"
	"74000000 00080014 adb3f4c6 9917b7a1 1db37d1b 138c0b86 2115484d 80280004 f3aa514c";

static const uint8_t id[STUN_ID] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void a_check_of_a_client_is_understood(void **state)
{
	(void)state;
	struct stun m;
	struct span d = hex_bytes(request_hex);
	assert_true(stun_is_message(d));
	assert_int_equal(stun_parse(&m, d), OK);
	assert_int_equal(m.type, STUN_BINDING_REQUEST);
	assert_memory_equal(m.id, id, STUN_ID);
	assert_true(span_is(m.username, "srv12345:cliA"));
	assert_int_equal(m.role, STUN_CONTROLLING);
	assert_true(m.use_candidate);
	assert_int_equal(m.priority, 0x6e7f1eff);
	assert_int_equal(m.unknown_count, 0);
	assert_int_equal(m.integrity_at, 64);
	assert_int_equal(m.fingerprint_at, 88);
	assert_true(stun_fingerprint_ok(&m, d));
	uint8_t head[STUN_HEAD];
	stun_integrity_head(head, &m, d);
	assert_int_equal(head[3], 64 + 24 - 20);
	hex_free(d);
}

static void an_answer_is_written_as_others_write_it(void **state)
{
	(void)state;
	struct span want = hex_bytes(success_hex);
	struct buf b = {.max = STUN_WRITE_MAX};
	struct addr peer;
	assert_true(addr_literal(&peer, "192.0.2.10", 50000));
	stun_write_head(&b, STUN_BINDING_SUCCESS, id);
	stun_write_mapped(&b, id, &peer);
	stun_before_integrity(&b);
	assert_int_equal(b.p[3], 36);
	stun_write_integrity(&b, want.p + 36);
	stun_write_fingerprint(&b);
	assert_int_equal(b.n, want.n);
	assert_memory_equal(b.p, want.p, want.n);
	struct stun m;
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_true(m.has_mapped && addr_same(&m.mapped, &peer) &&
		    addr_port(&m.mapped) == addr_port(&peer));
	buf_free(&b);
	hex_free(want);
}

static void a_conflict_is_written_as_others_write_it(void **state)
{
	(void)state;
	struct span want = hex_bytes(conflict_hex);
	struct buf b = {.max = STUN_WRITE_MAX};
	stun_write_head(&b, STUN_BINDING_ERROR, id);
	stun_write_error(&b, 487, "Role Conflict");
	stun_before_integrity(&b);
	stun_write_integrity(&b, want.p + 48);
	stun_write_fingerprint(&b);
	assert_int_equal(b.n, want.n);
	assert_memory_equal(b.p, want.p, want.n);
	struct stun m;
	assert_int_equal(stun_parse(&m, want), OK);
	assert_int_equal(m.error_code, 487);
	buf_free(&b);
	hex_free(want);
}

static void an_address_of_ipv6_comes_back(void **state)
{
	(void)state;
	struct buf b = {.max = STUN_WRITE_MAX};
	struct addr peer;
	struct stun m;
	assert_true(addr_literal(&peer, "2001:db8::7", 443));
	stun_write_head(&b, STUN_BINDING_SUCCESS, id);
	stun_write_mapped(&b, id, &peer);
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_true(m.has_mapped && addr_same(&m.mapped, &peer));
	assert_int_equal(addr_port(&m.mapped), 443);
	buf_free(&b);
}

static void what_has_to_be_understood_and_is_not_is_named(void **state)
{
	(void)state;
	struct buf b = {.max = STUN_WRITE_MAX};
	struct stun m;
	stun_write_head(&b, STUN_BINDING_REQUEST, id);
	stun_write_number(&b, 0x7001, 5, 4);
	stun_write_number(&b, 0xc057, 5, 4);
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_int_equal(m.unknown_count, 1);
	buf_clear(&b);
	stun_write_head(&b, STUN_BINDING_ERROR, id);
	stun_write_error(&b, 420, "Unknown Attribute");
	stun_write_unknown(&b, &m);
	assert_memory_equal(b.p + b.n - 8, "\x00\x0a\x00\x02\x70\x01\x00\x00", 8);
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_int_equal(m.error_code, 420);
	buf_free(&b);
}

/* Attributes behind MESSAGE-INTEGRITY anybody may have added. */
static void what_is_not_covered_counts_for_nothing(void **state)
{
	(void)state;
	static const uint8_t hmac[STUN_HMAC];
	struct buf b = {.max = STUN_WRITE_MAX};
	struct stun m;
	stun_write_head(&b, STUN_BINDING_REQUEST, id);
	stun_write_integrity(&b, hmac);
	stun_write_number(&b, STUN_USE_CANDIDATE, 0, 0);
	stun_write_username(&b, "a:b");
	stun_write_fingerprint(&b);
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_false(m.use_candidate);
	assert_int_equal(m.username.n, 0);
	b.p[b.n - 1] ^= 1;
	assert_int_equal(stun_parse(&m, buf_span(&b)), OK);
	assert_false(stun_fingerprint_ok(&m, buf_span(&b)));
	buf_free(&b);
}

static const struct {
	const char *what, *hex;
	err code;
} bad[] = {
	{"nothing", "", ERR_PROTOCOL},
	{"half a header", "00010000 2112a442 0102", ERR_PROTOCOL},
	{"another cookie", "00010000 2112a443 01020304 05060708 090a0b0c", ERR_PROTOCOL},
	{"a length that lies", "00010008 2112a442 01020304 05060708 090a0b0c 00240004",
	 ERR_PROTOCOL},
	{"a length that is not padded", "00010002 2112a442 01020304 05060708 090a0b0c 0024",
	 ERR_PROTOCOL},
	{"an attribute that is cut off",
	 "00010008 2112a442 01020304 05060708 090a0b0c 00240008 11223344", ERR_PROTOCOL},
	{"a priority that is too short",
	 "00010008 2112a442 01020304 05060708 090a0b0c 00240002 11220000", ERR_PROTOCOL},
	{"an HMAC that is too short",
	 "00010008 2112a442 01020304 05060708 090a0b0c 00080004 11220000", ERR_PROTOCOL},
	{"something behind the fingerprint",
	 "00010010 2112a442 01020304 05060708 090a0b0c 80280004 11220000 80280004 11220000",
	 ERR_PROTOCOL},
};

static void what_is_malformed_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stun m;
		struct span d = hex_bytes(bad[i].hex);
		if (stun_parse(&m, d) != bad[i].code)
			fail_msg("%s was taken", bad[i].what);
		hex_free(d);
	}
}

static void there_are_limits(void **state)
{
	(void)state;
	char name[STUN_USERNAME_MAX + 2] = "";
	struct buf b = {.max = 4096};
	struct stun m;
	memset(name, 'a', sizeof(name) - 1);
	stun_write_head(&b, STUN_BINDING_REQUEST, id);
	stun_write_username(&b, name);
	assert_int_equal(stun_parse(&m, buf_span(&b)), ERR_LIMIT);
	buf_clear(&b);
	stun_write_head(&b, STUN_BINDING_REQUEST, id);
	for (int i = 0; i <= STUN_ATTRS_MAX; i++)
		stun_write_number(&b, 0x8022, 1, 4);
	assert_int_equal(stun_parse(&m, buf_span(&b)), ERR_LIMIT);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_of_a_client_is_understood),
		cmocka_unit_test(an_answer_is_written_as_others_write_it),
		cmocka_unit_test(a_conflict_is_written_as_others_write_it),
		cmocka_unit_test(an_address_of_ipv6_comes_back),
		cmocka_unit_test(what_has_to_be_understood_and_is_not_is_named),
		cmocka_unit_test(what_is_not_covered_counts_for_nothing),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(there_are_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
