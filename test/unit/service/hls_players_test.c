/* Sessions of players over HLS: how many one address may have. */
#include "base/log.h"
#include "service/hls_players.h"
#include "support/co_unit.h"
#include "support/fake_time.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct hls_players *players;
static char host[] = "h", vhost[] = DEFAULT_VHOST, app[] = "live", stream[] = "x", other[] = "y",
	    nothing[] = "";

static int setup(void **state)
{
	int failed = co_setup(state);
	char *conf = test_server_vhost("hls { enabled on; }");
	log_set_level(LOG_ERROR); /* each session is a line */
	server = test_server_new(conf);
	players = hls_players_new(server);
	free(conf);
	return failed;
}

static int teardown(void **state)
{
	hls_players_end(players);
	co_group_stop(&server->services);
	hls_players_free(&players);
	test_server_free(&server);
	log_set_level(LOG_INFO);
	return co_teardown(state);
}

static int setup_fake_time(void **state)
{
	fake_time_begin();
	return setup(state);
}

static int teardown_fake_time(void **state)
{
	int failed = teardown(state);
	fake_time_end();
	return failed;
}

/* A first request from that address. */
static err begin(const char *ip, int *code)
{
	struct addr peer;
	struct conn_place place = {0};
	struct outcome outcome = {0};
	struct hls_asked a = {
		.vhost = conf_vhost_find(server->conf, vhost),
		.name = {.app = app, .stream = stream},
		.target = {.host = host,
			   .vhost = vhost,
			   .app = app,
			   .stream = stream,
			   .param = nothing},
	};
	assert_true(addr_literal(&peer, ip, 4000));
	a.request = (struct request){.server = server,
				     .conf = server->conf,
				     .vhost = a.vhost,
				     .target = &a.target,
				     .peer = &peer,
				     .type = "hls-play",
				     .tc_url = "http://h/live",
				     .page_url = "",
				     .swf_url = "",
				     .url = "/live/x.m3u8",
				     .path_asked = "",
				     .proof = "",
				     .http = true,
				     .path = "",
				     .via = "",
				     .redirected = ""};
	err e = hls_players_begin(players, &a, &place, NULL, &outcome);
	*code = (int)outcome.code;
	return e;
}

static void one_address_has_a_share_of_the_sessions(void **state)
{
	int code;
	(void)state;
	for (int i = 0; i < HLS_PLAYERS_PER_ADDRESS; i++)
		assert_int_equal(begin("192.0.2.1", &code), OK);
	assert_int_not_equal(begin("192.0.2.1", &code), OK);
	assert_int_equal(code, OUTCOME_FULL);
	assert_int_equal(begin("192.0.2.2", &code), OK);
	assert_int_equal(begin("127.0.0.1", &code), OK);
	hls_players_end(players);
	assert_int_equal(begin("192.0.2.1", &code), OK);
}

/* ---- what observers hear ---- */

static struct {
	int count;
	err ended;
	char why[80];
	bool had_media;
} left;

static void note_end(struct client_observer *o, struct client *c)
{
	(void)o;
	left.count++;
	left.ended = c->ended;
	left.had_media = c->first_ms > 0;
	snprintf(left.why, sizeof(left.why), "%s", client_why(c));
}

static struct client *begin_one(void)
{
	int code;
	assert_int_equal(begin("192.0.2.1", &code), OK);
	return server->stat.clients->prev;
}

/* An answer to a request with that session, for that stream. */
static void sent(const struct client *c, char *name, bool has_media)
{
	struct hls_asked a = {.vhost = conf_vhost_find(server->conf, vhost),
			      .name = {.app = app, .stream = name}};
	snprintf(a.session, sizeof(a.session), "%s", c->id);
	hls_players_sent(players, &a, 100, has_media);
}

static void its_end_has_a_reason(void **state)
{
	struct client_observer observer = {.on_leave = note_end, .on_refuse = note_end};
	int code;
	(void)state;
	memset(&left, 0, sizeof(left));
	stat_observe(&server->stat, &observer);
	const struct client *c = begin_one();
	sent(c, stream, false);
	assert_int_equal(c->first_ms, 0);
	sent(c, other, true); /* a session is of one stream */
	assert_int_equal(c->first_ms, 0);
	sent(c, stream, true);
	assert_int_equal(client_traffic(c).send, 200);
	assert_true(c->first_ms > 0);
	hls_players_end(players);
	assert_int_equal(left.ended, ERR_STOPPED);
	assert_true(left.had_media);
	client_stop(begin_one(), ERR_KICKED);
	hls_players_end(players);
	assert_int_equal(left.ended, ERR_KICKED);
	assert_false(left.had_media);
	(void)begin_one();
	fake_time_pass(60000);
	(void)co_sleep(2000);
	assert_int_equal(left.count, 3);
	assert_int_equal(left.ended, ERR_CLOSED);
	assert_string_equal(left.why, "nothing was asked with its session for 30 s");
	for (int i = 0; i < HLS_PLAYERS_PER_ADDRESS; i++)
		(void)begin_one();
	assert_int_not_equal(begin("192.0.2.1", &code), OK);
	assert_int_equal(left.count, 4); /* the one that was refused */
	assert_int_equal(left.ended, ERR_FULL);
	stat_unobserve(&server->stat, &observer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_address_has_a_share_of_the_sessions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(its_end_has_a_reason, setup_fake_time,
						teardown_fake_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
