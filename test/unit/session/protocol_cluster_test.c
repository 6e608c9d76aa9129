/* The datagram protocol in a cluster: rivals, coworkers, and an origin that an edge pushes to. */
#include "unit/session/protocol_rig.h"

/* ---- other servers ---- */

/* A coworker: whether it has the stream, and since when. */
static struct coworker {
	struct listener *listener;
	struct co_group group;
	int64_t since_ms; /* 0: it has not */
	int asked;
} coworker;

static void coworker_main(void *arg)
{
	struct sock *sock = arg;
	char request[4096], body[512], answer[1024];
	size_t n;
	while (sock_recv(sock, request, sizeof(request), &n) == OK) {
		coworker.asked++;
		snprintf(body, sizeof(body),
			 coworker.since_ms
				 ? "{\"code\":0,\"data\":{\"server\":\"vid-a\",\"service\":"
				   "\"s\",\"origin\":{\"ip\":\"127.0.0.1\",\"port\":1935,"
				   "\"since_ms\":%lld}}}"
				 : "{\"code\":0,\"data\":{\"origin\":null}}",
			 (long long)coworker.since_ms);
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(body), body);
		if (sock_send(sock, answer, strlen(answer)) != OK)
			break;
	}
	sock_close(&sock);
}

static void on_coworker(void *ctx, struct sock *sock)
{
	(void)ctx;
	co_start_in(&coworker.group, "coworker", coworker_main, sock);
}

static void listen_for(struct listener **listener, void (*on_accept)(void *ctx, struct sock *sock))
{
	struct listen_opts opts = {
		.at = {.host = "127.0.0.1"}, .what = "test", .on_accept = on_accept};
	assert_int_equal(listener_open(listener, &opts), OK);
	listener_start(*listener);
}

static void begin_with_coworker(const char *more)
{
	coworker = (struct coworker){0};
	listen_for(&coworker.listener, on_coworker);
	char *content = mem_printf("cluster { origin_cluster on; coworkers 127.0.0.1:%d; "
				   "query_cache 0; query_cache_none 0; %s }",
				   listener_port(coworker.listener), more);
	begin(content);
	free(content);
}

static void end_coworker(void)
{
	datagram_stop(&viewer);
	datagram_stop(&a);
	datagram_stop(&b);
	test_server_free(&server);
	co_group_stop(&coworker.group);
	listener_close(&coworker.listener);
}

static void a_rival_that_was_first_keeps_the_stream(void **state)
{
	(void)state;
	begin_with_coworker("on_duplicate reject;");
	publish(&a);
	assert_true(a.is_begun);
	assert_true(coworker.asked > 0);
	coworker.since_ms = 1000; /* long before */
	wait_until(a.is_over);
	assert_int_equal(a.outcome.code, OUTCOME_RIVAL);
	assert_non_null(strstr(a.outcome.text, "127.0.0.1"));
	/* And a publisher that comes then is refused at once. */
	publish(&b);
	assert_int_equal(b.outcome.code, OUTCOME_BUSY);
	end_coworker();
}

static void a_publisher_is_sent_to_the_rival_where_that_is_wished(void **state)
{
	(void)state;
	begin_with_coworker("on_duplicate redirect;");
	coworker.since_ms = 1000;
	publish(&a);
	assert_int_equal(a.outcome.code, OUTCOME_ELSEWHERE);
	assert_string_equal(a.outcome.rtmp, "127.0.0.1:1935");
	end_coworker();
}

static void a_player_is_sent_to_where_the_stream_is(void **state)
{
	(void)state;
	begin_with_coworker("on_miss redirect;");
	coworker.since_ms = 1000;
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.outcome.code, OUTCOME_ELSEWHERE);
	assert_string_equal(viewer.outcome.rtmp, "127.0.0.1:1935");
	datagram_stop(&viewer);
	coworker.since_ms = 0;
	viewer = (struct datagram_peer){0};
	datagram_start(&viewer, server, "none", false);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.outcome.code, OUTCOME_NOT_FOUND);
	end_coworker();
}

/* An origin of RTMP: what it says to a publish, and what has come. */
static struct origin {
	struct listener *listener;
	struct co_group group;
	const char *refusal; /* a status; NULL: it takes the stream */
	int pictures;
} origin;

static err origin_serve(struct rtmp_conn *conn)
{
	struct rtmp_connect connect = {0};
	struct rtmp_identify want = {0};
	err e = rtmp_recv_connect(conn, &connect);
	if (!e)
		e = rtmp_accept(conn, &connect,
				&(struct rtmp_server_opts){.chunk_size = 4096, .server_id = "o"});
	if (!e)
		e = rtmp_identify(conn, &want);
	if (!e) {
		rtmp_put_status(conn, want.stream_id, origin.refusal ? "error" : "status",
				origin.refusal ? origin.refusal : "NetStream.Publish.Start",
				"word");
		e = rtmp_flush(conn);
	}
	rtmp_conn_allow_media(conn);
	while (!e) {
		struct rtmp_msg m = {0};
		e = rtmp_recv(conn, &m);
		origin.pictures += m.type == RTMP_VIDEO;
		rtmp_msg_fini(&m);
	}
	rtmp_connect_fini(&connect);
	rtmp_identify_fini(&want);
	return e;
}

static void origin_main(void *arg)
{
	struct sock *sock = arg;
	if (handshake_server(sock) != OK) {
		sock_close(&sock);
		return;
	}
	struct rtmp_conn *conn = rtmp_conn_new(sock);
	(void)origin_serve(conn);
	rtmp_conn_free(&conn);
}

static void on_origin(void *ctx, struct sock *sock)
{
	(void)ctx;
	co_start_in(&origin.group, "origin", origin_main, sock);
}

static void begin_edge(const char *refusal)
{
	origin = (struct origin){.refusal = refusal};
	listen_for(&origin.listener, on_origin);
	char *content = mem_printf("cluster { mode remote; origin 127.0.0.1:%d; }",
				   listener_port(origin.listener));
	begin(content);
	free(content);
}

static void end_edge(void)
{
	datagram_stop(&viewer);
	datagram_stop(&a);
	test_server_free(&server);
	co_group_stop(&origin.group);
	listener_close(&origin.listener);
}

static void an_edge_pushes_it_to_its_origin(void **state)
{
	(void)state;
	begin_edge(NULL);
	publish(&a);
	assert_true(a.is_begun);
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_begun);
	for (int i = 0; i < 5; i++)
		datagram_send(&a, picture(i * 40));
	wait_until(origin.pictures == 5 && viewer.played == 5);
	end_edge();
}

static void the_origin_may_refuse_it(void **state)
{
	(void)state;
	begin_edge("NetStream.Publish.BadName");
	publish(&a);
	assert_false(a.is_begun);
	assert_int_equal(a.outcome.code, OUTCOME_DENIED);
	assert_string_equal(a.outcome.word, "NetStream.Publish.BadName");
	end_edge();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_rival_that_was_first_keeps_the_stream),
		T(a_publisher_is_sent_to_the_rival_where_that_is_wished),
		T(a_player_is_sent_to_where_the_stream_is),
		T(an_edge_pushes_it_to_its_origin),
		T(the_origin_may_refuse_it),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
