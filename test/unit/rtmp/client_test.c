/* The client's side, against servers whose answers are written down beforehand: the client waits
 * for transactions and statuses by name, so they may come early. */
#include "base/mem.h"
#include "rtmp/client.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"
#include "support/rtmp_peer.h"
#include "support/unit.h"

#include <stdlib.h>

enum { PLAIN_HELLO = 1537 + 1536 };

static void result(struct rtmp_conn *w, double tid, struct amf *value)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, "_result", tid, amf_null(), value, NULL);
}

static struct amf *info(const char *level, const char *code)
{
	struct amf *o = amf_object();
	amf_set(o, "level", amf_string(level));
	amf_set(o, "code", amf_string(code));
	amf_set(o, "description", amf_string("words"));
	return o;
}

static void status(struct rtmp_conn *w, const char *level, const char *code)
{
	rtmp_put_command(w, CSID_STREAM, 1, "onStatus", 0, amf_null(), info(level, code), NULL);
}

static struct amf *moved(const char *redirect, const char *redirect2)
{
	struct amf *o = info("error", "NetConnection.Connect.Rejected"), *ex = amf_object();
	amf_set(ex, "code", amf_number(302));
	if (redirect)
		amf_set(ex, "redirect", amf_string(redirect));
	if (redirect2)
		amf_set(ex, "redirect2", amf_string(redirect2));
	amf_set(o, "ex", ex);
	return o;
}

static void say_start(struct rtmp_conn *w)
{
	rtmp_put_u32(w, RTMP_WINDOW_ACK_SIZE, 2500000);
	rtmp_put_chunk_size(w, 60000);
	result(w, 1, info("status", "NetConnection.Connect.Success"));
	rtmp_put_command(w, CSID_CONNECTION, 0, "onBWDone", 0, amf_null(), NULL, NULL);
	result(w, 2, amf_number(5));
}

static void say_publish_start(struct rtmp_conn *w)
{
	say_start(w);
	rtmp_put_command(w, CSID_STREAM, 5, "onFCPublish", 0, amf_null(),
			 info("status", "NetStream.Publish.Start"), NULL);
	status(w, "status", "NetStream.Publish.Reset");
	status(w, "status", "NetStream.Publish.Start");
}

static void say_bad_name(struct rtmp_conn *w)
{
	say_start(w);
	status(w, "error", "NetStream.Publish.BadName");
}

static void say_error(struct rtmp_conn *w)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, "_error", 1, amf_null(),
			 info("error", "NetConnection.Connect.InvalidApp"), NULL);
}

static void say_bare_error(struct rtmp_conn *w)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, "_error", 1, amf_null(), NULL, NULL);
}

static void say_moved_at_connect(struct rtmp_conn *w)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, "_error", 1, amf_null(),
			 moved("rtmp://b/live", NULL), NULL);
}

static void say_moved_at_publish(struct rtmp_conn *w)
{
	say_start(w);
	rtmp_put_command(w, CSID_STREAM, 0, "onStatus", 0, amf_null(),
			 moved("rtmp://b/live", "rtmp://b/live/s"), NULL);
}

static void say_moved_in_second_object(struct rtmp_conn *w)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, "_error", 1, amf_null(),
			 info("error", "NetConnection.Connect.Rejected"),
			 moved(NULL, "rtmp://b/live/s"));
}

static void say_no_stream_id(struct rtmp_conn *w)
{
	result(w, 1, info("status", "NetConnection.Connect.Success"));
	result(w, 2, amf_null());
}

static void say_nothing(struct rtmp_conn *w)
{
	(void)w;
}

static const struct {
	const char *what;
	void (*say)(struct rtmp_conn *w);
	err e;
	const char *code, *redirect;
} cases[] = {
	{"a server that accepts", say_publish_start, OK, "", ""},
	{"a busy stream", say_bad_name, ERR_BUSY, "NetStream.Publish.BadName", ""},
	{"no such application", say_error, ERR_DENIED, "NetConnection.Connect.InvalidApp", ""},
	{"an error without words", say_bare_error, ERR_DENIED, "", ""},
	{"a redirect of connect", say_moved_at_connect, ERR_REDIRECT,
	 "NetConnection.Connect.Rejected", "rtmp://b/live"},
	{"a redirect of publish", say_moved_at_publish, ERR_REDIRECT,
	 "NetConnection.Connect.Rejected", "rtmp://b/live/s"},
	{"a redirect in another place", say_moved_in_second_object, ERR_REDIRECT,
	 "NetConnection.Connect.Rejected", "rtmp://b/live/s"},
	{"createStream without an id", say_no_stream_id, ERR_PROTOCOL, "", ""},
	{"a close without a word", say_nothing, ERR_CLOSED, "", ""},
	{"a close instead of a status", say_start, ERR_CLOSED, "", ""},
};

static struct rtmp_client_opts make_opts(void)
{
	struct amf *args = amf_object();
	amf_set(args, "srs_id", amf_string("edge"));
	return (struct rtmp_client_opts){
		.app = "live",
		.tc_url = "rtmp://host/live",
		.page_url = "",
		.swf_url = "",
		.args = args,
		.chunk_size = 60000,
		.deadline = clock_after(10000),
	};
}

static err push(struct peer *server, struct rtmp_refusal *refusal)
{
	struct rtmp_client_opts opts = make_opts();
	struct sock *sock = peer_start(server);
	struct rtmp_conn *conn = NULL;
	uint32_t id = 0;
	err e = rtmp_client_connect(&conn, &sock, &opts, &id, refusal);
	assert_null(sock);
	if (!e)
		e = rtmp_client_publish(conn, id, "s?k=v", NULL, refusal);
	rtmp_conn_free(&conn);
	return e;
}

static void each_answer_of_a_server_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * FEEDS; i++) {
		size_t n = i / FEEDS;
		struct rtmp_refusal refusal;
		struct peer *server = peer_new((enum feed)(i % FEEDS));
		peer_say_handshake(server);
		cases[n].say(&server->say);
		server->hang_up = cases[n].e == ERR_CLOSED;
		err e = push(server, &refusal);
		if (e != cases[n].e)
			fail_msg("%s: %s", cases[n].what, err_trail(e));
		assert_string_equal(refusal.code, cases[n].code);
		assert_string_equal(refusal.redirect, cases[n].redirect);
		peer_join(server);
		peer_free(&server);
	}
}

#define CONNECT                                                                                    \
	"20@0 'connect' 1 {app='live' flashVer='WIN 15,0,0,239' swfUrl='' "                        \
	"tcUrl='rtmp://host/live' "                                                                \
	"fpad=false capabilities=239 audioCodecs=3575 videoCodecs=252 videoFunction=1 pageUrl='' " \
	"objectEncoding=0 fourCcList=('*') videoFourCcInfoMap={*=4} audioFourCcInfoMap={*=4} "     \
	"capsEx=7} "                                                                               \
	"{srs_id='edge'}\n5@0 002625a0\n20@0 'createStream' 2 null\n"

static char *heard_text(const struct peer *server)
{
	assert_true(server->heard.n > PLAIN_HELLO);
	return peer_text(span_of(server->heard.p + PLAIN_HELLO, server->heard.n - PLAIN_HELLO));
}

static void a_push_speaks_as_an_srs_edge(void **state)
{
	(void)state;
	struct rtmp_refusal refusal;
	struct peer *server = peer_new(WHOLE);
	peer_say_handshake(server);
	say_publish_start(&server->say);
	assert_int_equal(push(server, &refusal), OK);
	peer_join(server);
	char *text = heard_text(server);
	assert_string_equal(text, CONNECT "20@5 'publish' 0 null 's?k=v' 'live'\n");
	free(text);
	peer_free(&server);
}

static void a_pull_speaks_as_an_srs_edge(void **state)
{
	(void)state;
	struct rtmp_client_opts opts = make_opts();
	struct rtmp_refusal refusal;
	struct rtmp_conn *conn = NULL;
	struct rtmp_msg m;
	uint32_t id = 0;
	struct peer *server = peer_new(RANDOM);
	peer_say_handshake(server);
	say_start(&server->say);
	uint8_t *big = mem_zalloc(100000);
	rtmp_put(&server->say, CSID_VIDEO, RTMP_VIDEO, 5, 40, span_of(big, 100000));
	free(big);
	struct sock *sock = peer_start(server);
	assert_int_equal(rtmp_client_connect(&conn, &sock, &opts, &id, &refusal), OK);
	assert_int_equal(id, 5);
	assert_int_equal(rtmp_client_play(conn, id, "s", NULL), OK);
	assert_int_equal(rtmp_recv(conn, &m), OK);
	assert_int_equal(m.media->n, 100000);
	rtmp_msg_fini(&m);
	rtmp_conn_free(&conn);
	peer_join(server);
	char *text = heard_text(server);
	assert_string_equal(text, CONNECT "20@5 'play' 0 null 's'\n4@0 000300000005000003e8\n");
	free(text);
	peer_free(&server);
}

static void a_silent_server_ends_at_the_deadline(void **state)
{
	(void)state;
	for (int with_handshake = 0; with_handshake < 2; with_handshake++) {
		struct rtmp_client_opts opts = make_opts();
		struct rtmp_refusal refusal;
		struct rtmp_conn *conn = NULL;
		uint32_t id = 0;
		struct peer *server = peer_new(WHOLE);
		if (with_handshake)
			peer_say_handshake(server);
		opts.deadline = clock_after(30);
		struct sock *sock = peer_start(server);
		assert_int_equal(rtmp_client_connect(&conn, &sock, &opts, &id, &refusal),
				 ERR_TIMEOUT);
		assert_null(conn);
		peer_join(server);
		peer_free(&server);
	}
}

static const struct {
	const char *level, *code;
	err e;
} statuses[] = {
	{"status", "NetStream.Play.Start", OK},
	{"status", "NetStream.Play.Reset", OK},
	{"error", "NetStream.Play.StreamNotFound", ERR_NOTFOUND},
	{"status", "NetStream.Play.StreamNotFound", ERR_NOTFOUND},
	{"error", "NetStream.Play.Failed", ERR_DENIED},
	{"status", "NetStream.Play.UnpublishNotify", ERR_ENDED},
	{"status", "NetStream.Play.Stop", ERR_ENDED},
	{"status", "NetStream.Play.Complete", ERR_ENDED},
	{"status", "NetStream.Pause.Notify", OK},
	{"error", "Something.Else", ERR_DENIED},
	{"warning", "Something.Else", OK},
};

static err status_of(struct amf *o, struct rtmp_refusal *refusal)
{
	struct rtmp_msg m = {.type = RTMP_COMMAND, .body = {.max = 8192}};
	struct amf *values[] = {amf_string("onStatus"), amf_number(0), amf_null(), o};
	for (size_t i = 0; i < 4; i++) {
		amf_write(&m.body, values[i]);
		amf_free(&values[i]);
	}
	struct rtmp_conn conn = {0};
	err e = rtmp_client_status(&conn, &m, refusal);
	rtmp_msg_fini(&m);
	return e;
}

static void statuses_of_a_running_stream_are_told_apart(void **state)
{
	(void)state;
	struct rtmp_refusal refusal;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		err e = status_of(info(statuses[i].level, statuses[i].code), &refusal);
		if (e != statuses[i].e)
			fail_msg("%s %s: %s", statuses[i].level, statuses[i].code, err_slug(e));
		assert_string_equal(refusal.code, e ? statuses[i].code : "");
	}
	char *url = mem_zalloc(3001);
	memset(url, 'u', 3000);
	assert_int_equal(status_of(moved(url, NULL), &refusal),
			 ERR_DENIED); /* longer than any URL */
	free(url);
	assert_int_equal(status_of(moved("rtmp://b/live", ""), &refusal), ERR_REDIRECT);
	assert_string_equal(refusal.redirect, "rtmp://b/live");
	const struct rtmp_msg audio = {.type = RTMP_AUDIO};
	struct rtmp_conn conn = {0};
	assert_int_equal(rtmp_client_status(&conn, &audio, &refusal), OK);
	struct rtmp_msg cut = {.type = RTMP_COMMAND, .body = {.max = 100}};
	buf_put(&cut.body, "\x02\0\x08onSta", 8);
	assert_int_equal(rtmp_client_status(&conn, &cut, &refusal), OK);
	assert_int_equal(conn.oddities, 1);
	rtmp_msg_fini(&cut);
}

struct serving {
	struct sock *sock;
	bool redirects;
	struct rtmp_identify id;
	char *server_args;
	err e;
};

static err serve(struct rtmp_conn *conn, struct serving *s)
{
	static const struct rtmp_server_opts opts = {
		.out_ack_size = 1000, .chunk_size = 4096, .server_id = "x"};
	struct rtmp_connect c = {0};
	TRY(handshake_server(conn->sock));
	TRY(rtmp_recv_connect(conn, &c));
	s->server_args = mem_strdup(amf_get_string(c.args, "srs_id", ""));
	err e = rtmp_accept(conn, &c, &opts);
	rtmp_connect_fini(&c);
	TRY(e);
	TRY(rtmp_identify(conn, &s->id));
	if (s->redirects)
		return rtmp_redirect(conn, "rtmp://b:1935/live", "rtmp://b:1935/live/s");
	rtmp_put_status(conn, s->id.stream_id, "status", "NetStream.Publish.Start",
			"Started publishing stream.");
	return rtmp_flush(conn);
}

static void serve_main(void *arg)
{
	struct serving *s = arg;
	struct rtmp_conn *conn = rtmp_conn_new(s->sock);
	sock_set_deadline(conn->sock, clock_after(10000));
	s->e = serve(conn, s);
	rtmp_end(&conn, 1, "status", NULL, NULL);
}

static void our_client_and_our_server_agree(void **state)
{
	(void)state;
	for (int redirects = 0; redirects < 2; redirects++) {
		struct serving s = {.redirects = redirects};
		struct rtmp_client_opts opts = make_opts();
		struct rtmp_refusal refusal;
		struct rtmp_conn *conn = NULL;
		struct sock *sock = NULL;
		uint32_t id = 0;
		peer_pair(&sock, &s.sock);
		struct co *co = co_start("server", serve_main, &s);
		assert_int_equal(rtmp_client_connect(&conn, &sock, &opts, &id, &refusal), OK);
		assert_int_equal(id, 1);
		struct amf *object = redirects ? NULL : amf_object();
		if (object)
			amf_set(object, "srs_sign", amf_string("word"));
		err e = rtmp_client_publish(conn, id, "s", object, &refusal);
		assert_int_equal(e, redirects ? ERR_REDIRECT : OK);
		assert_string_equal(refusal.redirect, redirects ? "rtmp://b:1935/live/s" : "");
		rtmp_conn_free(&conn);
		co_join(&co);
		assert_int_equal(s.e, OK);
		assert_int_equal(s.id.role, ROLE_FLASH_PUBLISH);
		assert_string_equal(s.server_args, "edge");
		assert_string_equal(amf_get_string(s.id.object, "srs_sign", ""),
				    redirects ? "" : "word");
		rtmp_identify_fini(&s.id);
		free(s.server_args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_of_a_server_is_understood),
		cmocka_unit_test(a_push_speaks_as_an_srs_edge),
		cmocka_unit_test(a_pull_speaks_as_an_srs_edge),
		cmocka_unit_test(a_silent_server_ends_at_the_deadline),
		cmocka_unit_test(statuses_of_a_running_stream_are_told_apart),
		cmocka_unit_test(our_client_and_our_server_agree),
	};
	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
