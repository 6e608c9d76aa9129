/* An RTMP connection from its birth to its end, as the client at its other end sees it. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "service/rtmp_service.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/datagram.h"
#include "support/pair.h"
#include "support/rtmp_guest.h"
#include "support/rtmp_peer.h"
#include "support/test_server.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct rtmp_guest publisher, player;
static const struct rtmp_guest_opts plain = {0};

static int setup(void **state)
{
	memset(&publisher, 0, sizeof(publisher));
	memset(&player, 0, sizeof(player));
	return co_setup(state);
}

static int teardown(void **state)
{
	rtmp_guest_leave(&player);
	rtmp_guest_leave(&publisher);
	test_server_free(&server);
	return co_teardown(state);
}

static void begin(const char *content)
{
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	free(conf);
}

/* live/x is published, and played up to its first picture. */
static void begin_both(const char *content)
{
	begin(content);
	assert_int_equal(rtmp_guest_connect(&publisher, server, &plain), OK);
	assert_int_equal(rtmp_guest_publish(&publisher, "x"), OK);
	assert_int_equal(rtmp_guest_connect(&player, server, &plain), OK);
	assert_int_equal(rtmp_guest_play(&player, "x"), OK);
	rtmp_guest_hear(&player, "NetStream.Play.Start");
	wait_until(server->stat.client_count == 2);
	rtmp_guest_send(&publisher, GUEST_KEY, 0);
	rtmp_guest_watch(&player, 1);
}

static struct client *client_of(bool publish)
{
	struct client *c = server->stat.clients;
	while (c && c->publish != publish)
		c = c->next;
	assert_non_null(c);
	return c;
}

/* ---- publishing and playing ---- */

static void what_one_publishes_another_plays(void **state)
{
	(void)state;
	begin_both("play { mw_latency 0; }");
	for (uint32_t i = 1; i <= 10; i++)
		rtmp_guest_send(&publisher, i % 2 ? GUEST_SOUND : GUEST_PICTURE, i * 40);
	rtmp_guest_watch(&player, 6);
	assert_in_range(player.audio, 4, 5);
	assert_int_equal(player.last_ts, 400);
	assert_string_equal(client_of(true)->type, "flash-publish");
	assert_string_equal(client_of(false)->type, "rtmp-play");
	assert_string_equal(client_of(false)->page_url, "http://page.example/");
	assert_true(client_traffic(client_of(true)).recv > HANDSHAKE_SIZE);
	rtmp_guest_leave(&player);
	wait_until(server->stat.client_count == 1);
	rtmp_guest_leave(&publisher);
	wait_until(server->stat.client_count == 0 && server->places.count == 0);
}

static void metadata_goes_to_who_comes_later(void **state)
{
	(void)state;
	struct buf b = {.max = 4096};
	begin_both("play { mw_latency 0; }");
	struct amf *meta = amf_object();
	amf_set(meta, "width", amf_number(640));
	struct amf *name = amf_string("@setDataFrame"), *event = amf_string("onMetaData");
	amf_write(&b, name);
	amf_write(&b, event);
	amf_write(&b, meta);
	rtmp_put(publisher.conn, CSID_DATA, RTMP_DATA, publisher.stream_id, 0, buf_span(&b));
	rtmp_guest_send(&publisher, GUEST_HEADER, 0);
	rtmp_guest_hear(&player, "data");
	amf_free(&meta);
	amf_free(&name);
	amf_free(&event);
	buf_free(&b);
}

static void who_has_unpublished_may_publish_again_on_the_connection(void **state)
{
	(void)state;
	begin_both("");
	rtmp_guest_say(&publisher, "FCUnpublish", amf_string("x"));
	wait_until(server->stat.client_count == 1);
	rtmp_guest_say(&publisher, "deleteStream", amf_number(publisher.stream_id));
	assert_int_equal(rtmp_guest_publish(&publisher, "y"), OK);
	wait_until(server->stat.client_count == 2);
	assert_string_equal(client_of(true)->source->stream, "y");
}

static void a_player_that_pauses_gets_nothing_until_it_goes_on(void **state)
{
	(void)state;
	begin_both("play { mw_latency 0; }");
	rtmp_guest_say(&player, "pause", amf_bool(true));
	rtmp_guest_hear(&player, "NetStream.Pause.Notify");
	rtmp_guest_send(&publisher, GUEST_PICTURE, 40);
	wait_until(client_of(true)->source->video_frames == 2);
	rtmp_guest_say(&player, "pause", amf_bool(false));
	rtmp_guest_hear(&player, "NetStream.Unpause.Notify");
	assert_int_equal(player.video, 1);
	rtmp_guest_send(&publisher, GUEST_KEY, 80);
	rtmp_guest_watch(&player, 2);
}

static void a_player_may_do_without_sound_or_pictures(void **state)
{
	(void)state;
	begin_both("play { mw_latency 0; }");
	rtmp_guest_say(&player, "receiveAudio", amf_bool(false));
	rtmp_guest_hear(&player, "NetStream.Play.Start");
	int64_t bytes = sock_recv_bytes(player.conn->sock);
	rtmp_guest_say(&player, "pause",
		       amf_bool(false)); /* its answer says that all before was heard */
	rtmp_guest_hear(&player, "NetStream.Unpause.Notify");
	for (uint32_t ts = 40; ts < 200; ts += 40)
		rtmp_guest_send(&publisher, GUEST_SOUND, ts);
	rtmp_guest_send(&publisher, GUEST_PICTURE, 200);
	rtmp_guest_watch(&player, 2);
	assert_int_equal(player.audio, 0);
	assert_true(sock_recv_bytes(player.conn->sock) > bytes);
	rtmp_guest_say(&player, "receiveVideo", amf_bool(false));
	rtmp_guest_say(&player, "receiveAudio", amf_bool(true));
	rtmp_guest_say(&player, "closeStream", amf_null());
	wait_until(server->stat.client_count == 1);
}

static void a_play_of_a_duration_ends_and_another_may_follow(void **state)
{
	(void)state;
	begin("play { mw_latency 0; }");
	assert_int_equal(rtmp_guest_connect(&publisher, server, &plain), OK);
	assert_int_equal(rtmp_guest_publish(&publisher, "x"), OK);
	assert_int_equal(rtmp_guest_connect(&player, server, &plain), OK);
	rtmp_put_command(player.conn, CSID_STREAM, player.stream_id, "play", 0, amf_string("x"),
			 amf_number(-2), amf_number(100));
	assert_int_equal(rtmp_flush(player.conn), OK);
	rtmp_guest_hear(&player, "NetStream.Play.Start");
	for (uint32_t ts = 0; ts <= 400; ts += 40)
		rtmp_guest_send(&publisher, ts ? GUEST_PICTURE : GUEST_KEY, ts);
	rtmp_guest_hear(&player, "NetStream.Play.Stop");
	assert_int_equal(rtmp_guest_play(&player, "x"), OK);
	rtmp_guest_send(&publisher, GUEST_KEY, 440);
	int before = player.video;
	rtmp_guest_watch(&player, before + 1);
}

/* ---- its end ---- */

static void players_are_told_when_the_publisher_leaves(void **state)
{
	(void)state;
	begin_both("publish { reconnect_grace 0; } play { notify_unpublish on; }");
	rtmp_guest_leave(&publisher);
	rtmp_guest_hear(&player, "NetStream.Play.UnpublishNotify");
	rtmp_guest_hear_end(&player);
}

static void who_is_kicked_hears_why(void **state)
{
	(void)state;
	begin_both("");
	client_stop(client_of(false), ERR_KICKED);
	rtmp_guest_hear(&player, "NetStream.Play.Denied");
	rtmp_guest_hear_end(&player);
	client_stop(client_of(true), ERR_KICKED);
	rtmp_guest_hear(&publisher, "NetStream.Publish.Denied");
	rtmp_guest_hear_end(&publisher);
	wait_until(server->stat.client_count == 0);
}

static void all_connections_end_when_the_server_stops(void **state)
{
	(void)state;
	begin_both("");
	co_group_stop(&server->sessions);
	assert_int_equal(server->stat.client_count, 0);
	rtmp_guest_hear_end(&publisher);
	rtmp_guest_hear_end(&player);
}

/* ---- no ---- */

static void who_is_refused_is_told_in_the_words_of_RTMP(void **state)
{
	(void)state;
	static const struct {
		const char *content, *query, *stream, *code;
		bool publish;
		err end;
	} cases[] = {
		{"", "?vhost=none.example", "x", NULL, true, OK},
		{"enabled off;", "", "x", "NetConnection.Connect.InvalidApp", true, ERR_DENIED},
		{"security { enabled on; deny publish 127.0.0.1; }", "", "x",
		 "NetConnection.Connect.Rejected", true, ERR_DENIED},
		{"refer { enabled on; publish other.example; }", "", "x",
		 "NetConnection.Connect.Rejected", true, ERR_DENIED},
		{"cluster { origin_cluster on; coworkers 127.0.0.1:1; }", "", "x",
		 "NetStream.Play.StreamNotFound", false, ERR_NOTFOUND},
		{"", "", "", "NetStream.Failed", true, ERR_DENIED},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].content);
		err e = rtmp_guest_connect(&player, server,
					   &(struct rtmp_guest_opts){.query = cases[i].query});
		if (!e && cases[i].publish)
			e = rtmp_guest_publish(&player, cases[i].stream);
		else if (!e)
			e = rtmp_guest_play(&player, cases[i].stream);
		if (cases[i].code && *player.said.code)
			assert_string_equal(player.said.code, cases[i].code);
		else if (cases[i].code)
			rtmp_guest_hear(&player, cases[i].code);
		if (cases[i].publish)
			assert_int_equal(e, cases[i].end);
		rtmp_guest_leave(&player);
		wait_until(server->places.count == 0);
		test_server_free(&server);
	}
}

static void a_full_server_says_so_and_keeps_nobody(void **state)
{
	(void)state;
	begin("");
	server->places.count = 100;
	assert_int_equal(rtmp_guest_connect(&player, server, &plain), ERR_DENIED);
	assert_string_equal(player.said.code, "NetConnection.Connect.Rejected");
	server->places.count = 101 + CONNECTIONS_RESERVED;
	rtmp_guest_leave(&player);
	assert_int_equal(rtmp_guest_connect(&player, server, &plain), ERR_CLOSED);
	assert_int_equal(server->places.refused, 1);
	server->places.count = 0;
}

static void a_second_publisher_is_told_that_the_name_is_taken(void **state)
{
	(void)state;
	struct datagram_peer first = {.answers_probes = true};
	begin("");
	datagram_start(&first, server, "x", true);
	wait_until(first.is_begun);
	assert_int_equal(rtmp_guest_connect(&player, server, &plain), OK);
	assert_int_equal(rtmp_guest_publish(&player, "x"), ERR_BUSY);
	assert_string_equal(player.said.code, "NetStream.Publish.BadName");
	datagram_stop(&first);
}

/* The first one is asked for a sign of life, and its client does not answer: it takes no messages meanwhile. */
static void a_publisher_that_is_silent_gives_way_to_another(void **state)
{
	(void)state;
	begin_both("");
	struct rtmp_guest second;
	assert_int_equal(rtmp_guest_connect(&second, server, &plain), OK);
	assert_int_equal(rtmp_guest_publish(&second, "x"), OK);
	rtmp_guest_hear(&publisher, "NetStream.Publish.BadName");
	rtmp_guest_send(&second, GUEST_KEY, 0);
	rtmp_guest_watch(&player, 2);
	rtmp_guest_leave(&second);
}

static void what_is_no_RTMP_ends_the_connection(void **state)
{
	(void)state;
	static const char *const nonsense[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x03",
					       ""};
	begin("");
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		struct pair pair;
		char byte;
		size_t n;
		assert_int_equal(pair_open(&pair, 1935, 50000), OK);
		rtmp_service_accept(server, pair.near);
		assert_int_equal(sock_send(pair.far, nonsense[i], strlen(nonsense[i])), OK);
		if (!*nonsense[i])
			sock_close(&pair.far);
		while (pair.far && sock_recv(pair.far, &byte, 1, &n) == OK)
			;
		sock_close(&pair.far);
		wait_until(server->places.count == 0);
	}
}

/* ---- the cluster ---- */

static void a_player_is_sent_to_the_coworker_that_has_the_stream(void **state)
{
	(void)state;
	struct api_stub api;
	api_open(&api, "{\"code\":0,\"data\":{\"query\":{},\"origin\":{\"ip\":\"192.0.2.9\","
		       "\"port\":19351,"
		       "\"vhost\":\"__defaultVhost__\",\"api\":\"192.0.2.9:1985\"}}}");
	char *content = mem_printf("cluster { origin_cluster on; coworkers %s; }", api.name);
	begin(content);
	free(content);
	assert_int_equal(
		rtmp_guest_connect(&player, server, &(struct rtmp_guest_opts){.query = "?k=1"}),
		OK);
	assert_int_equal(rtmp_guest_play(&player, "x"), OK);
	rtmp_guest_hear(&player, "rtmp://192.0.2.9:19351/live");
	rtmp_guest_hear_end(&player);
	api_close(&api);
}

static struct amf *relay_args(void)
{
	struct amf *args = amf_object();
	amf_set(args, "srs_pid", amf_number(7));
	amf_set(args, "srs_node", amf_string("edge-1"));
	amf_set(args, "srs_api", amf_number(1985));
	amf_set(args, "srs_path", amf_string(",edge-1"));
	return args;
}

static void another_server_is_told_of_the_run_and_tells_how_many_watch(void **state)
{
	(void)state;
	begin_both("play { mw_latency 0; }");
	struct rtmp_guest edge;
	assert_int_equal(
		rtmp_guest_connect(&edge, server, &(struct rtmp_guest_opts){.args = relay_args()}),
		OK);
	assert_int_equal(rtmp_guest_play(&edge, "x"), OK);
	rtmp_guest_hear(&edge, "srs_stream");
	rtmp_guest_watch(&edge, 1);
	struct client *c = server->stat.clients;
	while (c && !c->relay)
		c = c->next;
	assert_non_null(c);
	assert_string_equal(c->announce->node, "edge-1");
	rtmp_guest_say(&edge, "srs_players", amf_number(23));
	wait_until(c->announce->players == 23);
	rtmp_guest_leave(&edge);
	wait_until(server->stat.client_count == 2);
}

static void a_request_that_was_here_before_is_refused(void **state)
{
	(void)state;
	begin("");
	struct amf *args = relay_args();
	char *path = mem_printf(",edge-1,%s", server->path_id);
	amf_set(args, "srs_path", amf_string(path));
	free(path);
	assert_int_equal(
		rtmp_guest_connect(&player, server, &(struct rtmp_guest_opts){.args = args}), OK);
	assert_int_equal(rtmp_guest_play(&player, "x"), OK);
	rtmp_guest_hear(&player, "NetStream.Play.Failed");
	rtmp_guest_hear_end(&player);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(what_one_publishes_another_plays),
		with(metadata_goes_to_who_comes_later),
		with(who_has_unpublished_may_publish_again_on_the_connection),
		with(a_player_that_pauses_gets_nothing_until_it_goes_on),
		with(a_player_may_do_without_sound_or_pictures),
		with(a_play_of_a_duration_ends_and_another_may_follow),
		with(players_are_told_when_the_publisher_leaves),
		with(who_is_kicked_hears_why),
		with(all_connections_end_when_the_server_stops),
		with(who_is_refused_is_told_in_the_words_of_RTMP),
		with(a_full_server_says_so_and_keeps_nobody),
		with(a_second_publisher_is_told_that_the_name_is_taken),
		with(a_publisher_that_is_silent_gives_way_to_another),
		with(what_is_no_RTMP_ends_the_connection),
		with(a_player_is_sent_to_the_coworker_that_has_the_stream),
		with(another_server_is_told_of_the_run_and_tells_how_many_watch),
		with(a_request_that_was_here_before_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
