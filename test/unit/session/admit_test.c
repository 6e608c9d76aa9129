/* What an admission believes of a server, whom it sends elsewhere, and what links that are signed decide. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "session/admit.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/test_server.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static char host[] = "h", vhost[] = DEFAULT_VHOST, app[] = "live", stream[] = "x", nothing[] = "";

/* Someone at the door, with everything that an admission looks at. */
static struct visitor {
	struct target target;
	struct addr peer;
	struct announce announce;
	struct request request;
	struct conn_place place;
	struct outcome outcome;
	struct token_words token;
	struct admission admission;
	enum sign_verdict verdict;
	int verified;
} v;

static int teardown(void **state)
{
	test_server_free(&server);
	return co_teardown(state);
}

static enum sign_verdict verify(void *ctx)
{
	((struct visitor *)ctx)->verified++;
	return ((struct visitor *)ctx)->verdict;
}

static void begin(const char *content)
{
	char *conf = test_server_vhost(content);
	test_server_free(&server);
	server = test_server_new(conf);
	free(conf);
}

static void arrive(void)
{
	v = (struct visitor){
		.target = {.host = host,
			   .vhost = vhost,
			   .app = app,
			   .stream = stream,
			   .param = nothing},
		.token = {.app = "live", .tc_url = "rtmp://h/live", .page_url = "", .swf_url = ""},
	};
	assert_true(addr_literal(&v.peer, "192.0.2.1", 4000));
	snprintf(v.announce.api, sizeof(v.announce.api), "192.0.2.1:1985");
	v.request = (struct request){
		.server = server,
		.conf = server->conf,
		.vhost = &server->conf->vhosts[0],
		.target = &v.target,
		.peer = &v.peer,
		.tc_url = "",
		.page_url = "",
		.swf_url = "",
		.url = "",
		.path_asked = "",
		.proof = "",
		.announce = &v.announce,
		.path = "",
		.via = "",
		.redirected = "",
	};
	v.admission = (struct admission){
		.request = &v.request,
		.place = &v.place,
		.verify = verify,
		.ctx = &v,
		.token = &v.token,
		.outcome = &v.outcome,
	};
}

static err admitted(void)
{
	return admit_stream(&v.admission);
}

/* ---- what an origin is asked ---- */

/* Words that cannot be signed are not asked about, and their client cannot bring the origins into disrepute. */
static void words_without_end_are_no_question(void **state)
{
	(void)state;
	char *words = mem_alloc(CLAIM_MAX + 1);
	memset(words, 'x', CLAIM_MAX);
	words[CLAIM_MAX] = '\0';
	begin("cluster { mode remote; origin 127.0.0.1:1; token_traverse on; }");
	arrive();
	v.request.path_asked = words;
	assert_int_equal(admitted(), ERR_DENIED);
	assert_string_equal(v.outcome.text, "its words are too long to be asked about");
	arrive();
	assert_int_equal(admitted(), ERR_UPSTREAM);
	assert_int_equal(v.outcome.code, OUTCOME_UNDECIDED);
	free(words);
}

/* ---- servers ---- */

static const char secret[] = "cluster { secret one-that-is-long-enough; }";

static void arrive_as_server(enum sign_verdict verdict)
{
	arrive();
	v.request.says_relay = true;
	v.request.path = ",edge";
	v.request.redirected = "somewhere:1";
	v.verdict = verdict;
}

static void a_server_that_has_signed_is_one(void **state)
{
	(void)state;
	begin(secret);
	arrive_as_server(SIGN_GOOD);
	assert_int_equal(admitted(), OK);
	assert_int_equal(v.verified, 1);
	assert_true(v.request.is_relay && v.announce.is_proven);
	assert_string_equal(v.announce.api, "192.0.2.1:1985");
}

static void a_server_that_has_not_signed_is_an_ordinary_client(void **state)
{
	(void)state;
	begin(secret);
	arrive_as_server(SIGN_FORGED);
	assert_int_equal(admitted(), OK);
	assert_false(v.request.is_relay || v.announce.is_proven);
	assert_string_equal(v.announce.api, "");
	assert_string_equal(v.request.redirected, "");
}

static void a_server_that_has_signed_for_another_is_told_where_that_can_be_said(void **state)
{
	(void)state;
	begin(secret);
	arrive_as_server(SIGN_MISDIRECTED);
	v.admission.can_correct = true;
	assert_int_equal(admitted(), outcome_err(OUTCOME_MISDIRECTED));
	assert_int_equal(v.outcome.code, OUTCOME_MISDIRECTED);
	arrive_as_server(SIGN_MISDIRECTED);
	assert_int_equal(admitted(), OK);
	assert_false(v.request.is_relay);
}

static void without_a_secret_a_server_is_believed_its_words(void **state)
{
	(void)state;
	begin("");
	arrive_as_server(SIGN_FORGED);
	assert_int_equal(admitted(), OK);
	assert_int_equal(v.verified, 0);
	assert_true(v.request.is_relay);
	arrive();
	assert_int_equal(admitted(), OK);
	assert_false(v.request.is_relay);
}

/* ---- the reserve ---- */

static err admitted_to_reserve(enum sign_verdict verdict)
{
	arrive_as_server(verdict);
	v.place.is_reserved = true;
	assert_int_equal(admit_connection(&v.admission), OK);
	return admitted();
}

static void the_reserve_is_for_servers_that_have_proven_themselves(void **state)
{
	(void)state;
	begin(secret);
	assert_int_equal(admitted_to_reserve(SIGN_FORGED), outcome_err(OUTCOME_FULL));
	assert_int_equal(admitted_to_reserve(SIGN_GOOD), OK);
	test_server_free(&server);
	begin("cluster { relays 192.0.2.0/24; }");
	assert_int_equal(admitted_to_reserve(SIGN_MISSING), OK);
	test_server_free(&server);
	begin("");
	assert_int_equal(admitted_to_reserve(SIGN_GOOD), outcome_err(OUTCOME_FULL));
}

static void a_server_of_a_listed_address_has_none_of_that_addresses_places(void **state)
{
	static const struct place_limits one = {.all = 10, .per_address = 1};
	struct conn_place other;
	(void)state;
	begin("cluster { relays 192.0.2.0/24; }");
	arrive_as_server(SIGN_MISSING);
	assert_true(place_take(&v.place, &server->places, &one, "RTMP", &v.peer));
	assert_true(place_take(&other, &server->places, &one, "RTMP", &v.peer));
	assert_true(other.is_reserved); /* its address has no more */
	place_give(&other);
	assert_int_equal(admitted(), OK);
	assert_true(place_take(&other, &server->places, &one, "RTMP", &v.peer));
	assert_false(other.is_reserved);
	place_give(&other);
	place_give(&v.place);
}

/* Of an upgrade: no signature tells it from others, but this host does. */
static void the_reserve_is_for_the_process_that_has_taken_over(void **state)
{
	(void)state;
	begin("");
	server->next.state = GENERATION_THERE;
	assert_int_equal(admitted_to_reserve(SIGN_MISSING), outcome_err(OUTCOME_FULL));
	arrive_as_server(SIGN_MISSING);
	assert_true(addr_literal(&v.peer, "127.0.0.1", 4000));
	v.place.is_reserved = true;
	assert_int_equal(admitted(), OK);
}

/* Of another vhost: what is unproven is then not asked about its viewers. */
static void a_secret_elsewhere_has_the_address_of_an_API_proven(void **state)
{
	(void)state;
	test_server_free(&server);
	server = test_server_new(
		"vhost __defaultVhost__ { } "
		"vhost other.example { cluster { secret one-that-is-long-enough; } }");
	arrive_as_server(SIGN_MISSING);
	assert_int_equal(admitted(), OK);
	assert_int_equal(v.verified, 1);
	assert_true(v.request.is_relay);
	assert_string_equal(v.announce.api, "");
}

/* ---- a server that is being drained ---- */

static void a_draining_server_lets_nobody_new_in(void **state)
{
	(void)state;
	begin("cluster { origin_cluster on; coworkers 127.0.0.1:1; }");
	server->drain.state = DRAIN_ON;
	arrive();
	assert_int_equal(admitted(), outcome_err(OUTCOME_DRAINING));
	assert_int_equal(v.outcome.code, OUTCOME_DRAINING);
	arrive_as_server(SIGN_MISSING);
	assert_int_equal(admitted(), OK); /* to fetch what is here */
	arrive_as_server(SIGN_MISSING);
	v.request.publish = true;
	assert_int_equal(admitted(), outcome_err(OUTCOME_DRAINED));
	assert_int_equal(v.outcome.code, OUTCOME_DRAINED);
}

/* ---- rules ---- */

static void what_the_configuration_forbids_is_denied(void **state)
{
	(void)state;
	static const struct {
		const char *content;
		bool publish;
		const char *words;
	} cases[] = {
		{"security { enabled on; deny play all; }", false, "this address may not play"},
		{"security { enabled on; deny publish 192.0.2.0/24; }", true,
		 "this address may not publish"},
		{"refer { enabled on; play page.example; }", false, "this page may not play"},
		{"refer { enabled on; publish page.example; }", true, "this page may not publish"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].content);
		arrive();
		v.request.publish = cases[i].publish;
		assert_int_equal(admitted(), outcome_err(OUTCOME_DENIED));
		if (!strstr(v.outcome.text, cases[i].words))
			fail_msg("%s: %s", cases[i].content, v.outcome.text);
		assert_true(v.admission.has_asked);
	}
}

static void a_link_that_has_to_be_signed_is_checked(void **state)
{
	(void)state;
	char param[] = "?token=1";
	begin("signed_links { enabled on; keys k:a-key-that-is-long-enough; }");
	arrive();
	assert_int_equal(admitted(), outcome_err(OUTCOME_DENIED));
	assert_true(*v.outcome.text);
	arrive();
	v.target.param = param;
	v.request.path_asked = "/live/x.flv";
	assert_int_equal(admitted(), outcome_err(OUTCOME_DENIED));
}

/* ---- only a vhost ---- */

static void what_can_be_said_before_the_stream_is_named_is_said(void **state)
{
	(void)state;
	begin("");
	arrive();
	assert_int_equal(admit_connection(&v.admission), OK);
	v.place.is_reserved = true;
	assert_int_equal(admit_connection(&v.admission), outcome_err(OUTCOME_FULL));
	arrive();
	v.target.stream = nothing;
	assert_int_equal(admit_connection(&v.admission), OK);
	assert_int_equal(admitted(), outcome_err(OUTCOME_BAD_NAME));
	arrive();
	v.request.vhost = NULL;
	assert_int_equal(admit_connection(&v.admission), outcome_err(OUTCOME_NO_VHOST));
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, co_setup, teardown)
	const struct CMUnitTest tests[] = {
		with(words_without_end_are_no_question),
		with(a_server_that_has_signed_is_one),
		with(a_server_that_has_not_signed_is_an_ordinary_client),
		with(a_server_that_has_signed_for_another_is_told_where_that_can_be_said),
		with(without_a_secret_a_server_is_believed_its_words),
		with(the_reserve_is_for_servers_that_have_proven_themselves),
		with(a_server_of_a_listed_address_has_none_of_that_addresses_places),
		with(the_reserve_is_for_the_process_that_has_taken_over),
		with(a_secret_elsewhere_has_the_address_of_an_API_proven),
		with(a_draining_server_lets_nobody_new_in),
		with(what_the_configuration_forbids_is_denied),
		with(a_link_that_has_to_be_signed_is_checked),
		with(what_can_be_said_before_the_stream_is_named_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
