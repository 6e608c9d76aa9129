/* The server's side: what clients of each kind say before they play or publish, and what they
 * are told. */
#include "base/mem.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"
#include "support/fake_time.h"
#include "support/rtmp_peer.h"
#include "support/unit.h"

#include <stdlib.h>

static const struct rtmp_server_opts opts = {
	.out_ack_size = 2500000,
	.chunk_size = 60000,
	.server_id = "abcd1234",
	.pid = 42,
};

static void call(struct rtmp_conn *w, const char *name, double tid, struct amf *a, struct amf *b)
{
	rtmp_put_command(w, CSID_CONNECTION, 0, name, tid, amf_null(), a, b);
}

static struct amf *connect_object(void)
{
	struct amf *o = amf_object();
	amf_set(o, "app", amf_string("live"));
	amf_set(o, "tcUrl", amf_string("rtmp://host/live"));
	amf_set(o, "pageUrl", amf_string("http://page"));
	amf_set(o, "swfUrl", amf_undefined());
	amf_set(o, "flashVer", amf_string("FMLE/3.0"));
	amf_set(o, "objectEncoding", amf_number(3));
	return o;
}

static void say_connect(struct rtmp_conn *w)
{
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 0, span_str("too early"));
	call(w, "hello", 9, NULL, NULL);
	rtmp_put_command(w, 3, 0, "connect", 1, connect_object(), NULL, NULL);
}

static void say_connect_enhanced(struct rtmp_conn *w)
{
	struct amf *o = connect_object(), *list = amf_strict(), *args = amf_object();
	amf_append(list, amf_string("hvc1"));
	amf_set(o, "fourCcList", list);
	amf_set(o, "capsEx", amf_number(3));
	amf_set(args, "srs_id", amf_string("edge"));
	rtmp_put_command(w, 3, 0, "connect", 7, o, args, NULL);
}

static void say_connect_without_url(struct rtmp_conn *w)
{
	struct amf *o = connect_object();
	amf_unset(o, "tcUrl");
	rtmp_put_command(w, 3, 0, "connect", 2, o, NULL, NULL);
}

static void say_connect_long(struct rtmp_conn *w)
{
	struct amf *o = connect_object();
	char *url = mem_zalloc(5001);
	memset(url, 'u', 5000);
	amf_set(o, "tcUrl", amf_string(url));
	free(url);
	rtmp_put_command(w, 3, 0, "connect", 2, o, NULL, NULL);
}

/* The end marker of the object, and of the object in it, is missing. */
static void say_connect_unended(struct rtmp_conn *w)
{
	struct buf b = {.max = 1024};
	struct amf *values[] = {amf_string("connect"), amf_number(1), connect_object()};
	for (size_t i = 0; i < 3; i++) {
		amf_write(&b, values[i]);
		amf_free(&values[i]);
	}
	b.n -= 3;
	rtmp_put(w, CSID_CONNECTION, RTMP_COMMAND, 0, 0, buf_span(&b));
	buf_free(&b);
}

static void say_connect_nonsense(struct rtmp_conn *w)
{
	rtmp_put(w, 3, RTMP_COMMAND, 0, 0, span_str("\x02\x01zzz"));
}

#define HEAD "5@0 002625a0\n6@0 002625a002\n"
#define SUCCESS                                                                                    \
	"{level='status' code='NetConnection.Connect.Success' description='Connection succeeded' " \
	"objectEncoding=3 data=[version='3,5,3,888' srs_sig='SRS' srs_server='SRS/6.0.0(Mesh)' "   \
	"srs_version='6.0.0' srs_server_ip='unknown' srs_pid=42 srs_id='abcd1234']}\n"
#define BWDONE "20@0 'onBWDone' 0 null\n"

static const struct {
	const char *what;
	void (*say)(struct rtmp_conn *w);
	err e;
	const char *answers;
} connects[] = {
	{"a plain client", say_connect, OK,
	 HEAD "20@0 '_result' 1 {fmsVer='FMS/3,5,3,888' capabilities=127 mode=1} " SUCCESS BWDONE},
	{"an Enhanced RTMP client", say_connect_enhanced, OK,
	 HEAD "20@0 '_result' 7 {fmsVer='FMS/3,5,3,888' capabilities=127 mode=1 fourCcList=('*') "
	      "videoFourCcInfoMap={*=4} audioFourCcInfoMap={*=4} capsEx=7} " SUCCESS BWDONE},
	{"an object without its end", say_connect_unended, OK,
	 HEAD "20@0 '_result' 1 {fmsVer='FMS/3,5,3,888' capabilities=127 mode=1} " SUCCESS BWDONE},
	{"no tcUrl", say_connect_without_url, ERR_PROTOCOL,
	 "20@0 '_error' 2 null {level='error' code='NetConnection.Connect.Rejected' "
	 "description='no'}\n"},
	{"a tcUrl without end", say_connect_long, ERR_LIMIT,
	 "20@0 '_error' 2 null {level='error' code='NetConnection.Connect.Rejected' "
	 "description='no'}\n"},
	{"nonsense", say_connect_nonsense, ERR_PROTOCOL,
	 "20@0 '_error' 1 null {level='error' code='NetConnection.Connect.Rejected' "
	 "description='no'}\n"},
};

static void serve_connect(size_t i, enum feed feed)
{
	struct peer *peer = peer_new(feed);
	struct rtmp_connect c = {0};
	connects[i].say(&peer->say);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	sock_set_deadline(conn->sock, clock_after(10000));
	err e = rtmp_recv_connect(conn, &c);
	if (e != connects[i].e)
		fail_msg("%s: %s", connects[i].what, err_trail(e));
	if (e) {
		assert_int_equal(rtmp_reject(conn, "NetConnection.Connect.Rejected", "no"), OK);
	} else {
		assert_string_equal(c.tc_url, "rtmp://host/live");
		assert_string_equal(c.app, "live");
		assert_string_equal(c.page_url, "http://page");
		assert_null(c.swf_url);
		assert_int_equal(c.enhanced, i == 1);
		assert_string_equal(amf_get_string(c.args, "srs_id", "none"),
				    i == 1 ? "edge" : "none");
		assert_int_equal(rtmp_accept(conn, &c, &opts), OK);
	}
	rtmp_connect_fini(&c);
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *text = peer_text(buf_span(&peer->heard));
	assert_string_equal(text, connects[i].answers);
	free(text);
	peer_free(&peer);
}

static void connect_is_answered_as_srs_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(connects) / sizeof(connects[0]); i++)
		for (int feed = 0; feed < FEEDS; feed++)
			serve_connect(i, (enum feed)feed);
}

static void a_play_starts_as_srs_does(void **state)
{
	(void)state;
	struct peer *peer = peer_new(WHOLE);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	rtmp_put_play_start(conn, 1);
	assert_int_equal(rtmp_flush(conn), OK);
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *text = peer_text(buf_span(&peer->heard));
	assert_string_equal(
		text,
		"4@0 000000000001\n"
		"20@1 'onStatus' 0 null {level='status' code='NetStream.Play.Reset' "
		"description='Playing and resetting stream.' details='stream' "
		"clientid='ASAICiss'}\n"
		"20@1 'onStatus' 0 null {level='status' code='NetStream.Play.Start' "
		"description='Started playing stream.' details='stream' clientid='ASAICiss'}\n"
		"18@1 '|RtmpSampleAccess' true true\n");
	free(text);
	peer_free(&peer);
}

/* The client is asked to go elsewhere; it says its word, or leaves. */
static void redirect(bool word)
{
	struct peer *peer = peer_new(WHOLE);
	rtmp_put(&peer->say, CSID_AUDIO, RTMP_AUDIO, 1, 0, span_str("media"));
	call(&peer->say, "silent", 0, NULL, NULL);
	if (word)
		call(&peer->say, "send_stop_status", 0, amf_string("I follow"), NULL);
	peer->hang_up = !word;
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	assert_int_equal(rtmp_redirect(conn, "rtmp://b:1/live", "rtmp://b:1/live/s?k=v"), OK);
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *text = peer_text(buf_span(&peer->heard));
	assert_string_equal(
		text, "20@0 'onStatus' 0 null {level='error' code='NetConnection.Connect.Rejected' "
		      "description='RTMP 302 Redirect' ex={code=302 redirect='rtmp://b:1/live' "
		      "redirect2='rtmp://b:1/live/s?k=v'}}\n");
	free(text);
	peer_free(&peer);
}

static void a_redirect_reads_as_that_of_srs(void **state)
{
	(void)state;
	fake_time_begin();
	int64_t before = clock_ms();
	redirect(true);
	redirect(false);
	assert_true(clock_ms() - before < 100); /* neither waited for its time */
	fake_time_end();
}

/* The last word arrives although the client's media were never read. */
static void the_reason_of_an_end_arrives(void **state)
{
	(void)state;
	for (int with_status = 0; with_status < 2; with_status++) {
		struct peer *peer = peer_new(WHOLE);
		for (int i = 0; i < 1000; i++)
			rtmp_put(&peer->say, CSID_AUDIO, RTMP_AUDIO, 1, 0, span_str("unread"));
		peer->hang_up = true;
		struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
		co_yield ();
		rtmp_end(&conn, 1, "error", with_status ? "NetStream.Publish.BadName" : NULL,
			 "It is taken.");
		assert_null(conn);
		peer_join(peer);
		char *text = peer_text(buf_span(&peer->heard));
		assert_string_equal(
			text, with_status ? "20@1 'onStatus' 0 null {level='error' "
					    "code='NetStream.Publish.BadName' "
					    "description='It is taken.' clientid='ASAICiss'}\n"
					  : "");
		free(text);
		peer_free(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_is_answered_as_srs_does),
		cmocka_unit_test(a_play_starts_as_srs_does),
		cmocka_unit_test(a_redirect_reads_as_that_of_srs),
		cmocka_unit_test(the_reason_of_an_end_arrives),
	};
	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
