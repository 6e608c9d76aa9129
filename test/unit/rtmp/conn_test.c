/* Messages over a connection: what it answers by itself, what it takes apart, where it stops. */
#include "base/asan.h"
#include "base/mem.h"
#include "rtmp/conn.h"
#include "support/rtmp_peer.h"
#include "support/unit.h"

#include <malloc.h>
#include <stdlib.h>

/* All messages until the end, as "type ts stream_id payload" lines. */
static char *receive_all(struct rtmp_conn *conn, err *end)
{
	char *text = mem_strdup("");
	for (;;) {
		struct rtmp_msg m;
		*end = rtmp_recv(conn, &m);
		if (*end)
			return text;
		struct span s = m.media ? msg_span(m.media) : buf_span(&m.body);
		char *more = mem_printf("%s%u %u %u %.*s\n", text, m.type, m.ts, m.stream_id,
					(int)s.n, s.n ? (const char *)s.p : "");
		free(text);
		text = more;
		rtmp_msg_fini(&m);
	}
}

static void put_tag(struct buf *b, uint8_t type, uint32_t ts, const char *payload)
{
	buf_u8(b, type);
	buf_u24(b, (uint32_t)strlen(payload));
	buf_u24(b, ts & 0xFFFFFF);
	buf_u8(b, (uint8_t)(ts >> 24));
	buf_u24(b, 0);
	buf_put(b, payload, strlen(payload));
	buf_u32(b, (uint32_t)strlen(payload) + 11);
}

static void say_aggregate(struct rtmp_conn *w)
{
	struct buf b = {.max = 1024};
	put_tag(&b, RTMP_VIDEO, 0x1000010, "v1");
	put_tag(&b, RTMP_AUDIO, 0x1000020, "a1");
	put_tag(&b, RTMP_DATA, 0x1000020, "d1");
	put_tag(&b, RTMP_VIDEO, 0x1000015, "v2");
	b.n -= 4; /* a last back pointer that is missing */
	rtmp_put(w, CSID_VIDEO, RTMP_AGGREGATE, 1, 5000, buf_span(&b));
	buf_free(&b);
}

static void say_broken_aggregate(struct rtmp_conn *w)
{
	rtmp_put(w, CSID_VIDEO, RTMP_VIDEO, 1, 1, span_str("whole"));
	rtmp_put(w, CSID_VIDEO, RTMP_AGGREGATE, 1, 5000, span_of("\x09\x00\x01\x00 too short", 13));
	rtmp_put(w, CSID_VIDEO, RTMP_VIDEO, 1, 2, span_str("after"));
}

static void say_nested_aggregate(struct rtmp_conn *w)
{
	struct buf b = {.max = 1024};
	put_tag(&b, RTMP_AGGREGATE, 0, "v1");
	put_tag(&b, RTMP_AUDIO, 5, "a1");
	rtmp_put(w, CSID_VIDEO, RTMP_AGGREGATE, 1, 5000, buf_span(&b));
	buf_free(&b);
}

static void say_endless_aggregate(struct rtmp_conn *w)
{
	struct buf b = {.max = 65536};
	for (int i = 0; i < 4200; i++)
		put_tag(&b, RTMP_AUDIO, 0, "");
	rtmp_put(w, CSID_VIDEO, RTMP_AGGREGATE, 1, 5000, buf_span(&b));
	buf_free(&b);
}

static void say_amf3(struct rtmp_conn *w)
{
	rtmp_put(w, CSID_CONNECTION, RTMP_COMMAND_AMF3, 1, 7, span_of("\0call", 5));
	rtmp_put(w, CSID_CONNECTION, RTMP_COMMAND_AMF3, 1, 7, span_of("bare", 4));
	rtmp_put(w, CSID_DATA, RTMP_DATA_AMF3, 1, 8, span_of("\0data", 5));
	rtmp_put(w, CSID_DATA, RTMP_DATA_AMF3, 1, 8, span_of("\0", 1));
	rtmp_put(w, CSID_DATA, RTMP_DATA, 1, 9, span_of("\0\1\2\3", 4)); /* ffmpeg's time code */
	rtmp_put(w, CSID_DATA, RTMP_COMMAND, 1, 9, span_of("", 0));
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 10, span_of("", 0));
}

static void say_control(struct rtmp_conn *w)
{
	rtmp_put_u32(w, RTMP_ACK, 77);
	rtmp_put_chunk_size(w, 4096);
	rtmp_put_u32(w, RTMP_WINDOW_ACK_SIZE, 1000000);
	rtmp_put_user_control(w, UC_PING, 0x01020304);
	rtmp_put_user_control(w, UC_SET_BUFFER, 1);
	rtmp_put(w, 9, 99, 0, 0, span_str("unknown"));
	rtmp_put(w, CSID_CONTROL, RTMP_USER_CONTROL, 0, 0, span_of("\0", 1));
}

static void say_acknowledged(struct rtmp_conn *w)
{
	rtmp_put_u32(w, RTMP_WINDOW_ACK_SIZE, 32);
	rtmp_put_user_control(w, UC_PING, 5);
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 0, span_str("a"));
}

static void say_too_large(struct rtmp_conn *w)
{
	uint8_t *big = mem_zalloc(RTMP_COMMAND_MAX + 1);
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 10, span_str("before"));
	rtmp_put(w, CSID_DATA, RTMP_DATA, 1, 11, span_of(big, RTMP_COMMAND_MAX + 1));
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 12, span_str("after"));
	free(big);
}

static void say_broken_chunk(struct rtmp_conn *w)
{
	rtmp_put(w, CSID_AUDIO, RTMP_AUDIO, 1, 10, span_str("before"));
	buf_put(&w->out, "\xC9", 1); /* continues what has not begun */
}

static const struct {
	const char *what;
	void (*say)(struct rtmp_conn *w);
	const char *received;
	err end;
	const char *answers;
} cases[] = {
	{"an aggregate", say_aggregate, "9 5000 1 v1\n8 5016 1 a1\n18 5016 1 d1\n9 5005 1 v2\n",
	 ERR_CLOSED, ""},
	{"a broken aggregate", say_broken_aggregate, "9 1 1 whole\n9 2 1 after\n", ERR_CLOSED, ""},
	{"a nested aggregate", say_nested_aggregate, "8 5005 1 a1\n", ERR_CLOSED, ""},
	{"an endless aggregate", say_endless_aggregate, NULL, ERR_CLOSED, NULL},
	{"AMF3 framing", say_amf3, "20 7 1 call\n20 7 1 bare\n18 8 1 data\n", ERR_CLOSED, ""},
	{"protocol control", say_control, NULL, ERR_CLOSED, "4@0 000701020304\n"},
	{"a message that is too large", say_too_large, "8 10 1 before\n8 12 1 after\n", ERR_CLOSED,
	 ""},
	{"a broken chunk", say_broken_chunk, "8 10 1 before\n", ERR_PROTOCOL, ""},
};

static void converse(size_t i, enum feed feed)
{
	err end;
	struct peer *peer = peer_new(feed);
	peer->hang_up = true;
	cases[i].say(&peer->say);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	sock_set_deadline(conn->sock, clock_after(10000));
	char *received = receive_all(conn, &end);
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *answers = peer_text(buf_span(&peer->heard));
	if (end != cases[i].end)
		fail_msg("%s: %s", cases[i].what, err_slug(end));
	if (cases[i].received)
		assert_string_equal(received, cases[i].received);
	if (cases[i].answers)
		assert_string_equal(answers, cases[i].answers);
	free(received);
	free(answers);
	peer_free(&peer);
	assert_int_equal(msg_live(), 0);
}

static void messages_come_whole_and_control_is_dealt_with(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int feed = 0; feed < FEEDS; feed++)
			converse(i, (enum feed)feed);
}

static void received_bytes_are_acknowledged_at_half_the_window(void **state)
{
	(void)state;
	err end;
	struct peer *peer = peer_new(WHOLE);
	peer->hang_up = true;
	say_acknowledged(&peer->say);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	free(receive_all(conn, &end));
	assert_int_equal(end, ERR_CLOSED);
	assert_int_equal(conn->in_window, 32);
	assert_int_equal(conn->acked, 47); /* three messages: 16, 18 and 13 bytes */
	rtmp_conn_free(&conn);
	peer_join(peer);
	char *answers = peer_text(buf_span(&peer->heard));
	assert_string_equal(answers, "4@0 000700000005\n3@0 0000002f\n");
	free(answers);
	peer_free(&peer);
}

/* Also for an eager peer, whose media come in one read with the command that lets them in. */
static void media_may_be_large_once_it_is_allowed(void **state)
{
	(void)state;
	struct rtmp_msg m;
	struct peer *peer = peer_new(WHOLE);
	uint8_t *big = mem_zalloc(1000000);
	rtmp_put_command(&peer->say, CSID_STREAM, 1, "publish", 0, amf_null(), NULL, NULL);
	rtmp_put(&peer->say, CSID_VIDEO, RTMP_VIDEO, 1, 5, span_of(big, 1000000));
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	assert_int_equal(rtmp_recv(conn, &m), OK);
	rtmp_msg_fini(&m);
	rtmp_conn_allow_media(conn);
	assert_int_equal(rtmp_recv(conn, &m), OK);
	assert_int_equal(m.media->n, 1000000);
	rtmp_msg_fini(&m);
	rtmp_conn_free(&conn);
	peer_join(peer);
	peer_free(&peer);
	free(big);
}

static void receive_many(bool is_allowed)
{
	enum { N = 10000 };
	struct peer *peer = peer_new(WHOLE);
	for (int i = 0; i < N; i++)
		rtmp_put(&peer->say, CSID_AUDIO, RTMP_AUDIO, 1, (uint32_t)i, span_str("a"));
	peer->hang_up = true;
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	struct rtmp_msg m;
	if (is_allowed)
		rtmp_conn_allow_media(conn);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(rtmp_recv(conn, &m), OK);
		assert_int_equal(m.ts, i);
		rtmp_msg_fini(&m);
		assert_true(msg_live() <= 512);
	}
	assert_int_equal(rtmp_recv(conn, &m), ERR_CLOSED);
	rtmp_conn_free(&conn);
	peer_join(peer);
	peer_free(&peer);
}

static void ten_thousand_small_messages_of_one_read_all_come(void **state)
{
	(void)state;
	receive_many(false);
	receive_many(true);
}

static void a_peer_that_pings_and_never_listens_is_ended(void **state)
{
	(void)state;
	struct sock *a = NULL, *b = NULL;
	struct rtmp_conn w = {.out = {.max = 1 << 20}, .out_chunk_size = CHUNK_SIZE_DEFAULT};
	struct rtmp_msg m;
	peer_pair(&a, &b);
	for (int i = 0; i < 1000; i++)
		rtmp_put_user_control(&w, UC_PING, 1);
	struct rtmp_conn *conn = rtmp_conn_new(a);
	err e = ERR_AGAIN;
	size_t most = 0;
	for (int i = 0; i < 200 && e == ERR_AGAIN; i++) {
		assert_int_equal(sock_send(b, w.out.p, w.out.n), OK);
		co_yield ();
		e = rtmp_try_recv(conn, &m);
		most = conn->out.n > most ? conn->out.n : most;
	}
	assert_int_equal(e, ERR_LIMIT);
	assert_true(most <= RTMP_OUT_MAX);
	assert_int_equal(rtmp_recv(conn, &m), ERR_LIMIT);
	rtmp_conn_free(&conn);
	sock_close(&b);
	buf_free(&w.out);
}

/* Messages that are none of the caller's business: each call looks at so many of them and no more. */
static void many_messages_that_say_nothing_let_others_have_a_turn(void **state)
{
	(void)state;
	enum { N = 6000, PER_CALL = 4 * 512 };
	struct sock *a = NULL, *b = NULL;
	struct rtmp_conn w = {.out = {.max = 1 << 20}, .out_chunk_size = CHUNK_SIZE_DEFAULT};
	struct rtmp_msg m;
	peer_pair(&a, &b);
	for (uint32_t i = 0; i < N; i++)
		rtmp_put_u32(&w, RTMP_ACK, i);
	rtmp_put(&w, CSID_AUDIO, RTMP_AUDIO, 1, 7, span_str("a"));
	struct rtmp_conn *conn = rtmp_conn_new(a);
	assert_int_equal(sock_send(b, w.out.p, w.out.n), OK);
	co_yield ();
	int calls = 1;
	while (rtmp_try_recv(conn, &m) == ERR_AGAIN && calls < 1000) {
		calls++;
		co_yield ();
	}
	assert_int_equal(m.ts, 7);
	rtmp_msg_fini(&m);
	assert_in_range(calls, N / PER_CALL + 1, 100);
	rtmp_conn_free(&conn);
	sock_close(&b);
	buf_free(&w.out);
}

static void our_ping_is_answered_by_a_pong(void **state)
{
	(void)state;
	struct sock *a = NULL, *b = NULL;
	struct rtmp_msg m;
	peer_pair(&a, &b);
	struct rtmp_conn *near = rtmp_conn_new(a), *far = rtmp_conn_new(b);
	rtmp_put_ping(near);
	rtmp_put_ping(near); /* one is out */
	assert_int_equal(near->out.n, 18);
	assert_true(near->ping_ms > 0);
	assert_int_equal(rtmp_flush(near), OK);
	assert_int_equal(near->out.cap, 0);
	co_yield ();
	assert_int_equal(rtmp_try_recv(far, &m), ERR_AGAIN);
	assert_int_equal(rtmp_flush(far), OK);
	co_yield ();
	assert_int_equal(rtmp_try_recv(near, &m), ERR_AGAIN);
	assert_int_equal(near->ping_ms, 0);
	assert_true(near->pong_ms > 0);
	rtmp_conn_free(&near);
	rtmp_conn_free(&far);
}

static void silence_ends_at_the_deadline(void **state)
{
	(void)state;
	struct rtmp_msg m;
	struct peer *peer = peer_new(WHOLE);
	buf_put(&peer->say.out, "\x03\0\0", 3);
	struct rtmp_conn *conn = rtmp_conn_new(peer_start(peer));
	sock_set_deadline(conn->sock, clock_after(30));
	assert_int_equal(rtmp_recv(conn, &m), ERR_TIMEOUT);
	rtmp_conn_free(&conn);
	peer_join(peer);
	peer_free(&peer);
}

static void an_idle_connection_is_small(void **state)
{
	(void)state;
#if !HAVE_ASAN
	struct sock *a = NULL, *b = NULL;
	struct rtmp_msg m;
	peer_pair(&a, &b);
	size_t before = mallinfo2().uordblks;
	struct rtmp_conn *conn = rtmp_conn_new(a);
	rtmp_put_ping(conn);
	assert_int_equal(rtmp_flush(conn), OK);
	assert_int_equal(rtmp_try_recv(conn, &m), ERR_AGAIN);
	size_t used = mallinfo2().uordblks - before;
	if (used > 1024)
		fail_msg("%zu bytes", used);
	rtmp_conn_free(&conn);
	sock_close(&b);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_whole_and_control_is_dealt_with),
		cmocka_unit_test(received_bytes_are_acknowledged_at_half_the_window),
		cmocka_unit_test(media_may_be_large_once_it_is_allowed),
		cmocka_unit_test(ten_thousand_small_messages_of_one_read_all_come),
		cmocka_unit_test(a_peer_that_pings_and_never_listens_is_ended),
		cmocka_unit_test(many_messages_that_say_nothing_let_others_have_a_turn),
		cmocka_unit_test(our_ping_is_answered_by_a_pong),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(an_idle_connection_is_small),
	};
	return cmocka_run_group_tests(tests, peer_setup, peer_teardown);
}
