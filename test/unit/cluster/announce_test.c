/* What a relay says of itself, and that no two things it could say are signed alike. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "support/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define URL "rtmp://a/live"

static char secret[] = "alpha", none[] = "", vhost_name[] = "a";

static struct server server_of(const char *id)
{
	struct conf_vhost vhost = {.name = vhost_name,
				   .cluster = {.secret = secret, .secret_file = none}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	struct server s = {.signer = signer_new(id)};
	assert_int_equal(signer_load(s.signer, &conf), OK);
	return s;
}

static struct amf *args_of(const char *path, const char *via, double api)
{
	struct amf *args = amf_object();
	amf_set(args, "srs_node", amf_string("edge1"));
	amf_set(args, "srs_path", amf_string(path));
	amf_set(args, "srs_via", amf_string(via));
	amf_set(args, "srs_api", amf_number(api));
	return args;
}

static struct amf *prove(const struct server *edge, const struct relay_claim *claim, const char *to)
{
	struct buf text = {.max = CLAIM_MAX};
	relay_claim_write(&text, claim);
	struct amf *proof = announce_proof(edge, vhost_name, claim->publish, buf_span(&text), to);
	buf_free(&text);
	return proof;
}

static void a_proof_is_good_for_what_it_was_made_for(void **state)
{
	(void)state;
	static const struct {
		const char *url, *stream, *path, *via, *to;
		double api;
		bool publish;
		enum sign_verdict want;
	} cases[] = {
		{URL, "x", ",a", ",b", "here", 1985, false, SIGN_GOOD},
		{URL, "y", ",a", ",b", "here", 1985, false, SIGN_FORGED},
		{URL "2", "x", ",a", ",b", "here", 1985, false, SIGN_FORGED},
		{URL, "x", ",a,", "b", "here", 1985, false, SIGN_FORGED},
		{URL, "x", ",a,b", "", "here", 1985, false, SIGN_FORGED},
		{URL, "x", ",a", ",b", "here", 1986, false, SIGN_FORGED},
		{URL, "x", ",a", ",b", "here", 1985, true, SIGN_FORGED},
		{URL, "x", ",a", ",b", "there", 1985, false, SIGN_MISDIRECTED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server here = server_of("here"), edge = server_of("edge");
		struct amf *said = args_of(cases[i].path, cases[i].via, cases[i].api);
		struct amf *signed_for = args_of(",a", ",b", 1985);
		struct amf *proof = prove(&edge, &(struct relay_claim){signed_for, URL, "x", false},
					  cases[i].to);
		const struct relay_claim claim = {said, cases[i].url, cases[i].stream,
						  cases[i].publish};
		assert_int_equal(announce_check(&here, proof, &claim), cases[i].want);
		if (cases[i].want == SIGN_GOOD)
			assert_int_equal(announce_check(&here, proof, &claim), SIGN_REPLAYED);
		amf_free(&proof);
		amf_free(&said);
		amf_free(&signed_for);
		signer_free(&here.signer);
		signer_free(&edge.signer);
	}
}

static void a_claim_without_a_proof_is_not_signed(void **state)
{
	(void)state;
	struct server here = server_of("here");
	struct amf *args = args_of(",a", "", 0), *empty = amf_object(), *null = amf_null();
	const struct relay_claim claim = {args, URL, "x", false};
	assert_int_equal(announce_check(&here, NULL, &claim), SIGN_MISSING);
	assert_int_equal(announce_check(&here, null, &claim), SIGN_MISSING);
	assert_int_equal(announce_check(&here, empty, &claim), SIGN_MISSING);
	const struct relay_claim bare = {NULL, URL, "x", false};
	assert_int_equal(announce_check(&here, NULL, &bare), SIGN_MISSING);
	amf_free(&args);
	amf_free(&empty);
	amf_free(&null);
	signer_free(&here.signer);
}

/* What does not fit is cut: two such claims could be alike. */
static void a_claim_that_is_too_long_is_not_believed(void **state)
{
	(void)state;
	struct server here = server_of("here");
	char *path = mem_zalloc(CLAIM_MAX + 1);
	memset(path, 'a', CLAIM_MAX);
	struct amf *args = args_of(path, "", 0);
	const struct relay_claim claim = {args, URL, "x", false};
	struct amf *proof = prove(&here, &claim, "here");
	assert_int_equal(announce_check(&here, proof, &claim), SIGN_FORGED);
	amf_free(&proof);
	amf_free(&args);
	free(path);
	signer_free(&here.signer);
}

static void a_relay_says_until_when_it_has_had_the_stream(void **state)
{
	(void)state;
	int64_t now = clock_ms();
	int64_t until = announce_had_until(200);
	assert_true(until >= 1 && until <= now - 200 + 5);
	assert_int_equal(announce_had_until(0), 0);
	assert_int_equal(announce_had_until(-5), 0);
	assert_int_equal(announce_had_until(1e18), 0);
	assert_int_equal(announce_had_until(NAN), 0);
}

static void numbers_of_players_are_taken_within_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		double number;
		bool is_told;
		int64_t players; /* afterwards */
	} cases[] = {
		{"srs_players", 0, true, 0},
		{"srs_players", 17.9, true, 17},
		{"srs_players", -1, true, 17},
		{"srs_players", 1e12, true, 17},
		{"srs_players", NAN, true, 17},
		{"srs_players", INFINITY, true, 17},
		{"srs_players", 1e9, true, 1000000000},
		{"pause", 5, false, 1000000000},
	};
	struct announce a = {.is_proven = true};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct amf *number = amf_number(cases[i].number);
		char *name = mem_strdup(cases[i].name);
		struct command c = {.name = name, .argc = 1, .args = {number}};
		assert_int_equal(announce_take_players(&a, &c), cases[i].is_told);
		assert_int_equal(a.players, cases[i].players);
		amf_free(&number);
		free(name);
	}
	char told[] = "srs_players";
	const struct command bare = {.name = told};
	assert_true(announce_take_players(&a, &bare));
	assert_int_equal(a.players, 1000000000);
}

static void a_relay_that_proves_nothing_has_no_more_players_than_a_claim_may_be(void **state)
{
	char told[] = "srs_players";
	struct amf *number = amf_number(5e8);
	struct command c = {.name = told, .argc = 1, .args = {number}};
	struct announce a = {0};
	(void)state;
	assert_true(announce_take_players(&a, &c));
	assert_int_equal(a.players, CLAIM_PLAYERS_MAX);
	amf_free(&number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proof_is_good_for_what_it_was_made_for),
		cmocka_unit_test(a_claim_without_a_proof_is_not_signed),
		cmocka_unit_test(a_claim_that_is_too_long_is_not_believed),
		cmocka_unit_test(a_relay_says_until_when_it_has_had_the_stream),
		cmocka_unit_test(numbers_of_players_are_taken_within_bounds),
		cmocka_unit_test(
			a_relay_that_proves_nothing_has_no_more_players_than_a_claim_may_be),
	};
	return cmocka_run_group_tests_name("announce", tests, NULL, NULL);
}
