/* HLS over HTTP: sessions, what is refused, waiting for parts, and an edge of the same process. */
#include "base/mem.h"
#include "http/client.h"
#include "net/dns.h"
#include "net/listen.h"
#include "service/hls_serve.h"
#include "service/http_service.h"
#include "service/rtmp_service.h"
#include "support/co_unit.h"
#include "support/hex.h"
#include "support/test_server.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

enum { PATIENCE_MS = 8000 };

/* A server with a listener for HTTP. */
struct site {
	struct server *server;
	struct hls *hls;
	struct hls_serve *serve;
	struct http_router router;
	struct http_port port;
	struct listener *listener;
};

static struct site origin, edge;
static struct test_stream stream;
static struct buf body;
static int status;

static void site_open(struct site *s, const char *vhost)
{
	char *block = test_server_vhost(vhost);
	char *conf = mem_printf("http_server { enabled on; listen 8080; }\n%s", block);
	*s = (struct site){.server = test_server_new(conf)};
	s->hls = hls_new(s->server);
	s->serve = hls_serve_new(s->server, s->hls);
	hls_serve_mount(&s->router, s->serve);
	http_service_mount(&s->router);
	s->port = (struct http_port){
		.server = s->server, .router = &s->router, .ports = HTTP_PORT_FILES};
	struct listen_opts opts = {.at = {"127.0.0.1"},
				   .what = "HTTP",
				   .on_accept = http_service_accept,
				   .ctx = &s->port};
	assert_int_equal(listener_open(&s->listener, &opts), OK);
	listener_start(s->listener);
	free(conf);
	free(block);
}

static void site_close(struct site *s)
{
	if (!s->server)
		return;
	listener_close(&s->listener);
	co_group_stop(&s->server->sessions);
	hls_serve_end(s->serve);
	co_group_stop(&s->server->services);
	hls_serve_free(&s->serve);
	hls_free(&s->hls);
	http_router_fini(&s->router);
	test_server_free(&s->server);
}

static int setup(void **state)
{
	int failed = co_setup(state);
	body = (struct buf){0};
	return failed || dns_init(NULL) != OK ? -1 : 0;
}

static int teardown(void **state)
{
	if (stream.source)
		test_stream_end(&stream);
	memset(&stream, 0, sizeof(stream));
	site_close(&edge);
	site_close(&origin);
	http_client_pool_close();
	buf_free(&body);
	dns_fini();
	return co_teardown(state);
}

/* GET; the status, and the body as text. */
static const char *ask(struct site *s, const char *target)
{
	struct http_request_opts opts = {
		.method = "GET",
		.host = {.host = "127.0.0.1", .port = listener_port(s->listener), .has_port = true},
		.target = target,
		.body_max = 1 << 20,
		.deadline = clock_after(PATIENCE_MS)};
	assert_int_equal(http_request(&opts, &status, &body), OK);
	return buf_text(&body);
}

static void publish(enum msg_type type, const char *hex, uint32_t ts)
{
	struct span s = hex_bytes(hex);
	struct msg *m = msg_new(type, 0, s.n + 100);
	memcpy(m->payload, s.p, s.n);
	memset(m->payload + s.n, 0x55, 100);
	source_publish(stream.source, &stream.feeder, &m, ts);
	hex_free(s);
}

/* HLS reads what has come; the log of the source keeps one GOP. */
static void give_slot(void)
{
	source_caught_up(stream.source, &stream.feeder, true);
	for (int i = 0; i < 5; i++)
		(void)co_sleep(1);
}

/* Pictures of each 40 ms, a key frame each second. */
static void run(uint32_t from, uint32_t to)
{
	for (uint32_t t = from; t < to; t += 40) {
		publish(MSG_VIDEO,
			t % 1000 ? "27 01 000000 00000065 41" : "17 01 000000 00000065 65", t);
		if (t % 200 == 0)
			give_slot();
	}
	give_slot();
}

static void begin(const char *more)
{
	char *vhost = mem_printf("min_latency on; hls { enabled on; hls_fragment 1; hls_window 30; "
				 "hls_storage ram; %s }",
				 more);
	site_open(&origin, vhost);
	test_stream_begin(&stream, origin.server, "x");
	run(1000, 5200);
	free(vhost);
}

/* A line of the text, with the folder in front. */
static char *line_of(const char *text, const char *with)
{
	const char *at = strstr(text, with);
	assert_non_null(at);
	while (at > text && at[-1] != '\n' && at[-1] != '"')
		at--;
	return mem_printf("/live/%.*s", (int)strcspn(at, "\n\""), at);
}

static void a_player_has_a_session(void **state)
{
	(void)state;
	begin("");
	const char *text = ask(&origin, "/live/x.m3u8?u=1");
	assert_int_equal(status, 200);
	assert_non_null(strstr(text, "#EXT-X-STREAM-INF:BANDWIDTH="));
	char *child = mem_strdup(strstr(text, "/live/x.m3u8?hls_ctx="));
	*strchr(child, '\n') = '\0';
	assert_non_null(strstr(child, "&u=1"));
	text = ask(&origin, child);
	assert_non_null(strstr(text, "#EXTINF:1.000"));
	char *segment = line_of(text, ".ts?hls_ctx=");
	(void)ask(&origin, segment);
	assert_int_equal(status, 200);
	struct client *c = stat_find(&origin.server->stat, strstr(child, "hls_ctx=") + 8);
	assert_null(c); /* the id has eight characters, and the text goes on */
	char id[9];
	snprintf(id, sizeof(id), "%s", strstr(child, "hls_ctx=") + 8);
	c = stat_find(&origin.server->stat, id);
	assert_non_null(c);
	assert_true(client_traffic(c).send > (int64_t)body.n);
	client_stop(c, ERR_KICKED);
	(void)ask(&origin, child);
	assert_int_equal(status, 404);
	(void)ask(&origin, segment);
	assert_int_equal(status, 404);
	(void)co_sleep(20);
	assert_null(stat_find(&origin.server->stat, id));
	free(segment);
	free(child);
}

static void everybody_gets_the_same_without_sessions(void **state)
{
	(void)state;
	begin("hls_ctx off;");
	const char *text = ask(&origin, "/live/x.m3u8");
	assert_null(strstr(text, "hls_ctx"));
	assert_int_equal(origin.server->stat.client_count, 1); /* the publisher */
	(void)ask(&origin, "/live/y.m3u8");
	assert_int_equal(status, 404);
	(void)ask(&origin, "/live/x.m3u8?_HLS_part=1");
	assert_int_equal(status, 400);
	(void)ask(&origin,
		  "/live/x.m3u8?_HLS_msn=999999999999"); /* without low latency it means nothing */
	assert_int_equal(status, 200);
}

static void an_id_that_a_player_brings_is_kept(void **state)
{
	(void)state;
	begin("");
	const char *text = ask(&origin, "/live/x.m3u8?hls_ctx=0a1b2c3d");
	assert_non_null(strstr(text, "#EXTINF"));
	assert_non_null(stat_find(&origin.server->stat, "0a1b2c3d"));
	text = ask(&origin, "/live/x.m3u8?hls_ctx=toolongforone");
	assert_non_null(strstr(text, "#EXT-X-STREAM-INF"));
}

static int64_t newest(const char *text)
{
	int64_t n = strtoll(strstr(text, "MEDIA-SEQUENCE:") + 15, NULL, 10) - 1;
	for (const char *p = text; (p = strstr(p, "#EXTINF")); p++)
		n++;
	return n;
}

static void write_more(void *arg)
{
	(void)arg;
	(void)co_sleep(20);
	run(5200, 6400);
}

static void a_reload_waits(void **state)
{
	(void)state;
	begin("hls_ctx off; hls_low_latency on; hls_part 0.2;");
	const char *text = ask(&origin, "/live/x.m3u8");
	assert_non_null(strstr(text, "#EXT-X-PART-INF:PART-TARGET=0.203"));
	int64_t number = newest(text);
	char *hint = line_of(strstr(text, "PRELOAD-HINT"), ".p");
	char *wait = mem_printf("/live/x.m3u8?_HLS_msn=%lld", (long long)number + 1);
	char *far = mem_printf("/live/x.m3u8?_HLS_msn=%lld", (long long)number + 9);
	(void)ask(&origin, far);
	assert_int_equal(status, 400);
	struct co *writer = co_start("writer", write_more, NULL);
	(void)ask(&origin, hint);
	assert_int_equal(status, 200);
	text = ask(&origin, wait);
	assert_int_equal(status, 200);
	assert_true(newest(text) > number);
	co_join(&writer);
	free(far);
	free(wait);
	free(hint);
}

static void open_edge(const char *more)
{
	char *vhost = mem_printf("hls { enabled on; hls_window 30; hls_origin 127.0.0.1:%d; %s } "
				 "cluster { mode remote; origin 127.0.0.1:1; }",
				 listener_port(origin.listener), more);
	site_open(&edge, vhost);
	free(vhost);
}

static void an_edge_fetches_once(void **state)
{
	(void)state;
	begin("");
	open_edge("hls_ctx off;");
	char *text = mem_strdup(ask(&edge, "/live/x.m3u8"));
	assert_int_equal(status, 200);
	assert_non_null(strstr(text, "#EXTINF:1.000"));
	assert_null(strstr(text, "hls_ctx"));
	char *segment = line_of(text, ".ts");
	for (int i = 0; i < 3; i++) {
		(void)ask(&edge, segment);
		assert_int_equal(status, 200);
	}
	/* What is not there is not asked for again at once. */
	(void)ask(&edge, "/live/none.m3u8");
	assert_int_equal(status, 404);
	(void)ask(&edge, "/live/none.m3u8");
	assert_int_equal(status, 404);
	assert_int_equal(origin.server->stat.client_count, 1);
	listener_close(&origin.listener);
	(void)ask(&edge, segment);
	assert_int_equal(status, 200); /* held */
	free(segment);
	free(text);
}

static void an_edge_has_sessions_of_its_own(void **state)
{
	(void)state;
	begin("hls_ctx off;");
	open_edge("");
	const char *text = ask(&edge, "/live/x.m3u8");
	assert_non_null(strstr(text, "CODECS=\"avc1."));
	assert_int_equal(edge.server->stat.client_count, 1);
	listener_close(&origin.listener);
	co_group_stop(&origin.server->sessions);
	text = ask(&edge, "/live/other.m3u8?hls_ctx=abcdefgh");
	assert_int_equal(status, 503);
}

/* It is asked about each request without a session, and the link is in the query. */
static void what_an_origin_judges_by_is_handed_on(void **state)
{
	(void)state;
	struct listener *door;
	begin("");
	struct listen_opts opts = {.at = {"127.0.0.1"},
				   .what = "RTMP",
				   .on_accept = rtmp_service_accept,
				   .ctx = origin.server};
	assert_int_equal(listener_open(&door, &opts), OK);
	listener_start(door);
	char *vhost = mem_printf("hls { enabled on; hls_origin 127.0.0.1:%d; hls_ctx off; } "
				 "cluster { mode remote; origin 127.0.0.1:%d; token_traverse on; }",
				 listener_port(origin.listener), listener_port(door));
	site_open(&edge, vhost);
	free(vhost);
	char *segment = line_of(ask(&edge, "/live/x.m3u8?sig=1"), ".ts");
	assert_non_null(strstr(segment, ".ts?sig=1"));
	(void)ask(&edge, segment);
	assert_int_equal(status, 200);
	free(segment);
	listener_close(&door);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_player_has_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(everybody_gets_the_same_without_sessions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_id_that_a_player_brings_is_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reload_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(what_an_origin_judges_by_is_handed_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_edge_fetches_once, setup, teardown),
		cmocka_unit_test_setup_teardown(an_edge_has_sessions_of_its_own, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
