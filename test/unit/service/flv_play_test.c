/* A live stream over HTTP, from the request to the end of the answer, as the client hears it. */
#include "base/mem.h"
#include "cluster/announce.h"
#include "service/http_service.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/pair.h"
#include "support/test_server.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

enum { PATIENCE_MS = 8000, HEARD_MAX = 1 << 20 };

static struct server *server;
static struct http_router router;
static struct http_port port;
static struct test_stream stream;
static struct sock *client;
static struct buf heard;

static int setup(void **state)
{
	memset(&router, 0, sizeof(router));
	heard = (struct buf){.max = HEARD_MAX};
	return co_setup(state);
}

static int teardown(void **state)
{
	sock_close(&client);
	if (stream.source)
		test_stream_end(&stream);
	memset(&stream, 0, sizeof(stream));
	test_server_free(&server);
	http_router_fini(&router);
	buf_free(&heard);
	return co_teardown(state);
}

static void begin(const char *content)
{
	char *vhost = test_server_vhost(content);
	char *conf = mem_printf("http_server { enabled on; listen 8080; }\n%s", vhost);
	server = test_server_new(conf);
	free(conf);
	free(vhost);
	http_service_mount(&router);
	port = (struct http_port){.server = server, .router = &router, .ports = HTTP_PORT_FILES};
}

static const char with_flv[] = "http_remux { enabled on; } play { mw_latency 0; }";

/* Another connection, the client's until the next one. */
static void connect_client(void)
{
	struct pair pair;
	sock_close(&client);
	buf_clear(&heard);
	assert_int_equal(pair_open(&pair, 8080, 50000), OK);
	http_service_accept(&port, pair.near);
	client = pair.far;
	sock_set_deadline(client, clock_after(PATIENCE_MS));
}

/* `lines` stand behind the Host line. */
static void say(const char *method, const char *target, const char *lines)
{
	char *text = mem_printf("%s %s HTTP/1.1\r\nHost: h\r\n%s\r\n", method, target, lines);
	assert_int_equal(sock_send(client, text, strlen(text)), OK);
	free(text);
}

static void ask(const char *method, const char *target, const char *lines)
{
	connect_client();
	say(method, target, lines);
}

static bool has_heard(const char *text)
{
	return heard.n >= strlen(text) && memmem(heard.p, heard.n, text, strlen(text));
}

static void hear(const char *text)
{
	uint8_t piece[4096];
	size_t n;
	while (!has_heard(text)) {
		if (sock_recv(client, piece, sizeof(piece), &n) != OK)
			fail_msg("%s is not in: %s", text, buf_text(&heard));
		buf_put(&heard, piece, n);
	}
}

static void hear_all(void)
{
	uint8_t piece[4096];
	size_t n;
	err e;
	while ((e = sock_recv(client, piece, sizeof(piece), &n)) == OK)
		buf_put(&heard, piece, n);
	assert_int_equal(e, ERR_CLOSED);
}

static struct client *player(void)
{
	struct client *c = server->stat.clients;
	while (c && c->publish)
		c = c->next;
	return c;
}

/* A picture with this text in it. */
static void publish(const char *text, uint32_t ts)
{
	struct msg *m = msg_new(MSG_VIDEO, 0, 9 + strlen(text));
	memcpy(m->payload, "\x27\x01\0\0\0\0\0\0\x01", 9);
	memcpy(m->payload + 9, text, strlen(text));
	(void)source_publish(stream.source, &stream.feeder, &m, ts);
	source_caught_up(stream.source, &stream.feeder, true);
}

/* ---- playing ---- */

static void a_stream_is_played_in_chunks(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "");
	hear("HTTP/1.1 200");
	hear("Content-Type: video/x-flv");
	hear("Transfer-Encoding: chunked");
	hear("FLV\x01\x05");
	wait_until(player() && player()->source);
	assert_string_equal(player()->type, "flv-play");
	publish("first", 40);
	hear("first");
	publish("second", 80);
	hear("second");
	assert_true(client_traffic(player()).send > 0);
	sock_close(&client);
	wait_until(!player() && server->places.count == 0);
}

static void other_endings_are_other_formats(void **state)
{
	(void)state;
	static const struct {
		const char *target, *mount, *type, *begins;
	} cases[] = {
		{"/live/x.ts", "[vhost]/[app]/[stream].ts", "video/MP2T", "\r\n\r\n"},
		{"/live/x.mp4", "[vhost]/[app]/[stream].mp4", "video/mp4", "ftyp"},
		{"/live/x.aac", "[vhost]/[app]/[stream].aac", "audio/aac", "\r\n\r\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *content =
			mem_printf("http_remux { enabled on; mount %s; } play { mw_latency 0; }",
				   cases[i].mount);
		begin(content);
		free(content);
		test_stream_begin(&stream, server, "x");
		ask("GET", cases[i].target, "");
		hear("HTTP/1.1 200");
		hear(cases[i].type);
		hear(cases[i].begins);
		sock_close(&client);
		wait_until(server->places.count == 0);
		test_stream_end(&stream);
		test_server_free(&server);
		http_router_fini(&router);
	}
	stream.source = NULL;
}

static void what_the_client_says_while_it_plays_is_dropped(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "");
	hear("FLV\x01");
	for (int i = 0; i < 40; i++)
		assert_int_equal(sock_send(client, "GET /another HTTP/1.1\r\n\r\n", 25), OK);
	publish("goes on", 40);
	hear("goes on");
	assert_int_equal(server->places.count, 1);
}

static void a_WebSocket_gets_the_same_in_frames_and_its_ping_is_answered(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv",
	    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
	hear("HTTP/1.1 101");
	hear("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	hear("FLV\x01");
	assert_int_equal(sock_send(client, "\x89\x82\0\0\0\0hi", 8), OK);
	hear("\x8A\x02hi");
	publish("a frame", 40);
	hear("a frame");
}

static void the_head_does_not_wait_for_media_for_ever(void **state)
{
	(void)state;
	begin(with_flv);
	ask("GET", "/live/nobody.flv", "");
	hear("HTTP/1.1 200");
	assert_false(has_heard("FLV\x01"));
	test_stream_begin(&stream, server, "nobody");
	publish("at last", 40);
	hear("FLV\x01");
	hear("at last");
}

static void HEAD_gets_the_head_alone(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("HEAD", "/live/x.flv", "");
	hear_all();
	assert_true(has_heard("200") && has_heard("video/x-flv") && !has_heard("FLV\x01"));
}

/* ---- ends ---- */

static void the_end_of_the_stream_is_the_end_of_the_body(void **state)
{
	(void)state;
	begin("http_remux { enabled on; } publish { reconnect_grace 0; } play { mw_latency 0; "
	      "notify_unpublish on; }");
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "");
	hear("FLV\x01");
	test_stream_end(&stream);
	stream.source = NULL;
	hear_all();
	assert_int_equal(memcmp(heard.p + heard.n - 5, "0\r\n\r\n", 5), 0);
}

static void a_player_that_is_kicked_hears_the_end(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "");
	hear("FLV\x01");
	client_stop(player(), ERR_KICKED);
	hear_all();
	assert_null(player());
}

static void a_server_that_stops_ends_the_body(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "");
	hear("FLV\x01");
	co_group_stop(&server->sessions);
	hear_all();
	assert_int_equal(memcmp(heard.p + heard.n - 5, "0\r\n\r\n", 5), 0);
}

/* ---- no ---- */

static void who_is_refused_hears_a_status(void **state)
{
	(void)state;
	static const struct {
		const char *content, *method, *target, *lines, *answer;
	} cases[] = {
		{with_flv, "POST", "/live/x.flv", "Content-Length: 0\r\n", "405"},
		{with_flv, "GET", "/live/x.flv",
		 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 9\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		 "426"},
		{with_flv, "GET", "/live/x.flv",
		 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
		 "400"},
		{"http_remux { enabled on; } security { enabled on; deny play 127.0.0.1; }", "GET",
		 "/live/x.flv", "", "403"},
		{"http_remux { enabled on; } refer { enabled on; play other.example; }", "GET",
		 "/live/x.flv", "", "403"},
		{"http_remux { enabled on; } cluster { origin_cluster on; coworkers 127.0.0.1:1; }",
		 "GET", "/live/x.flv", "", "404"},
		{"http_remux { enabled on; } cluster { relays 203.0.113.1; }", "GET", "/live/x.flv",
		 "X-SRS-Path: ,a,b\r\n", "403"},
		{"http_remux { enabled on; } cluster { hop_limit 1; }", "GET", "/live/x.flv",
		 "X-SRS-Path: ,a,b\r\n", "403"},
		{"", "GET", "/live/x.flv", "", "404"},
		{with_flv, "GET", "/live/no/such/file", "", "404"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].content);
		ask(cases[i].method, cases[i].target, cases[i].lines);
		hear("\r\n\r\n");
		if (strncmp(buf_text(&heard) + 9, cases[i].answer, 3) != 0)
			fail_msg("case %zu: %s", i, buf_text(&heard));
		sock_close(&client);
		wait_until(server->places.count == 0);
		test_server_free(&server);
		http_router_fini(&router);
	}
}

static void a_client_is_sent_to_the_coworker_that_has_the_stream(void **state)
{
	(void)state;
	struct api_stub api;
	api_open(&api, "{\"code\":0,\"data\":{\"origin\":{\"ip\":\"192.0.2.9\",\"port\":19351,"
		       "\"http\":\"192.0.2.9:8088\"}}}");
	char *content = mem_printf(
		"http_remux { enabled on; } cluster { origin_cluster on; coworkers %s; }",
		api.name);
	begin(content);
	free(content);
	ask("GET", "/live/x.flv?k=1", "");
	hear("\r\n\r\n");
	assert_true(has_heard("HTTP/1.1 302"));
	assert_true(has_heard("Location: http://192.0.2.9:8088/live/x.flv?k=1"));
	api_close(&api);
}

static void another_server_is_told_of_the_run(void **state)
{
	(void)state;
	begin(with_flv);
	test_stream_begin(&stream, server, "x");
	ask("GET", "/live/x.flv", "X-SRS-Path: ,edge\r\n");
	hear("X-SRS-Run:");
	hear("FLV\x01");
	assert_true(player()->relay);
}

static void several_requests_are_answered_on_one_connection(void **state)
{
	(void)state;
	begin(with_flv);
	connect_client();
	say("GET", "/a", "");
	hear("HTTP/1.1 404");
	say("OPTIONS", "/live/x.flv", "Origin: http://page.example\r\n");
	hear("Access-Control-Allow-Methods: GET, HEAD");
	say("GET", "/b", "Connection: close\r\n");
	hear_all();
	wait_until(server->places.count == 0);
}

static void a_full_server_closes_and_what_is_no_HTTP_is_told_so(void **state)
{
	(void)state;
	begin(with_flv);
	server->places.count = 101 + CONNECTIONS_RESERVED;
	connect_client();
	hear_all();
	assert_int_equal(heard.n, 0);
	server->places.count = 0;
	connect_client();
	assert_int_equal(sock_send(client, "\x03\x01\x02\r\n\r\n", 7), OK);
	hear_all();
	wait_until(server->places.count == 0);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(a_stream_is_played_in_chunks),
		with(other_endings_are_other_formats),
		with(what_the_client_says_while_it_plays_is_dropped),
		with(a_WebSocket_gets_the_same_in_frames_and_its_ping_is_answered),
		with(the_head_does_not_wait_for_media_for_ever),
		with(HEAD_gets_the_head_alone),
		with(the_end_of_the_stream_is_the_end_of_the_body),
		with(a_player_that_is_kicked_hears_the_end),
		with(a_server_that_stops_ends_the_body),
		with(who_is_refused_hears_a_status),
		with(a_client_is_sent_to_the_coworker_that_has_the_stream),
		with(another_server_is_told_of_the_run),
		with(several_requests_are_answered_on_one_connection),
		with(a_full_server_closes_and_what_is_no_HTTP_is_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
