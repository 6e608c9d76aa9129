/* Links over RTMP and HTTP-FLV, against servers that the test plays over loopback. */
#include "cluster/announce.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "http/client.h"
#include "net/listen.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"
#include "support/api_stub.h"
#include "support/test_server.h"

#include "support/co_unit.h"

static struct server *server;
static char host[] = "h", vhost_name[] = "h", app[] = "live", stream[] = "x", param[] = "";
static const struct target target = {true, 1935, host, vhost_name, app, stream, param};

/* ---- an RTMP server ---- */

/* What it does after play or publish. */
static struct script {
	const char *code; /* of a status, "" for none */
	const char *level;
	bool redirects, says_run, sends_media;
} script;

static struct rtmp_stub {
	struct listener *listener;
	struct co_group group;
	char name[64], stream[64];
	struct announce relay;
} stub;

static void send_media(struct rtmp_conn *conn, uint32_t id)
{
	static const uint8_t key[] = {0x17, 1, 0, 0, 0, 9, 9};
	struct buf meta = {.max = 200};
	struct amf *name = amf_string("onMetaData"), *info = amf_object();
	amf_set(info, "width", amf_number(320));
	amf_write(&meta, name);
	amf_write(&meta, info);
	rtmp_put(conn, CSID_DATA, RTMP_DATA, id, 0, buf_span(&meta));
	rtmp_put(conn, CSID_VIDEO, RTMP_VIDEO, id, 40, (struct span){key, sizeof(key)});
	amf_free(&name);
	amf_free(&info);
	buf_free(&meta);
}

static void answer(struct rtmp_conn *conn, const struct rtmp_identify *id)
{
	if (script.says_run)
		announce_stream(conn, &(struct stream_report){.run = "abcd-1",
							      .lost_ms = clock_ms() - 700});
	if (script.sends_media)
		send_media(conn, id->stream_id);
	if (script.redirects)
		(void)rtmp_redirect(conn, "rtmp://10.0.0.7:1936/live",
				    "rtmp://10.0.0.7:1936/live/x");
	else if (*script.code)
		rtmp_put_status(conn, id->stream_id, script.level, script.code, "as the test says");
	(void)rtmp_flush(conn);
}

static void converse(struct rtmp_conn *conn)
{
	struct rtmp_connect c = {0};
	struct rtmp_identify id = {0};
	if (rtmp_recv_connect(conn, &c) == OK &&
	    rtmp_accept(conn, &c,
			&(struct rtmp_server_opts){
				.chunk_size = 60000, .node = "stubnode", .api_port = 1985}) == OK &&
	    rtmp_identify(conn, &id) == OK) {
		announce_read(&stub.relay, c.args, sock_peer(conn->sock));
		snprintf(stub.stream, sizeof(stub.stream), "%s", id.stream);
		rtmp_conn_allow_media(conn);
		answer(conn, &id);
		struct rtmp_msg m = {0};
		while (rtmp_recv(conn, &m) == OK) {
			struct command said = {0};
			if (m.type == RTMP_COMMAND && command_read(&said, &m) == OK)
				(void)announce_take_players(&stub.relay, &said);
			command_fini(&said);
			rtmp_msg_fini(&m);
		}
	}
	rtmp_identify_fini(&id);
	rtmp_connect_fini(&c);
}

static void visit(void *arg)
{
	struct sock *sock = arg;
	struct rtmp_conn *conn = NULL;
	sock_set_deadline(sock, clock_after(5000));
	if (handshake_server(sock) == OK) {
		conn = rtmp_conn_new(sock);
		converse(conn);
		rtmp_conn_free(&conn);
		return;
	}
	sock_close(&sock);
}

static void on_accept(void *ctx, struct sock *sock)
{
	(void)ctx;
	co_start_in(&stub.group, "stub", visit, sock);
}

static int set_up(void **state)
{
	int failed = co_setup(state);
	char *conf = test_server_vhost("cluster { mode remote; origin 127.0.0.1:1; }");
	script = (struct script){.code = "", .level = "status"};
	stub = (struct rtmp_stub){0};
	server = test_server_new(conf);
	free(conf);
	assert_int_equal(
		listener_open(&stub.listener, &(struct listen_opts){.at = {"127.0.0.1"},
								    .what = "stub",
								    .on_accept = on_accept}),
		OK);
	listener_start(stub.listener);
	snprintf(stub.name, sizeof(stub.name), "127.0.0.1:%d", listener_port(stub.listener));
	return failed;
}

static int tear_down(void **state)
{
	listener_close(&stub.listener);
	co_group_stop(&stub.group);
	test_server_free(&server);
	return co_teardown(state);
}

static struct upstream_request request_of(const struct link_ops *protocol, bool publish)
{
	return (struct upstream_request){.protocol = protocol,
					 .server = server,
					 .vhost = &server->conf->vhosts[0],
					 .target = &target,
					 .page_url = "",
					 .swf_url = "",
					 .path = "",
					 .publish = publish};
}

static struct link *open_link(const struct upstream_request *r, const char *name)
{
	struct link *link = NULL;
	struct link_refusal said;
	err e = link_open(&link, &(struct link_opts){name, r, clock_after(3000)}, &said);
	if (e)
		fail_msg("%s", err_trail(e));
	return link;
}

/* The next message or error. */
static err next(struct link *link, struct link_media *out, struct link_refusal *said)
{
	int64_t until = clock_after(3000);
	err e;
	sock_attach(link->sock);
	while ((e = link->ops->next(link, out, said)) == ERR_AGAIN && clock_ms() < until)
		(void)co_sleep(5);
	return e;
}

static void rtmp_plays(void **state)
{
	struct upstream_request r = request_of(&link_rtmp, false);
	struct link_refusal said = {0};
	struct link_media media;
	(void)state;
	script.says_run = script.sends_media = true;
	struct link *link = open_link(&r, stub.name);
	assert_string_equal(link->node, "stubnode");
	assert_string_equal(link->api, "127.0.0.1:1985");
	assert_int_equal(link->ops->play(link, &r), OK);
	assert_int_equal(next(link, &media, &said), OK);
	assert_int_equal(media.msg->type, MSG_DATA);
	assert_string_equal(link->run, "abcd-1");
	assert_true(link->lost_ms <= clock_ms() - 700);
	msg_unref(&media.msg);
	assert_int_equal(next(link, &media, &said), OK);
	assert_int_equal(media.msg->type, MSG_VIDEO);
	assert_int_equal(media.raw, 40);
	msg_unref(&media.msg);
	assert_string_equal(stub.stream, "x");
	assert_string_equal(stub.relay.node, server->service_id);
	link_free(&link);
}

static void rtmp_knows_signs_of_life(void **state)
{
	struct upstream_request r = request_of(&link_rtmp, false);
	struct link_refusal said = {0};
	struct link_media media;
	(void)state;
	struct link *link = open_link(&r, stub.name);
	assert_int_equal(link->ops->play(link, &r), OK);
	(void)co_sleep(50);
	assert_int_equal(link->ops->next(link, &media, &said), ERR_AGAIN);
	link->ops->ping(link);
	assert_true(link->ping_ms > 0);
	assert_int_equal(link->ops->flush(link), OK);
	int64_t until = clock_after(3000);
	while (!link->pong_ms && clock_ms() < until) {
		(void)co_sleep(5);
		assert_int_equal(link->ops->next(link, &media, &said), ERR_AGAIN);
	}
	assert_true(link->pong_ms > 0);
	assert_int_equal(link->ping_ms, 0);
	link_free(&link);
}

static const struct {
	const char *code, *level;
	err e;
} statuses[] = {
	{"NetStream.Play.StreamNotFound", "error", ERR_NOTFOUND},
	{"NetStream.Play.UnpublishNotify", "status", ERR_ENDED},
	{"NetStream.Play.Denied", "error", ERR_KICKED},
	{"NetStream.Play.Failed", "error", ERR_DENIED},
};

static void statuses_of_rtmp_are_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct upstream_request r = request_of(&link_rtmp, false);
		struct link_refusal said = {0};
		struct link_media media;
		script.code = statuses[i].code;
		script.level = statuses[i].level;
		struct link *link = open_link(&r, stub.name);
		assert_int_equal(link->ops->play(link, &r), OK);
		assert_int_equal(next(link, &media, &said), statuses[i].e);
		assert_int_equal(said.why, statuses[i].e);
		assert_string_equal(said.code, statuses[i].code);
		assert_string_equal(said.description, "as the test says");
		link_free(&link);
	}
}

static void a_redirect_of_rtmp_names_a_server(void **state)
{
	struct upstream_request r = request_of(&link_rtmp, false);
	struct link_refusal said = {0};
	struct link_media media;
	(void)state;
	script.redirects = true;
	struct link *link = open_link(&r, stub.name);
	assert_int_equal(link->ops->play(link, &r), OK);
	assert_int_equal(next(link, &media, &said), ERR_REDIRECT);
	assert_string_equal(said.redirect, "10.0.0.7:1936");
	link_free(&link);
}

static void rtmp_publishes(void **state)
{
	static const struct {
		const char *code, *level;
		err e;
	} words[] = {{"NetStream.Publish.Start", "status", OK},
		     {"NetStream.Publish.BadName", "error", ERR_BUSY}};
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct upstream_request r = request_of(&link_rtmp, true);
		struct link_refusal said = {0};
		script.code = words[i].code;
		script.level = words[i].level;
		struct link *link = open_link(&r, stub.name);
		assert_int_equal(link->ops->publish(link, &r, 4096, &said), words[i].e);
		assert_int_equal(said.why, words[i].e);
		if (!words[i].e)
			link->ops->finish(link, "x", 200);
		link_free(&link);
	}
}

static void a_server_that_is_not_there_is_told(void **state)
{
	const struct link_ops *protocols[] = {&link_rtmp, &link_flv};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct upstream_request r = request_of(protocols[i], false);
		struct link *link = NULL;
		struct link_refusal said;
		assert_int_equal(
			link_open(&link, &(struct link_opts){"127.0.0.1:1", &r, clock_after(2000)},
				  &said),
			ERR_CONNECT);
		assert_null(link);
		assert_int_equal(said.why, OK);
	}
}

/* ---- over HTTP ---- */

static void no_of_http_are_outcomes(void **state)
{
	static const struct {
		int status;
		err e;
	} cases[] = {{404, ERR_NOTFOUND}, {403, ERR_DENIED}, {500, ERR_DENIED}};
	struct api_stub http;
	(void)state;
	api_open(&http, "no");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upstream_request r = request_of(&link_flv, false);
		struct link *link = NULL;
		struct link_refusal said;
		http.status = cases[i].status;
		assert_int_equal(link_open(&link,
					   &(struct link_opts){http.name, &r, clock_after(2000)},
					   &said),
				 cases[i].e);
		assert_int_equal(said.why, cases[i].e);
		assert_string_equal(said.code, "");
	}
	assert_non_null(strstr(http.last, "GET /live/x.flv HTTP/1.1"));
	assert_non_null(strstr(http.last, "X-SRS-Path: ,"));
	api_close(&http);
}

static void flv_plays(void **state)
{
	/* A file of one key frame at 40 ms. */
	static const unsigned char bytes[] = {'F',  'L', 'V', 1, 1, 0, 0, 0,  9, 0, 0, 0,
					      0,    9,   0,   0, 7, 0, 0, 40, 0, 0, 0, 0,
					      0x17, 1,   0,   0, 0, 9, 9, 0,  0, 0, 18};
	struct link_refusal said = {0};
	struct link_media media;
	(void)state;
	struct api_stub http;
	api_open(&http, NULL);
	struct upstream_request r = request_of(&link_flv, false);
	char *head = mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nX-SRS-Run: abcd-7\r\n"
				"X-SRS-Lost: 500\r\n\r\n",
				sizeof(bytes));
	struct buf all = {.max = 1000};
	buf_put(&all, head, strlen(head));
	buf_put(&all, bytes, sizeof(bytes));
	http.raw = buf_span(&all);
	struct link *link = open_link(&r, http.name);
	assert_int_equal(link->ops->play(link, &r), OK);
	assert_string_equal(link->run, "abcd-7");
	assert_true(link->lost_ms <= clock_ms() - 500);
	assert_int_equal(next(link, &media, &said), OK);
	assert_int_equal(media.raw, 40);
	assert_int_equal(media.msg->type, MSG_VIDEO);
	msg_unref(&media.msg);
	assert_int_equal(next(link, &media, &said), ERR_ENDED);
	link_free(&link);
	api_close(&http);
	buf_free(&all);
	free(head);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rtmp_plays),
		TEST(rtmp_knows_signs_of_life),
		TEST(statuses_of_rtmp_are_outcomes),
		TEST(a_redirect_of_rtmp_names_a_server),
		TEST(rtmp_publishes),
		TEST(a_server_that_is_not_there_is_told),
		TEST(no_of_http_are_outcomes),
		TEST(flv_plays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
