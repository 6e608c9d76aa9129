/* Answers of HLS as a player hears them: playlists, segments and parts of them, refusals. */
#include "base/mem.h"
#include "node/notice.h"
#include "service/hls_serve.h"
#include "service/http_service.h"
#include "support/co_unit.h"
#include "support/hex.h"
#include "support/pair.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

enum { HEARD_MAX = 1 << 22 };

static struct server *server;
static struct hls *hls;
static struct hls_serve *serve;
static struct http_router router;
static struct http_port port;
static struct test_stream stream;
static struct buf heard;
static char *first; /* a segment's URL */

static int setup(void **state)
{
	memset(&router, 0, sizeof(router));
	heard = (struct buf){.max = HEARD_MAX};
	return co_setup(state);
}

/* No time passes in which there could be more lines. */
static int setup_fake_time(void **state)
{
	fake_time_begin();
	return setup(state);
}

static int teardown(void **state)
{
	if (stream.source)
		test_stream_end(&stream);
	memset(&stream, 0, sizeof(stream));
	co_group_stop(&server->sessions);
	hls_serve_end(serve);
	co_group_stop(&server->services);
	hls_serve_free(&serve);
	hls_free(&hls);
	test_server_free(&server);
	http_router_fini(&router);
	buf_free(&heard);
	free(first);
	first = NULL;
	return co_teardown(state);
}

static void publish(enum msg_type type, const char *hex, uint32_t ts)
{
	struct span s = hex_bytes(hex);
	struct msg *m = msg_new(type, 0, s.n + 100);
	memcpy(m->payload, s.p, s.n);
	memset(m->payload + s.n, 0x55, 100);
	(void)source_publish(stream.source, &stream.feeder, &m, ts);
	hex_free(s);
}

/* HLS reads what has come; the log of the source keeps one GOP. */
static void give_slot(void)
{
	source_caught_up(stream.source, &stream.feeder, true);
	for (int i = 0; i < 5; i++)
		(void)co_sleep(1);
}

/* Some seconds of live/x with a key frame each second, cut into segments. */
static void begin(const char *more)
{
	char *content = mem_printf(
		"min_latency on; hls { enabled on; hls_fragment 1; hls_storage ram; %s }", more);
	char *vhost = test_server_vhost(content);
	char *conf = mem_printf("http_server { enabled on; listen 8080; }\n%s", vhost);
	server = test_server_new(conf);
	free(conf);
	free(vhost);
	free(content);
	hls = hls_new(server);
	serve = hls_serve_new(server, hls);
	hls_serve_mount(&router, serve);
	http_service_mount(&router);
	port = (struct http_port){.server = server, .router = &router, .ports = HTTP_PORT_FILES};
	test_stream_begin(&stream, server, "x");
	for (uint32_t t = 0; t < 5000; t += 40) {
		publish(MSG_VIDEO,
			t % 1000 ? "27 01 000000 00000065 41" : "17 01 000000 00000065 65", t);
		publish(MSG_AUDIO, "AF 01 21", t + 10);
		if (t % 1000 == 0)
			give_slot();
	}
}

/* The whole answer to one request of a client of its own. */
static const char *ask(const char *method, const char *target, const char *lines)
{
	struct pair pair;
	uint8_t piece[16384];
	size_t n;
	char *text = mem_printf("%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n", method,
				target, lines);
	assert_int_equal(pair_open(&pair, 8080, 50000), OK);
	sock_set_deadline(pair.far, clock_after(UNTIL_MS));
	http_service_accept(&port, pair.near);
	assert_int_equal(sock_send(pair.far, text, strlen(text)), OK);
	buf_clear(&heard);
	while (sock_recv(pair.far, piece, sizeof(piece), &n) == OK)
		buf_put(&heard, piece, n);
	sock_close(&pair.far);
	free(text);
	return buf_text(&heard);
}

static bool says(const char *answer, const char *text)
{
	return strstr(answer, text) != NULL;
}

/* A segment that the playlist at this URL names. */
static void find_segment(const char *list)
{
	const char *answer = ask("GET", list, "");
	const char *at = strstr(answer, "\nx-");
	if (!at)
		fail_msg("no segment: %s", answer);
	free(first);
	first = mem_printf("/live/%.*s", (int)strcspn(at + 1, "\r\n"), at + 1);
}

static void a_playlist_names_segments_that_are_there(void **state)
{
	(void)state;
	begin("hls_ctx off;");
	const char *answer = ask("GET", "/live/x.m3u8", "");
	assert_true(says(answer, "HTTP/1.1 200") && says(answer, "#EXTM3U"));
	assert_true(says(answer, "Cache-Control: no-cache"));
	find_segment("/live/x.m3u8");
	answer = ask("GET", first, "");
	assert_true(says(answer, "HTTP/1.1 200") && says(answer, "video/"));
	assert_true(heard.n > 188);
	answer = ask("GET", first, "Range: bytes=0-187\r\n");
	assert_true(says(answer, "HTTP/1.1 206") && says(answer, "Content-Length: 188"));
	answer = ask("GET", first, "Range: bytes=99999999-\r\n");
	assert_true(says(answer, "HTTP/1.1 416"));
	answer = ask("HEAD", first, "");
	assert_true(says(answer, "HTTP/1.1 200") && heard.n < 1000);
}

static void a_session_leads_from_the_playlist_to_its_segments(void **state)
{
	(void)state;
	begin("");
	const char *answer = ask("GET", "/live/x.m3u8", "");
	const char *at = strstr(answer, "hls_ctx=");
	if (!at)
		fail_msg("%s", answer);
	char *list = mem_printf("/live/x.m3u8?%.*s", 16, at);
	find_segment(list);
	assert_int_equal(server->stat.client_count, 2); /* the publisher, and the player */
	assert_true(says(ask("GET", first, ""), "HTTP/1.1 200"));
	assert_int_equal(server->stat.client_count, 2);
	free(list);
}

static void what_cannot_be_had_is_refused(void **state)
{
	(void)state;
	begin("hls_ctx off;");
	assert_true(says(ask("POST", "/live/x.m3u8", "Content-Length: 0\r\n"), "HTTP/1.1 405"));
	assert_true(says(ask("GET", "/live/y.m3u8", ""), "HTTP/1.1 404"));
	assert_true(says(ask("GET", "/live/x-none.ts", ""), "HTTP/1.1 404"));
}

static void who_may_not_play_hears_it_at_the_playlist(void **state)
{
	(void)state;
	begin("} security { enabled on; deny play all;");
	assert_true(says(ask("GET", "/live/x.m3u8", ""), "HTTP/1.1 403"));
	assert_int_equal(server->stat.client_count, 1);
}

/* Each makes a line, of which a connection has one, and all together a rate. */
static void many_sessions_over_one_connection_do_not_fill_the_log(void **state)
{
	enum { MANY = 1500, BURST = NOTICE_BURST * NOTICE_CONNECTIONS_FACTOR };
	struct pair pair;
	uint8_t piece[16384];
	char text[128];
	size_t n = 0;
	(void)state;
	begin("");
	assert_int_equal(pair_open(&pair, 8080, 50000), OK);
	sock_set_deadline(pair.far, clock_after(UNTIL_MS));
	http_service_accept(&port, pair.near);
	for (int i = 0; i < MANY; i++) {
		int size = snprintf(text, sizeof(text),
				    "GET /live/x.m3u8?hls_ctx=%08x HTTP/1.1\r\nHost: h\r\n\r\n", i);
		assert_int_equal(sock_send(pair.far, text, (size_t)size), OK);
		assert_int_equal(sock_recv(pair.far, piece, sizeof(piece), &n), OK);
		assert_memory_equal(piece, "HTTP/1.1 200", 12);
	}
	sock_close(&pair.far);
	assert_int_equal(notice_left_out(server->notices, NOTICE_CONNECTIONS), MANY - BURST);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(a_playlist_names_segments_that_are_there),
		with(a_session_leads_from_the_playlist_to_its_segments),
		with(what_cannot_be_had_is_refused),
		with(who_may_not_play_hears_it_at_the_playlist),
		cmocka_unit_test_setup_teardown(
			many_sessions_over_one_connection_do_not_fill_the_log, setup_fake_time,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
