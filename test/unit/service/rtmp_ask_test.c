/* What an origin is asked about a client of an edge while it cannot decide, and what the edge makes of that. */
#include "cluster/inside.h"
#include "cluster/peer.h"
#include "service/rtmp_service.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/rtmp_guest.h"
#include "support/test_server.h"

static struct server *origin, *edge;
static struct rtmp_guest player;
static const struct rtmp_guest_opts plain = {0};

static int setup(void **state)
{
	memset(&player, 0, sizeof(player));
	return co_setup(state);
}

static int teardown(void **state)
{
	rtmp_guest_leave(&player);
	test_server_free(&edge);
	test_server_free(&origin);
	return co_teardown(state);
}

static struct api_stub silent; /* a web service that does not answer */

/* Asks it about each client. */
static void begin_undecided(void)
{
	api_open(&silent, NULL);
	char *content =
		mem_printf("http_hooks { enabled on; on_connect http://%s/; }", silent.name);
	char *conf = test_server_vhost(content);
	origin = test_server_new(conf);
	free(conf);
	free(content);
}

/* No answer is one that the edge can get elsewhere, and a refusal is not. */
static void who_asks_a_server_that_stops_gets_no_answer(void **state)
{
	(void)state;
	begin_undecided();
	struct amf *question = amf_object();
	amf_set(question, "action", amf_string("play"));
	amf_set(question, "app", amf_string("live"));
	amf_set(question, "stream", amf_string("x"));
	assert_int_equal(rtmp_guest_connect(&player, origin, &plain), OK);
	rtmp_put_command(player.conn, CSID_CONNECTION, 0, "srs_may", 5, amf_null(), question, NULL);
	assert_int_equal(rtmp_flush(player.conn), OK);
	wait_until(silent.requests == 1);
	co_group_stop(&origin->sessions);
	rtmp_guest_hear_end(&player);
	assert_null(player.heard.n ? strstr(buf_text(&player.heard), "_result") : NULL);
	api_close(&silent);
}

/* The places beyond max_connections are for servers that prove who they are. */
static void a_question_of_a_stranger_has_no_place_of_theirs(void **state)
{
	(void)state;
	struct rtmp_guest filler = {0};
	origin = test_server_new("listen 1935; max_connections 1; vhost __defaultVhost__ { }");
	struct amf *args = amf_object();
	amf_set(args, "srs_ask", amf_number(1));
	assert_int_equal(rtmp_guest_connect(&filler, origin, &plain), OK);
	err e = rtmp_guest_connect(&player, origin, &(struct rtmp_guest_opts){.args = args});
	if (!e) {
		struct amf *question = amf_object();
		amf_set(question, "action", amf_string("play"));
		amf_set(question, "app", amf_string("live"));
		amf_set(question, "stream", amf_string("x"));
		rtmp_put_command(player.conn, CSID_CONNECTION, 0, "srs_may", 5, amf_null(),
				 question, NULL);
		assert_int_equal(rtmp_flush(player.conn), OK);
		rtmp_guest_hear_end(&player);
	}
	assert_null(player.heard.n ? strstr(buf_text(&player.heard), "allowed") : NULL);
	rtmp_guest_leave(&filler);
}

/* A web service that hangs must not make the edge take its origins for lost. */
static void an_origin_that_does_not_answer_about_a_client_is_none_the_worse(void **state)
{
	(void)state;
	struct listener *door;
	begin_undecided();
	assert_int_equal(
		listener_open(&door, &(struct listen_opts){.at = {"127.0.0.1"},
							   .what = "origin",
							   .on_accept = rtmp_service_accept,
							   .ctx = origin}),
		OK);
	listener_start(door);
	char *name = mem_printf("127.0.0.1:%d", listener_port(door));
	char *content = mem_printf("cluster { mode remote; origin %s; token_traverse on; }", name);
	char *conf = test_server_vhost(content);
	edge = test_server_new(conf);
	assert_int_equal(rtmp_guest_connect(&player, edge, &plain), OK);
	assert_int_equal(rtmp_guest_play(&player, "x"), OK);
	wait_until(silent.requests == 1);
	co_group_stop(&origin->sessions);
	rtmp_guest_hear(&player, "NetConnection.Connect.Rejected");
	const struct peer *peer = peer_known(edge->cluster->peers, name);
	assert_int_equal(peer->failures, 0);
	assert_true(peer->no_answer_ms > 0);
	listener_close(&door);
	api_close(&silent);
	free(content);
	free(conf);
	free(name);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(who_asks_a_server_that_stops_gets_no_answer),
		with(a_question_of_a_stranger_has_no_place_of_theirs),
		with(an_origin_that_does_not_answer_about_a_client_is_none_the_worse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
