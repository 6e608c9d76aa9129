/* Challenges and what is answered to them; the vectors are those of RFC 2617 and of another implementation. */
#include "sip/digest.h"
#include "support/fake_time.h"
#include "support/unit.h"

#include <stdio.h>

static struct sip_digest *digest;
static struct sip_message request;
static const struct sip_proof proof = {.realm = "3402000000",
				       .username = "34020000001320000001",
				       .password = "12345678",
				       .whom = "10.0.0.1"};

static int setup(void **state)
{
	(void)state;
	fake_time_begin();
	request = (struct sip_message){.is_request = true, .method_name = span_str("REGISTER")};
	(void)!sip_uri_parse(&request.uri, span_str("sip:34020000002000000001@1.2.3.4:5060"));
	return sip_digest_new(&digest) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	sip_digest_free(&digest);
	sip_digest_free(&digest);
	fake_time_end();
	return 0;
}

/* The nonce of a challenge. */
static void challenged(char nonce[static SIP_NONCE_MAX], const char *whom)
{
	struct buf out = {.max = 1000};
	assert_int_equal(sip_digest_challenge(digest, &out, "3402000000", whom, false), OK);
	const char *at = strstr(buf_text(&out), "nonce=\"") + 7;
	snprintf(nonce, SIP_NONCE_MAX, "%.*s", (int)strcspn(at, "\""), at);
	buf_free(&out);
}

/* What a device answers; nc 0: without qop. */
static struct sip_credentials answered(const char *nonce, unsigned nc, const char *password)
{
	struct sip_credentials c = {.username = "34020000001320000001",
				    .realm = "3402000000",
				    .uri = "sip:34020000002000000001@3402000000"};
	snprintf(c.nonce, sizeof(c.nonce), "%s", nonce);
	if (nc) {
		snprintf(c.nc, sizeof(c.nc), "%08x", nc);
		snprintf(c.cnonce, sizeof(c.cnonce), "0a4f113b");
		snprintf(c.qop, sizeof(c.qop), "auth");
	}
	assert_int_equal(sip_digest_response(c.response, &c, "REGISTER", password), OK);
	return c;
}

static enum sip_verdict check(const struct sip_credentials *c)
{
	return sip_digest_check(digest, c, &request, &proof);
}

static void the_example_of_the_rfc_is_right(void **state)
{
	(void)state;
	char out[33];
	struct sip_credentials c;
	static const char text[] =
		"Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
		"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", qop=auth, "
		"nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", "
		"opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
	assert_int_equal(sip_credentials_parse(&c, span_str(text)), SIP_GOOD);
	assert_int_equal(sip_digest_response(out, &c, "GET", "Circle Of Life"), OK);
	assert_string_equal(out, c.response);
	c.qop[0] = '\0'; /* as RFC 2069 has it */
	assert_int_equal(sip_digest_response(out, &c, "GET", "Circle Of Life"), OK);
	assert_string_equal(out, "670fd8c2df070c60b045671b8b24ff02");
}

static void a_challenge_says_what_cameras_want_to_hear(void **state)
{
	(void)state;
	struct buf out = {.max = 1000};
	assert_int_equal(sip_digest_challenge(digest, &out, "a\"\r\n\\b", "x", true), OK);
	const char *text = buf_text(&out);
	assert_true(strncmp(text, "WWW-Authenticate: Digest realm=\"ab\", nonce=\"", 44) == 0);
	assert_non_null(strstr(text, "\", algorithm=MD5, qop=\"auth\", stale=true\r\n"));
	buf_free(&out);
}

static void the_password_is_what_counts(void **state)
{
	(void)state;
	char nonce[SIP_NONCE_MAX];
	challenged(nonce, "10.0.0.1");
	struct sip_credentials c = answered(nonce, 0, "12345678");
	assert_int_equal(check(&c), SIP_GOOD);
	assert_int_equal(check(&c), SIP_GOOD); /* without qop nobody can tell a repetition */
	c = answered(nonce, 0, "12345679");
	assert_int_equal(check(&c), SIP_WRONG);
	c = answered(nonce, 0, "12345678");
	c.response[0] ^= 1;
	assert_int_equal(check(&c), SIP_WRONG);
	c = answered(nonce, 0, "12345678");
	request.method_name = span_str("MESSAGE");
	assert_int_equal(check(&c), SIP_WRONG);
}

static void user_realm_and_uri_have_to_fit(void **state)
{
	(void)state;
	static const struct {
		const char *username, *realm, *uri;
		enum sip_verdict verdict;
	} cases[] = {
		{"34020000001320000002", NULL, NULL, SIP_WRONG},
		{NULL, "3402000001", NULL, SIP_WRONG},
		{NULL, NULL, "sip:34020000002000000001@1.2.3.4:5060", SIP_GOOD},
		{NULL, NULL, "sip:34020000002000000001:x@other:1;a=b", SIP_GOOD},
		{NULL, NULL, "34020000002000000001@3402000000", SIP_GOOD},
		{NULL, NULL, "sip:3402000000", SIP_GOOD},
		{NULL, NULL, "sip:34020000002000000002@3402000000", SIP_WRONG},
	};
	char nonce[SIP_NONCE_MAX];
	challenged(nonce, "10.0.0.1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_credentials c = answered(nonce, 0, "12345678");
		if (cases[i].username)
			snprintf(c.username, sizeof(c.username), "%s", cases[i].username);
		if (cases[i].realm)
			snprintf(c.realm, sizeof(c.realm), "%s", cases[i].realm);
		if (cases[i].uri)
			snprintf(c.uri, sizeof(c.uri), "%s", cases[i].uri);
		assert_int_equal(sip_digest_response(c.response, &c, "REGISTER", "12345678"), OK);
		assert_int_equal(check(&c), cases[i].verdict);
	}
}

static void a_nonce_is_good_for_its_time_and_its_address(void **state)
{
	(void)state;
	char nonce[SIP_NONCE_MAX];
	challenged(nonce, "10.0.0.1");
	struct sip_credentials c = answered(nonce, 1, "12345678");
	fake_time_pass(SIP_NONCE_MS);
	assert_int_equal(check(&c), SIP_GOOD);
	fake_time_pass(1);
	c = answered(nonce, 2, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
	c = answered(nonce, 2, "wrong");
	assert_int_equal(check(&c), SIP_WRONG);
	challenged(nonce, "10.0.0.2");
	c = answered(nonce, 1, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
	challenged(nonce, "10.0.0.1");
	nonce[20] = nonce[20] == '0' ? '1' : '0';
	c = answered(nonce, 1, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
	c = answered("0", 1, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
}

static void the_count_grows_within_a_nonce(void **state)
{
	(void)state;
	char nonce[SIP_NONCE_MAX], other[SIP_NONCE_MAX];
	static const struct {
		unsigned nc;
		enum sip_verdict verdict;
	} cases[] = {{1, SIP_GOOD},  {1, SIP_STALE},         {2, SIP_GOOD},
		     {1, SIP_STALE}, {0xffffffff, SIP_GOOD}, {0xffffffff, SIP_STALE}};
	challenged(nonce, "10.0.0.1");
	challenged(other, "10.0.0.1");
	assert_string_not_equal(nonce, other);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_credentials c = answered(nonce, cases[i].nc, "12345678");
		assert_int_equal(check(&c), cases[i].verdict);
	}
	struct sip_credentials c = answered(other, 1, "12345678");
	assert_int_equal(check(&c), SIP_GOOD);
	assert_int_equal(sip_digest_nonces(digest), 2);
}

/* When there is no room the oldest is forgotten, and with it that others of its time were not used. */
static void memory_of_nonces_is_bounded(void **state)
{
	(void)state;
	char first[SIP_NONCE_MAX], unused[SIP_NONCE_MAX], nonce[SIP_NONCE_MAX];
	challenged(first, "10.0.0.1");
	challenged(unused, "10.0.0.1");
	struct sip_credentials c = answered(first, 1, "12345678");
	assert_int_equal(check(&c), SIP_GOOD);
	fake_time_pass(1);
	for (int i = 0; i < SIP_NONCES_MAX; i++) {
		challenged(nonce, "10.0.0.1");
		c = answered(nonce, 1, "12345678");
		assert_int_equal(check(&c), SIP_GOOD);
	}
	assert_int_equal(sip_digest_nonces(digest), SIP_NONCES_MAX);
	c = answered(first, 2, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
	c = answered(unused, 1, "12345678");
	assert_int_equal(check(&c), SIP_STALE);
	c = answered(nonce, 2, "12345678");
	assert_int_equal(check(&c), SIP_GOOD);
	/* Those that nobody can use any more make room by themselves. */
	fake_time_pass(SIP_NONCE_MS + 1);
	challenged(nonce, "10.0.0.1");
	c = answered(nonce, 1, "12345678");
	assert_int_equal(check(&c), SIP_GOOD);
	assert_int_equal(sip_digest_nonces(digest), 1);
}

static void credentials_are_read_as_they_may_be_written(void **state)
{
	(void)state;
#define R "response=\"00112233445566778899AABBCCDDEEFF\""
	static const struct {
		const char *text;
		enum sip_verdict verdict;
	} cases[] = {
		{"", SIP_MISSING},
		{"Basic YTpi", SIP_MISSING},
		{"Digest", SIP_MALFORMED},
		{"digest username=u,realm=r,nonce=n,uri=sip:a@b," R, SIP_GOOD},
		{"Digest  username = \"u\" ,realm=\"r\", nonce=\"n\",\turi=\"sip:a,b@c\", " R
		 ", algorithm=MD5, x=\"y,z\"",
		 SIP_GOOD},
		{"Digest username=u,realm=r,nonce=n,uri=u,algorithm=\"md5\"," R, SIP_GOOD},
		{"Digest username=u,realm=r,nonce=n,uri=u,algorithm=SHA-256," R, SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,algorithm=MD5-sess," R, SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,qop=auth," R, SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,qop=\"auth\",cnonce=c,nc=00000001," R,
		 SIP_GOOD},
		{"Digest username=u,realm=r,nonce=n,uri=u,qop=auth-int,cnonce=c,nc=00000001," R,
		 SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,qop=auth,cnonce=c,nc=1," R,
		 SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,qop=auth,nc=00000001," R, SIP_MALFORMED},
		{"Digest username=u,username=v,realm=r,nonce=n,uri=u," R, SIP_MALFORMED},
		{"Digest username=u,realm=,nonce=n,uri=u," R, SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,response=00", SIP_MALFORMED},
		{"Digest username=u,realm=r,nonce=n,uri=u,response="
		 "\"00112233445566778899AABBCCDDEEFG\"",
		 SIP_MALFORMED},
	};
	struct sip_credentials c;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sip_credentials_parse(&c, span_str(cases[i].text)) != cases[i].verdict)
			fail_msg("%s", cases[i].text);
	assert_int_equal(
		sip_credentials_parse(
			&c, span_str("Digest username=\"a\\\"b\\\\c\",realm=r,nonce=n,uri=u," R)),
		SIP_GOOD);
	assert_string_equal(c.username, "a\"b\\c");
	assert_string_equal(c.response, "00112233445566778899aabbccddeeff");
	char text[1000];
	snprintf(text, sizeof(text), "Digest username=%0*d,realm=r,nonce=n,uri=u," R,
		 SIP_CREDENTIAL_MAX, 0);
	assert_int_equal(sip_credentials_parse(&c, span_str(text)), SIP_MALFORMED);
	for (int i = 0; i < SIP_VERDICTS; i++)
		assert_true(*sip_verdict_text(i));
	assert_string_equal(sip_verdict_text(SIP_VERDICTS), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_example_of_the_rfc_is_right),
		T(a_challenge_says_what_cameras_want_to_hear),
		T(the_password_is_what_counts),
		T(user_realm_and_uri_have_to_fit),
		T(a_nonce_is_good_for_its_time_and_its_address),
		T(the_count_grows_within_a_nonce),
		T(memory_of_nonces_is_bounded),
		T(credentials_are_read_as_they_may_be_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
