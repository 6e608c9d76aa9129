/* A protocol of datagrams stands on the session layer as any other: it is admitted and refused, published and
 * played, kicked, counted, taken over, loses to a rival, is pushed by an edge. */
#include "base/mem.h"
#include "net/listen.h"
#include "rtmp/dialogue.h"
#include "rtmp/handshake.h"
#include "rtmp/server.h"
#include "support/co_unit.h"
#include "support/datagram.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct datagram_peer a, b, viewer;

static int setup(void **state)
{
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&viewer, 0, sizeof(viewer));
	return co_setup(state);
}

static int teardown(void **state)
{
	datagram_stop(&viewer);
	datagram_stop(&a);
	datagram_stop(&b);
	test_server_free(&server);
	return co_teardown(state);
}

static void begin(const char *content)
{
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	free(conf);
}

static struct msg *picture(int64_t ts)
{
	static const uint8_t key[] = {0x12, 0, 0, 0, 0, 1, 2, 3}; /* H.263, a key frame */
	struct msg *m = msg_new(MSG_VIDEO, ts, sizeof(key));
	memcpy(m->payload, key, sizeof(key));
	return m;
}

static void publish(struct datagram_peer *peer)
{
	datagram_start(peer, server, "x", true);
	wait_until(peer->is_begun || peer->is_over);
}

/* ---- admission ---- */

static void who_may_is_admitted_and_others_hear_why_not(void **state)
{
	(void)state;
	static const struct {
		const char *vhost, *app, *stream, *path, *content;
		enum outcome_code code;
		err end;
	} cases[] = {
		{DEFAULT_VHOST, "live", "", "", "", OUTCOME_BAD_NAME, ERR_PROTOCOL},
		{DEFAULT_VHOST, "live", "x", "", "enabled off;", OUTCOME_NO_VHOST, ERR_NOTFOUND},
		{DEFAULT_VHOST, "live", "x", ",p,q", "cluster { relays 203.0.113.1; }",
		 OUTCOME_RELAY_REFUSED, ERR_DENIED},
		{DEFAULT_VHOST, "live", "x", ",p,q,r", "cluster { hop_limit 2; }", OUTCOME_LOOP,
		 ERR_LOOP},
		{DEFAULT_VHOST, "live", "x", "", "security { enabled on; deny publish 192.0.2.1; }",
		 OUTCOME_DENIED, ERR_DENIED},
		{DEFAULT_VHOST, "live", "x", "",
		 "cluster { mode remote; origin 127.0.0.1:1; token_traverse on; }",
		 OUTCOME_UNDECIDED, ERR_UPSTREAM},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(cases[i].content);
		a = (struct datagram_peer){
			.vhost = cases[i].vhost, .app = cases[i].app, .path = cases[i].path};
		datagram_start(&a, server, cases[i].stream, true);
		wait_until(a.is_over);
		assert_int_equal(a.outcome.code, cases[i].code);
		assert_int_equal(a.end, cases[i].end);
		assert_true(*a.outcome.text);
		assert_int_equal(server->places.count, 0);
		datagram_stop(&a);
		test_server_free(&server);
	}
}

static void a_full_server_has_places_for_relays_only(void **state)
{
	(void)state;
	begin("");
	server->places.count = 100;
	datagram_start(&a, server, "x", true);
	wait_until(a.is_over);
	assert_int_equal(a.outcome.code, OUTCOME_FULL);
	b.path = ",edge";
	publish(&b);
	assert_true(b.is_begun);
	server->places.count = 101 + CONNECTIONS_RESERVED;
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.end, ERR_FULL);
	assert_int_equal(server->places.refused, 1);
	server->places.count = 1;
}

/* ---- publishing and playing ---- */

static void what_is_published_is_played(void **state)
{
	(void)state;
	begin("play { mw_latency 0; }");
	publish(&a);
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_begun);
	for (int i = 0; i < 10; i++)
		datagram_send(&a, picture(i * 40));
	wait_until(viewer.played == 10);
	datagram_stop(&viewer);
	assert_int_equal(viewer.end, OK);
	datagram_stop(&a);
	assert_int_equal(a.end, OK);
	assert_int_equal(server->stat.client_count, 0);
}

static void the_end_of_the_stream_is_told(void **state)
{
	(void)state;
	begin("publish { reconnect_grace 0; }");
	publish(&a);
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_begun);
	datagram_stop(&a);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.outcome.code, OUTCOME_ENDED);
	assert_int_equal(viewer.end, ERR_ENDED);
}

static void a_player_whose_stream_does_not_come_is_let_go(void **state)
{
	(void)state;
	begin("play { wait_timeout 0.3; }");
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.outcome.code, OUTCOME_NOT_FOUND);
}

struct heard {
	struct client_observer observer;
	int entered, left;
};

static void on_enter(struct client_observer *observer, struct client *client)
{
	(void)client;
	container_of(observer, struct heard, observer)->entered++;
}

static void on_leave(struct client_observer *observer, struct client *client)
{
	(void)client;
	container_of(observer, struct heard, observer)->left++;
}

static void clients_are_counted_and_observed(void **state)
{
	(void)state;
	struct heard heard = {.observer = {.on_enter = on_enter, .on_leave = on_leave}};
	begin("play { mw_latency 0; }");
	stat_observe(&server->stat, &heard.observer);
	publish(&a);
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_begun);
	datagram_send(&a, picture(0));
	wait_until(viewer.played == 1);
	stat_sum(&server->stat);
	const struct stat_id *id = stat_stream(&server->stat, "/live/x");
	assert_int_equal(server->stat.client_count, 2);
	assert_int_equal(server->places.count, 2);
	assert_int_equal(id->clients, 2);
	assert_int_equal(id->recv_now, 8);
	assert_int_equal(id->send_now, 8);
	assert_int_equal(heard.entered, 2);
	datagram_stop(&viewer);
	datagram_stop(&a);
	assert_int_equal(heard.left, 2);
	assert_int_equal(server->stat.recv_bytes, 8);
	assert_int_equal(server->stat.send_bytes, 8);
	assert_int_equal(server->places.count, 0);
	stat_unobserve(&server->stat, &heard.observer);
}

static void a_kick_ends_them_without_a_socket(void **state)
{
	(void)state;
	begin("");
	publish(&a);
	datagram_start(&viewer, server, "x", false);
	wait_until(viewer.is_begun);
	client_stop(&viewer.viewing.client, ERR_KICKED);
	wait_until(viewer.is_over);
	assert_int_equal(viewer.outcome.code, OUTCOME_KICKED);
	assert_false(a.is_over);
	client_stop(stat_find(&server->stat, a.publication.client.id), ERR_KICKED);
	wait_until(a.is_over);
	assert_int_equal(a.end, ERR_KICKED);
}

static void a_publisher_that_nobody_watches_or_hears_ends(void **state)
{
	(void)state;
	begin("publish { kickoff_for_idle 1; firstpkt_timeout 400; normal_timeout 400; }");
	publish(&a);
	wait_until(a.is_over);
	assert_int_equal(a.outcome.code, OUTCOME_SILENT);
	assert_int_equal(a.probes, 1);
	publish(&b);
	for (int64_t ts = 0; !b.is_over; ts += 40) {
		datagram_send(&b, picture(ts));
		assert_int_equal(co_sleep(20), OK);
	}
	assert_int_equal(b.outcome.code, OUTCOME_IDLE);
}

/* ---- takeover ---- */

static void a_silent_publisher_is_taken_over(void **state)
{
	(void)state;
	begin("");
	publish(&a);
	datagram_send(&a, picture(0)); /* a moment before the next one comes */
	int64_t began = clock_ms();
	publish(&b);
	assert_true(b.is_begun);
	assert_in_range(clock_ms() - began, 1400, 2100);
	assert_int_equal(a.probes, 1);
	wait_until(a.is_over);
	assert_int_equal(a.outcome.code, OUTCOME_REPLACED);
	assert_ptr_equal(publication_of(b.publication.source), &b.publication);
}

static void what_came_before_the_newcomer_is_no_sign_of_life(void **state)
{
	(void)state;
	begin("");
	publish(&a);
	/* It lies in a queue, unread, when the next publisher comes; and is read after that. */
	a.traffic.recv += 100;
	publish(&b);
	assert_true(b.is_begun);
	wait_until(a.is_over);
	assert_int_equal(a.outcome.code, OUTCOME_REPLACED);
}

static void a_publisher_that_answers_keeps_its_stream(void **state)
{
	(void)state;
	begin("");
	a.answers_probes = false;
	publish(&a);
	datagram_start(&b, server, "x", true);
	wait_until(a.probes == 1);
	assert_int_equal(co_sleep(50), OK);
	datagram_send(&a, NULL);
	wait_until(b.is_over);
	assert_int_equal(b.outcome.code, OUTCOME_BUSY);
	assert_int_equal(b.end, ERR_BUSY);
	assert_false(a.is_over);
}

static void others_are_told_of_it(void **state)
{
	(void)state;
	struct publication_facts facts;
	begin("");
	publish(&a);
	assert_true(publication_facts(a.publication.source, true, &facts));
	assert_true(facts.since_wall_ms > 0 && facts.unanswered_ms == 0);
	a.heard_ms -= 5000;
	assert_true(publication_facts(a.publication.source, false, &facts));
	assert_true(facts.silent_ms >= 5000);
	assert_int_equal(a.probes, 1);
	assert_int_equal(co_sleep(10), OK);
	assert_true(publication_facts(a.publication.source, false, &facts));
	assert_true(facts.unanswered_ms > 0);
	struct source *source = source_ref(a.publication.source);
	datagram_stop(&a);
	assert_false(publication_facts(source, false, &facts));
	source_unref(&source);
}

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
		T(who_may_is_admitted_and_others_hear_why_not),
		T(a_full_server_has_places_for_relays_only),
		T(what_is_published_is_played),
		T(the_end_of_the_stream_is_told),
		T(a_player_whose_stream_does_not_come_is_let_go),
		T(clients_are_counted_and_observed),
		T(a_kick_ends_them_without_a_socket),
		T(a_publisher_that_nobody_watches_or_hears_ends),
		T(a_silent_publisher_is_taken_over),
		T(what_came_before_the_newcomer_is_no_sign_of_life),
		T(a_publisher_that_answers_keeps_its_stream),
		T(others_are_told_of_it),
		T(a_rival_that_was_first_keeps_the_stream),
		T(a_publisher_is_sent_to_the_rival_where_that_is_wished),
		T(a_player_is_sent_to_where_the_stream_is),
		T(an_edge_pushes_it_to_its_origin),
		T(the_origin_may_refuse_it),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
