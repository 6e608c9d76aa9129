/* A protocol of datagrams stands on the session layer as any other: it is admitted and refused, published and
 * played, kicked, counted, taken over, loses to a rival, is pushed by an edge. */
#include "unit/session/protocol_rig.h"

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
	begin("cluster { relays 192.0.2.1; }");
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TIMED(name) cmocka_unit_test_setup_teardown(name, setup_fake_time, teardown)
	const struct CMUnitTest tests[] = {
		T(who_may_is_admitted_and_others_hear_why_not),
		T(a_full_server_has_places_for_relays_only),
		T(what_is_published_is_played),
		T(the_end_of_the_stream_is_told),
		TIMED(a_player_whose_stream_does_not_come_is_let_go),
		T(clients_are_counted_and_observed),
		T(a_kick_ends_them_without_a_socket),
		TIMED(a_publisher_that_nobody_watches_or_hears_ends),
		TIMED(a_silent_publisher_is_taken_over),
		TIMED(what_came_before_the_newcomer_is_no_sign_of_life),
		TIMED(a_publisher_that_answers_keeps_its_stream),
		TIMED(others_are_told_of_it),
	};
	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
