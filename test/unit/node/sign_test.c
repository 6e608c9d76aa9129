#include "base/mem.h"
#include "node/sign.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW INT64_C(1700000000000)
#define TARGET "/api/v1/clusters?vhost=a&app=live&stream=x"

#define SELF "selfself"

static char secret_a[] = "alpha", secret_b[] = "beta", none[] = "";

/* A signer of that process, whose vhosts a and b have these secrets. */
static struct signer *signer_at(const char *self, char *a, char *b)
{
	char name_a[] = "a", name_b[] = "b";
	struct conf_vhost vhosts[] = {
		{.name = name_a, .cluster = {.secret = a, .secret_file = none}},
		{.name = name_b, .cluster = {.secret = b, .secret_file = none}},
	};
	struct conf conf = {.vhost_count = 2, .vhosts = vhosts};
	struct signer *s = signer_new(self);
	assert_int_equal(signer_load(s, &conf), OK);
	return s;
}

static struct signer *signer_of(char *a, char *b)
{
	return signer_at(SELF, a, b);
}

static struct sign_what what_of(const char *method, const char *target, const char *body)
{
	return (struct sign_what){method, target, span_str(body)};
}

static enum sign_verdict check(struct signer *s, const struct sign_mark *m, int64_t now)
{
	struct sign_what what = what_of("POST", TARGET, "body");
	return sign_check(s, &(struct sign_said){m->to, m->time, m->nonce, m->mac}, &what, now);
}

static struct sign_mark make_for(const struct signer *s, const char *to, int64_t at)
{
	struct sign_mark m;
	struct sign_what what = what_of("POST", TARGET, "body");
	assert_true(sign_make(s, &m, NULL, to, &what, at));
	return m;
}

static struct sign_mark make(const struct signer *s, const char *vhost, int64_t at)
{
	struct sign_mark m;
	struct sign_what what = what_of("POST", TARGET, "body");
	assert_true(sign_make(s, &m, vhost, SELF, &what, at));
	return m;
}

static void a_request_signed_with_a_secret_of_ours_is_good(void **state)
{
	(void)state;
	static const struct {
		char *their_a, *their_b;
		const char *vhost;
		enum sign_verdict want;
	} cases[] = {
		{secret_a, none, "a", SIGN_GOOD},     {secret_a, none, "b", SIGN_GOOD},
		{secret_a, none, NULL, SIGN_GOOD},    {none, secret_b, "a", SIGN_GOOD},
		{secret_b, secret_a, "a", SIGN_GOOD}, {secret_b, secret_a, "other", SIGN_GOOD},
		{TARGET "", none, "a", SIGN_FORGED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct signer *here = signer_of(secret_a, secret_b);
		struct signer *there = signer_of(cases[i].their_a, cases[i].their_b);
		struct sign_mark m = make(there, cases[i].vhost, NOW);
		assert_int_equal(check(here, &m, NOW), cases[i].want);
		assert_int_equal(sign_count(here, cases[i].want), 1);
		signer_free(&here);
		signer_free(&there);
	}
}

static void every_part_of_a_request_is_signed(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_mark m = make(s, NULL, NOW);
	char late[24], nonce[33], mac[65];
	snprintf(late, sizeof(late), "%lld", (long long)NOW + 1);
	snprintf(nonce, sizeof(nonce), "%s", m.nonce);
	snprintf(mac, sizeof(mac), "%s", m.mac);
	nonce[0] = nonce[0] == '0' ? '1' : '0';
	mac[63] = mac[63] == '0' ? '1' : '0';
	const struct {
		const char *time, *nonce, *mac, *method, *target, *body, *to;
	} forged[] = {
		{m.time, m.nonce, m.mac, "DELETE", TARGET, "body", SELF},
		{m.time, m.nonce, m.mac, "POST", TARGET "2", "body", SELF},
		{m.time, m.nonce, m.mac, "POST", "/", "body", SELF},
		{m.time, m.nonce, m.mac, "POST", TARGET, "Body", SELF},
		{m.time, m.nonce, m.mac, "POST", TARGET, "", SELF},
		{late, m.nonce, m.mac, "POST", TARGET, "body", SELF},
		{m.time, nonce, m.mac, "POST", TARGET, "body", SELF},
		{m.time, m.nonce, mac, "POST", TARGET, "body", SELF},
		{m.time, m.nonce, "", "POST", TARGET, "body", SELF},
		{m.time, m.nonce, NULL, "POST", TARGET, "body", SELF},
		{m.time, NULL, m.mac, "POST", TARGET, "body", SELF},
		{NULL, m.nonce, m.mac, "POST", TARGET, "body", SELF},
		{"", m.nonce, m.mac, "POST", TARGET, "body", SELF},
		{"-1", m.nonce, m.mac, "POST", TARGET, "body", SELF},
		{"99999999999999999999", m.nonce, m.mac, "POST", TARGET, "body", SELF},
		{m.time, "short", m.mac, "POST", TARGET, "body", SELF},
		{m.time, m.nonce, "not hexadecimal", "POST", TARGET, "body", SELF},
		{m.time, m.nonce, m.mac, "POST", TARGET, "body", "selfselg"},
		{m.time, m.nonce, m.mac, "POST", TARGET, "body", ""},
		{m.time, m.nonce, m.mac, "POST", TARGET, "body", NULL},
		{m.time, m.nonce, m.mac, "POST", TARGET, "body", SELF "\n"},
		{m.time, m.nonce, m.mac, "POST", TARGET, "body", "a name that is far too long"},
	};
	size_t n = sizeof(forged) / sizeof(forged[0]);
	for (size_t i = 0; i < n; i++) {
		struct sign_what what = what_of(forged[i].method, forged[i].target, forged[i].body);
		struct sign_said said = {forged[i].to, forged[i].time, forged[i].nonce,
					 forged[i].mac};
		if (sign_check(s, &said, &what, NOW) != SIGN_FORGED)
			fail_msg("case %zu was not found forged", i);
	}
	assert_int_equal(sign_count(s, SIGN_FORGED), n);
	assert_int_equal(sign_nonces(s), 0);
	assert_int_equal(check(s, &m, NOW), SIGN_GOOD);
	signer_free(&s);
}

static void a_request_without_a_signature_is_missing_one(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_what what = what_of("GET", "/", "");
	assert_int_equal(sign_check(s, &(struct sign_said){0}, &what, NOW), SIGN_MISSING);
	signer_free(&s);
}

static void a_request_is_good_once(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_mark m = make(s, NULL, NOW), other = make(s, NULL, NOW);
	assert_int_equal(check(s, &m, NOW), SIGN_GOOD);
	assert_int_equal(check(s, &m, NOW), SIGN_REPLAYED);
	assert_int_equal(check(s, &m, NOW + SIGN_SKEW_MS), SIGN_REPLAYED);
	assert_int_equal(check(s, &other, NOW), SIGN_GOOD);
	assert_int_equal(check(s, &m, NOW + SIGN_SKEW_MS + 1), SIGN_LATE);
	assert_int_equal(sign_count(s, SIGN_REPLAYED), 2);
	signer_free(&s);
}

static void a_time_within_the_skew_is_good(void **state)
{
	(void)state;
	static const struct {
		int64_t off;
		enum sign_verdict want;
	} cases[] = {
		{0, SIGN_GOOD},
		{SIGN_SKEW_MS, SIGN_GOOD},
		{-SIGN_SKEW_MS, SIGN_GOOD},
		{SIGN_SKEW_MS + 1, SIGN_LATE},
		{-SIGN_SKEW_MS - 1, SIGN_LATE},
		{-NOW, SIGN_LATE},
	};
	struct signer *s = signer_of(secret_a, none);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sign_mark m = make(s, NULL, NOW + cases[i].off);
		assert_int_equal(check(s, &m, NOW), cases[i].want);
	}
	signer_free(&s);
}

static void a_time_in_the_future_cannot_be_replayed_as_long_as_it_is_good(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_mark m = make(s, NULL, NOW + SIGN_SKEW_MS);
	assert_int_equal(check(s, &m, NOW), SIGN_GOOD);
	for (int64_t ms = 0; ms <= 2 * SIGN_SKEW_MS; ms += 1000) {
		struct sign_mark other = make(s, NULL, NOW + ms);
		assert_int_equal(check(s, &other, NOW + ms), SIGN_GOOD);
		assert_int_equal(check(s, &m, NOW + ms), SIGN_REPLAYED);
	}
	assert_int_equal(check(s, &m, NOW + 2 * SIGN_SKEW_MS + 1), SIGN_LATE);
	signer_free(&s);
}

static void nonces_are_forgotten_when_their_time_is_over(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	for (int i = 0; i < 100; i++) {
		struct sign_mark m = make(s, NULL, NOW);
		assert_int_equal(check(s, &m, NOW), SIGN_GOOD);
	}
	assert_int_equal(sign_nonces(s), 100);
	struct sign_mark m = make(s, NULL, NOW + 2 * SIGN_SKEW_MS + 1);
	assert_int_equal(check(s, &m, NOW + 2 * SIGN_SKEW_MS + 1), SIGN_GOOD);
	assert_int_equal(sign_nonces(s), 1);
	signer_free(&s);
}

/* A full table costs nobody a replay: what it forgets is late from then on. */
static void the_table_of_nonces_is_bounded_and_still_refuses_replays(void **state)
{
	(void)state;
	enum { MORE = 100 };
	struct signer *s = signer_of(secret_a, none);
	struct sign_mark *first = mem_zalloc(MORE * sizeof(first[0]));
	for (int i = 0; i < SIGN_NONCES_MAX + MORE; i++) {
		struct sign_mark m = make(s, NULL, NOW + i / 10);
		assert_int_equal(check(s, &m, NOW + i / 10), SIGN_GOOD);
		if (i < MORE)
			first[i] = m;
	}
	assert_int_equal(sign_nonces(s), SIGN_NONCES_MAX);
	for (int i = 0; i < MORE; i++)
		assert_int_equal(check(s, &first[i], NOW + 4000), SIGN_LATE);
	struct sign_mark m = make(s, NULL, NOW + 4000);
	assert_int_equal(check(s, &m, NOW + 4000), SIGN_GOOD);
	free(first);
	signer_free(&s);
}

/* A server whose clock is fast, and that asks without end, is late for itself alone. */
static void a_sender_that_floods_the_table_shrinks_its_own_window(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none), *fast = signer_at("fast", secret_a, none);
	struct sign_mark honest = make_for(s, SELF, NOW), first;
	assert_int_equal(check(s, &honest, NOW), SIGN_GOOD);
	for (int i = 0; i < SIGN_NONCES_MAX + 100; i++) {
		struct sign_mark m = make_for(fast, SELF, NOW + SIGN_SKEW_MS / 2 + i / 100);
		if (i == 0)
			first = m;
		assert_int_equal(check(s, &m, NOW + i / 100), SIGN_GOOD);
	}
	assert_int_equal(sign_nonces(s), SIGN_NONCES_MAX);
	assert_int_equal(check(s, &first, NOW + 400), SIGN_LATE);
	assert_int_equal(check(s, &honest, NOW + 400), SIGN_REPLAYED);
	for (int i = 0; i < 10; i++) {
		struct sign_mark m = make_for(s, SELF, NOW + 400);
		assert_int_equal(check(s, &m, NOW + 400), SIGN_GOOD);
	}
	signer_free(&fast);
	signer_free(&s);
}

static void without_a_secret_nothing_is_signed(void **state)
{
	(void)state;
	struct signer *s = signer_of(none, none);
	struct sign_mark m;
	assert_false(signer_on(s));
	struct sign_what what = what_of("GET", "/", "");
	assert_false(sign_make(s, &m, "a", SELF, &what, NOW));
	char *lines = sign_lines(s, "A: b\r\n", "a", SELF, &what);
	assert_string_equal(lines, "A: b\r\n");
	free(lines);
	signer_free(&s);
}

static void a_signature_travels_in_four_header_lines(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_what what = what_of("GET", "/x", "");
	char *lines = sign_lines(s, "A: b\r\n", "a", SELF, &what);
	char to[40], time[24], nonce[40], mac[80];
	assert_int_equal(sscanf(lines,
				"A: b\r\nX-Srs-To: %39s\r\nX-Srs-Time: %23s\r\n"
				"X-Srs-Nonce: %39s\r\nX-Srs-Sign: %79s\r\n",
				to, time, nonce, mac),
			 4);
	assert_int_equal(
		sign_check(s, &(struct sign_said){to, time, nonce, mac}, &what, atoll(time)),
		SIGN_GOOD);
	free(lines);
	signer_free(&s);
}

/* ---- receivers ---- */

static void a_signature_is_good_at_the_server_that_it_is_for(void **state)
{
	(void)state;
	struct signer *here = signer_of(secret_a, none),
		      *there = signer_at("other", secret_a, none);
	struct signer *again = signer_at("again", secret_a, none); /* `here` after a restart */
	struct sign_mark m = make(here, NULL, NOW);
	assert_int_equal(check(there, &m, NOW), SIGN_MISDIRECTED);
	assert_int_equal(check(again, &m, NOW), SIGN_MISDIRECTED);
	assert_int_equal(sign_nonces(there), 0);
	assert_int_equal(sign_count(there, SIGN_MISDIRECTED), 1);
	assert_int_equal(sign_count(there, SIGN_FORGED), 0);
	assert_int_equal(check(here, &m, NOW), SIGN_GOOD);
	signer_free(&here);
	signer_free(&there);
	signer_free(&again);
}

static void who_does_not_know_the_receiver_is_told_and_a_stranger_is_not(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none), *stranger = signer_of(secret_b, none);
	struct sign_mark m = make_for(s, "", NOW), wrong = make_for(stranger, "", NOW);
	assert_int_equal(check(s, &m, NOW), SIGN_MISDIRECTED);
	assert_int_equal(check(s, &wrong, NOW), SIGN_FORGED);
	m = make_for(s, "", NOW - 10 * SIGN_SKEW_MS); /* whoever's clock is wrong learns it next */
	assert_int_equal(check(s, &m, NOW), SIGN_MISDIRECTED);
	signer_free(&s);
	signer_free(&stranger);
}

static void nothing_is_signed_for_what_is_no_id(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	struct sign_what what = what_of("GET", "/", "");
	struct sign_mark m;
	assert_false(sign_make(s, &m, NULL, "a\nDELETE", &what, NOW));
	assert_false(sign_make(s, &m, NULL, "a name that is far too long", &what, NOW));
	signer_free(&s);
}

static void ids_are_remembered_by_address(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	assert_string_equal(sign_peer(s, "10.0.0.1:1985"), "");
	assert_true(sign_learn(s, "10.0.0.1:1985", "one"));
	assert_false(sign_learn(s, "10.0.0.1:1985", "one"));
	assert_true(sign_learn(s, "10.0.0.2:1985", "two"));
	assert_string_equal(sign_peer(s, "10.0.0.1:1985"), "one");
	assert_true(sign_learn(s, "10.0.0.1:1985", "restarted"));
	assert_string_equal(sign_peer(s, "10.0.0.1:1985"), "restarted");
	static const char *const bad[] = {"", "a b", "a\r\nX: y", "a name that is far too long"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sign_learn(s, "10.0.0.1:1985", bad[i]));
	assert_string_equal(sign_peer(s, "10.0.0.1:1985"), "restarted");
	signer_free(&s);
}

static void the_oldest_address_is_forgotten_first(void **state)
{
	(void)state;
	struct signer *s = signer_of(secret_a, none);
	char name[32];
	for (int i = 0; i < SIGN_PEERS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "host-%d:1985", i);
		assert_true(sign_learn(s, name, "id"));
	}
	for (int i = 0; i < SIGN_PEERS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "host-%d:1985", i);
		assert_string_equal(sign_peer(s, name), i < 10 ? "" : "id");
	}
	signer_free(&s);
}

/* ---- files ---- */

static err load_file(struct signer *s, char *path, const char *text, size_t n, mode_t mode)
{
	char name[] = "a";
	struct conf_vhost vhost = {.name = name, .cluster = {.secret = none, .secret_file = path}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return signer_load(s, &conf);
}

static void a_secret_may_be_in_a_file(void **state)
{
	(void)state;
	static char large[SIGN_SECRET_MAX + 1];
	memset(large, 'x', sizeof(large));
	static const struct {
		const char *text;
		size_t n;
		err e;
		bool same; /* as alpha */
	} cases[] = {
		{"alpha", 5, OK, true},           {"alpha\n", 6, OK, true},
		{"alpha\r\n", 7, OK, true},       {"alpha\n\n", 7, OK, true},
		{" alpha", 6, OK, false},         {"al\npha\n", 7, OK, false},
		{"", 0, ERR_CONFIG, false},       {"\n", 1, ERR_CONFIG, false},
		{"al\0ha", 5, ERR_CONFIG, false}, {large, sizeof(large), ERR_CONFIG, false},
	};
	char path[] = P_tmpdir "/sign_test.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct signer *there = signer_of(secret_a, none);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct signer *s = signer_of(secret_b, none);
		assert_int_equal(load_file(s, path, cases[i].text, cases[i].n, 0600), cases[i].e);
		struct sign_mark m = make(there, NULL, NOW), before = make(s, NULL, NOW);
		assert_int_equal(check(s, &m, NOW), cases[i].same ? SIGN_GOOD : SIGN_FORGED);
		assert_int_equal(check(s, &before, NOW), SIGN_GOOD);
		signer_free(&s);
	}
	unlink(path);
	struct signer *s = signer_of(secret_a, none);
	char name[] = "a";
	struct conf_vhost vhost = {.name = name, .cluster = {.secret = none, .secret_file = path}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	assert_int_equal(signer_load(s, &conf), ERR_CONFIG);
	assert_true(signer_on(s));
	signer_free(&s);
	signer_free(&there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_signed_with_a_secret_of_ours_is_good),
		cmocka_unit_test(every_part_of_a_request_is_signed),
		cmocka_unit_test(a_request_without_a_signature_is_missing_one),
		cmocka_unit_test(a_request_is_good_once),
		cmocka_unit_test(a_time_within_the_skew_is_good),
		cmocka_unit_test(a_time_in_the_future_cannot_be_replayed_as_long_as_it_is_good),
		cmocka_unit_test(nonces_are_forgotten_when_their_time_is_over),
		cmocka_unit_test(the_table_of_nonces_is_bounded_and_still_refuses_replays),
		cmocka_unit_test(a_sender_that_floods_the_table_shrinks_its_own_window),
		cmocka_unit_test(without_a_secret_nothing_is_signed),
		cmocka_unit_test(a_signature_travels_in_four_header_lines),
		cmocka_unit_test(a_signature_is_good_at_the_server_that_it_is_for),
		cmocka_unit_test(who_does_not_know_the_receiver_is_told_and_a_stranger_is_not),
		cmocka_unit_test(nothing_is_signed_for_what_is_no_id),
		cmocka_unit_test(ids_are_remembered_by_address),
		cmocka_unit_test(the_oldest_address_is_forgotten_first),
		cmocka_unit_test(a_secret_may_be_in_a_file),
	};
	return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
