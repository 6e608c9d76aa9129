/* WebRTC sessions over a real port of loopback: from the offer to each way in which they end. */
#include "base/mem.h"
#include "service/rtc_past.h"
#include "service/rtc_refusal.h"
#include "support/co_unit.h"
#include "support/rtc_guest.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { JOINS = 120, WARM = 40, LEAK_BYTES = 96 * 1024 };

static struct server *server;
static struct rtc_guest publisher, player;

static void start(const char *vhost)
{
	char *block = test_server_vhost(vhost);
	char *conf = mem_printf("rtc_server { enabled on; candidate 127.0.0.1; }\n%s", block);
	server = test_server_new(conf);
	rtc_guest_open_hub(server);
	free(conf);
	free(block);
}

static const char plain[] = "rtc { enabled on; rtmp_to_rtc on; stun_timeout 8; }";

static int setup(void **state)
{
	publisher = player = (struct rtc_guest){0};
	return co_setup(state);
}

static int teardown(void **state)
{
	rtc_guest_close(&publisher);
	rtc_guest_close(&player);
	rtc_guest_close_hub(server);
	assert_int_equal(server->places.count, 0);
	test_server_free(&server);
	return co_teardown(state);
}

static int client_count(void)
{
	int n = 0;
	const struct client *c;
	DL_FOREACH (server->stat.clients, c)
		n++;
	return n;
}

static void until_clients(int count)
{
	int64_t deadline = clock_after(3000);
	while (client_count() != count && clock_ms() < deadline)
		(void)co_sleep(2);
	assert_int_equal(client_count(), count);
}

/* Parameter sets and an IDR picture, as an encoder sends them: one packet. */
static void send_key_frame(uint16_t seq)
{
	static const uint8_t stap[] = {0x78, 0,    22,   0x67, 0x42, 0xC0, 0x1F, 0xDA, 0x01, 0x40,
				       0x16, 0xE9, 0xA8, 0x08, 0x08, 0x0A, 0x00, 0x00, 0x03, 0x00,
				       0x02, 0x00, 0x00, 0x03, 0x00, 0,    4,    0x68, 0xCE, 0x3C,
				       0x80, 0,    5,    0x65, 0x88, 0x84, 0x21, 0x33};
	rtc_peer_rtp(&publisher.peer, 0x80 | 108, seq, 3000u * seq, span_of(stap, sizeof(stap)));
}

static bool player_gets_media(void)
{
	int64_t deadline = clock_after(4000);
	for (uint16_t seq = 1; player.peer.rtp == 0 && clock_ms() < deadline; seq++) {
		send_key_frame(seq);
		(void)rtc_peer_wait_media(&player.peer, 50);
		rtc_peer_poll(&publisher.peer);
	}
	return player.peer.rtp > 0;
}

/* ---- cases ---- */

static void what_one_publishes_another_one_plays(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_true(rtc_guest_join(&player, server, "a", false));
	until_clients(2);
	assert_true(player_gets_media());
	assert_int_equal(player.peer.last_pt, 108);
	assert_true(rtc_session_traffic(publisher.session).recv > 0);
	assert_true(rtc_session_traffic(player.session).send > 0);
	assert_int_equal(server->rtc->half_open, 0);
}

static void a_client_that_says_that_it_leaves_is_gone(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_ptr_equal(rtc_session_find(server->rtc, publisher.session->token),
			 publisher.session);
	rtc_session_leave(publisher.session);
	assert_true(rtc_guest_is_over(&publisher, 2000));
	assert_null(rtc_session_find(server->rtc, publisher.session->token));
	assert_non_null(strstr(publisher.session->why, "over HTTP"));
	rtc_peer_poll(&publisher.peer);
	(void)co_sleep(20);
	rtc_peer_poll(&publisher.peer);
	assert_int_equal(dtls_state(publisher.peer.dtls), DTLS_LEFT);
	assert_int_equal(client_count(), 0);
}

static void a_peer_that_closes_is_gone_at_once(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_true(rtc_guest_join(&player, server, "a", false));
	dtls_free(&player.peer.dtls);
	assert_true(rtc_guest_is_over(&player, 2000));
	assert_string_equal(player.session->why, "the peer has left");
	assert_int_equal(publisher.session->stage, RTC_CONNECTED);
	dtls_free(&publisher.peer.dtls);
	assert_true(rtc_guest_is_over(&publisher, 2000));
}

static void a_kick_ends_either_kind(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_true(rtc_guest_join(&player, server, "a", false));
	until_clients(2);
	struct client *c, *next;
	DL_FOREACH_SAFE (server->stat.clients, c, next)
		client_stop(c, ERR_KICKED);
	assert_true(rtc_guest_is_over(&publisher, 2000));
	assert_true(rtc_guest_is_over(&player, 2000));
	assert_int_equal(publisher.session->outcome->code, OUTCOME_KICKED);
	assert_int_equal(player.session->outcome->code, OUTCOME_KICKED);
	assert_int_equal(server->rtc->count, 0);
}

/* How long those that have joined, and those that will, may be silent from now on. */
static void set_stun_timeout(int64_t ms)
{
	server->conf->vhosts[0].rtc.stun_timeout_ms = ms;
	if (publisher.session)
		co_wake(publisher.session->co);
	if (player.session)
		co_wake(player.session->co);
}

static void silence_ends_either_kind(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_true(rtc_guest_join(&player, server, "b", false));
	set_stun_timeout(1000);
	assert_true(rtc_guest_is_over(&publisher, 4000));
	assert_true(rtc_guest_is_over(&player, 4000));
	assert_non_null(strstr(player.session->why, "stun_timeout"));
}

/* Returns the longest time without one, since the player was heard last. */
static int64_t send_checks(int64_t ms)
{
	int64_t longest = 0, last = rtc_session_heard_ms(player.session), end = clock_after(ms);
	do {
		rtc_peer_check(&player.peer, 0);
		(void)co_sleep(100);
		int64_t now = clock_ms();
		longest = now - last > longest ? now - last : longest;
		last = now;
	} while (last < end);
	return longest;
}

/* Checks alone keep a peer. Where the machine did not let them be sent in time, it is done again. */
static void a_peer_that_sends_checks_stays(void **state)
{
	int64_t longest = INT64_MAX;
	(void)state;
	start(plain);
	for (int round = 0; round < 5 && longest > 700; round++) {
		rtc_guest_close(&player);
		set_stun_timeout(8000);
		assert_true(rtc_guest_join(&player, server, "b", false));
		set_stun_timeout(1000);
		longest = send_checks(1600);
	}
	assert_true(longest <= 700);
	assert_int_equal(player.session->stage, RTC_CONNECTED);
}

static void another_certificate_is_told_in_the_end(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_ask(&player, server, "a", false));
	struct dtls_identity *other;
	assert_int_equal(dtls_identity_new(&other), OK);
	struct rtc_peer *p = &player.peer;
	const char *ours = dtls_identity_fingerprint(server->rtc->identity);
	char ufrag[ICE_UFRAG_MAX + 1], pwd[ICE_PWD_MAX + 1];
	snprintf(ufrag, sizeof(ufrag), "%s", p->server_ufrag);
	snprintf(pwd, sizeof(pwd), "%s", p->server_pwd);
	dtls_free(&p->dtls);
	dtls_identity_free(&p->identity);
	p->identity = other;
	rtc_peer_answer(p, addr_port(&p->server), ufrag, pwd, ours, true);
	(void)rtc_peer_connect(p, 1500);
	assert_true(rtc_guest_is_over(&player, 2000));
	assert_non_null(strstr(player.session->why, "certificate"));
	assert_int_equal(player.session->connected_ms, 0);
	assert_string_equal(rtc_past_get(0)->why, player.session->why);
	assert_int_equal(rtc_past_get(0)->connect_ms, -1);
}

static void what_is_off_or_malformed_is_refused_at_once(void **state)
{
	(void)state;
	start("rtc { enabled off; }");
	assert_false(rtc_guest_ask(&player, server, "a", false));
	assert_int_equal(player.refusal, RTC_DISABLED);
	assert_int_equal(rtc_refusal_words(player.refusal, NULL, player.e).status, 403);
	assert_int_equal(rtc_refusal_words(player.refusal, NULL, player.e).code, 5021);
	assert_int_equal(server->rtc->count, 0);
}

/* Names, places, sources, memory: nothing stays of those who came and went. */
static void joins_and_leaves_leave_nothing(void **state)
{
	(void)state;
	size_t before = 0;
	start(plain);
	for (int i = 0; i < JOINS; i++) {
		if (i == WARM)
			before = mallinfo2().uordblks;
		assert_true(rtc_guest_join(&player, server, "a", i % 2 == 0));
		if (i % 3 == 0)
			rtc_session_leave(player.session);
		else
			dtls_free(&player.peer.dtls);
		assert_true(rtc_guest_is_over(&player, 2000));
		rtc_guest_close(&player);
	}
	assert_int_equal(server->rtc->count, 0);
	assert_int_equal(server->rtc->half_open, 0);
	assert_int_equal(rtc_port_links(rtc_hub_port(server->rtc)), 0);
	assert_int_equal(server->places.count, 0);
	assert_int_equal(client_count(), 0);
	assert_int_equal(server->rtc->connected, JOINS);
	if (mallinfo2().uordblks > before + LEAK_BYTES)
		fail_msg("%zu bytes more", mallinfo2().uordblks - before);
}

/* Others are answered all the same, and so is that one when its peers have gone. */
static void one_address_has_a_share_of_those_that_connect(void **state)
{
	(void)state;
	struct rtc_guest *crowd = mem_zalloc(RTC_HALF_OPEN_PER_ADDRESS * sizeof(*crowd));
	start(plain);
	server->conf->max_connections = 1000;
	for (int i = 0; i < RTC_HALF_OPEN_PER_ADDRESS; i++)
		assert_true(rtc_guest_ask(&crowd[i], server, "a", false));
	assert_false(rtc_guest_ask(&player, server, "a", false));
	assert_int_equal(player.refusal, RTC_NO_ROOM);
	rtc_guest_close(&player);
	player.ip = "192.0.2.2";
	assert_true(rtc_guest_join(&player, server, "a", false));
	assert_true(rtc_peer_connect(&crowd[0].peer, 5000));
	int64_t deadline = clock_after(3000);
	while (crowd[0].session->stage == RTC_ANSWERED && clock_ms() < deadline)
		(void)co_sleep(1);
	assert_true(rtc_guest_ask(&publisher, server, "a", false));
	co_group_stop(&server->sessions);
	assert_int_equal(server->rtc->connecting.count, 0);
	for (int i = 0; i < RTC_HALF_OPEN_PER_ADDRESS; i++)
		rtc_guest_close(&crowd[i]);
	free(crowd);
}

static void a_server_that_stops_ends_them(void **state)
{
	(void)state;
	start(plain);
	assert_true(rtc_guest_join(&publisher, server, "a", true));
	assert_true(rtc_guest_ask(&player, server, "a", false));
	co_group_stop(&server->sessions);
	assert_int_equal(publisher.session->stage, RTC_OVER);
	assert_int_equal(player.session->stage, RTC_OVER);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_one_publishes_another_one_plays),
		CASE(a_client_that_says_that_it_leaves_is_gone),
		CASE(a_peer_that_closes_is_gone_at_once),
		CASE(a_kick_ends_either_kind),
		CASE(silence_ends_either_kind),
		CASE(a_peer_that_sends_checks_stays),
		CASE(another_certificate_is_told_in_the_end),
		CASE(what_is_off_or_malformed_is_refused_at_once),
		CASE(joins_and_leaves_leave_nothing),
		CASE(one_address_has_a_share_of_those_that_connect),
		CASE(a_server_that_stops_ends_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
