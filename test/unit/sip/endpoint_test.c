/* Requests of peers over real sockets: once to the owner, again the same answer. */
#include "sip/endpoint.h"
#include "support/co_unit.h"
#include "support/sip_rig.h"
#include "support/unit.h"

#include <stdio.h>

enum { SOON_MS = 2000, NOT_MS = 300 };

static const struct sip_counts *counts(void)
{
	return sip_endpoint_counts(rig.endpoint);
}

static const char *text_of(const struct sip_peer *peer)
{
	return (const char *)peer->text;
}

static void a_request_is_answered_where_it_came_from(void **state)
{
	(void)state;
	for (int t = SIP_UDP; t <= SIP_TCP; t++) {
		char want[100];
		struct sip_peer *peer = sip_peer_new(t);
		sip_peer_ask(peer, "MESSAGE", "z9hG4bK1");
		assert_true(sip_peer_get(peer, SOON_MS));
		assert_int_equal(peer->message.status, 200);
		assert_int_equal(peer->message.cseq, 7);
		assert_true(peer->message.to.tag.n == 32);
		assert_string_equal(rig.method, "MESSAGE");
		assert_int_equal(sip_flow_transport(rig.flow), t);
		snprintf(want, sizeof(want), ";branch=z9hG4bK1;received=127.0.0.1;rport=%d\r\n",
			 addr_port(sip_flow_peer(rig.flow)));
		assert_non_null(strstr(text_of(peer), want));
		assert_true(sip_flow_is_open(rig.flow));
		sip_peer_free(&peer);
	}
	assert_int_equal(counts()->requests, 2);
	assert_int_equal(counts()->sent, 2);
	assert_int_equal(counts()->dropped, 0);
}

static void a_repeated_request_has_the_same_answer(void **state)
{
	(void)state;
	static char first[SIP_RIG_TEXT];
	struct sip_peer *peer = sip_peer_new(SIP_UDP), *other = sip_peer_new(SIP_UDP);
	sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	snprintf(first, sizeof(first), "%s", text_of(peer));
	for (int i = 0; i < 3; i++) {
		sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
		assert_true(sip_peer_get(peer, SOON_MS));
		assert_string_equal(text_of(peer), first);
	}
	assert_int_equal(rig.requests, 1);
	assert_int_equal(counts()->repeated, 3);
	assert_int_equal(counts()->answers, 1);
	/* Another branch, another method and another sender are other requests. */
	sip_peer_ask(peer, "REGISTER", "z9hG4bK2");
	assert_true(sip_peer_get(peer, SOON_MS));
	sip_peer_ask(peer, "MESSAGE", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	sip_peer_ask(other, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(other, SOON_MS));
	assert_int_equal(rig.requests, 4);
	/* And after its time so is the same one. */
	assert_int_equal(co_sleep(SIP_TRANSACTION_MS - 1), OK);
	sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_int_equal(rig.requests, 4);
	assert_int_equal(co_sleep(1), OK);
	assert_int_equal(counts()->answers, 0);
	sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_int_equal(rig.requests, 5);
	sip_peer_free(&peer);
	sip_peer_free(&other);
}

static void what_the_owner_does_not_answer_is_not_answered(void **state)
{
	(void)state;
	struct sip_peer *peer = sip_peer_new(SIP_UDP);
	rig.answer.status = 0;
	sip_peer_ask(peer, "OPTIONS", "z9hG4bK1");
	assert_false(sip_peer_get(peer, NOT_MS));
	assert_int_equal(rig.requests, 1);
	assert_int_equal(counts()->dropped, 1);
	/* ACK has no answer, and is nobody's. */
	sip_peer_ask(peer, "ACK", "z9hG4bK2");
	sip_peer_put(peer, "\r\n\r\n", 4);
	assert_false(sip_peer_get(peer, NOT_MS));
	assert_int_equal(rig.requests, 1);
	assert_int_equal(counts()->requests, 2);
	assert_int_equal(counts()->malformed, 0);
	sip_peer_free(&peer);
}

static void what_is_malformed_is_counted_and_logged_with_a_rate(void **state)
{
	(void)state;
	struct sip_peer *peer = sip_peer_new(SIP_UDP);
	for (int i = 0; i < 3; i++) {
		sip_peer_put(peer, "GET / HTTP/1.1\r\n\r\n", 18);
		assert_false(sip_peer_get(peer, NOT_MS));
	}
	assert_int_equal(counts()->malformed, 3);
	assert_int_equal(rig.lines, 3);
	sip_peer_ask(peer, "OPTIONS", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	/* An answer that nobody has asked for. */
	peer->message.is_request = true;
	peer->message.cseq_method_name = span_str("INVITE");
	sip_peer_answer(peer, 200, "");
	assert_false(sip_peer_get(peer, NOT_MS));
	assert_int_equal(counts()->responses, 1);
	assert_int_equal(counts()->dropped, 1);
	sip_peer_free(&peer);
}

/* What is not remembered is answered anew. */
static void memory_of_answers_is_bounded(void **state)
{
	(void)state;
	enum { ASKED = 20 };
	static const struct {
		bool untrusted;
		int least, most;
	} cases[] = {{true, 2, 4}, {false, 10, 16}};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		char branch[32];
		sip_rig_open((struct sip_endpoint_opts){.answers_max = 8192});
		struct sip_peer *peer = sip_peer_new(SIP_UDP);
		rig.answer.untrusted = cases[c].untrusted;
		for (int i = 0; i < ASKED; i++) {
			snprintf(branch, sizeof(branch), "z9hG4bK%02d", i);
			sip_peer_ask(peer, "REGISTER", branch);
			assert_true(sip_peer_get(peer, SOON_MS));
		}
		assert_in_range(counts()->answers, cases[c].least, cases[c].most);
		assert_int_equal(counts()->answers + counts()->unremembered, ASKED);
		sip_peer_ask(peer, "REGISTER", "z9hG4bK00");
		assert_true(sip_peer_get(peer, SOON_MS));
		assert_int_equal(rig.requests, ASKED);
		sip_peer_ask(peer, "REGISTER", branch);
		assert_true(sip_peer_get(peer, SOON_MS));
		assert_int_equal(rig.requests, ASKED + 1);
		sip_peer_free(&peer);
	}
}

static void a_long_datagram_is_taken_whole(void **state)
{
	(void)state;
	static char text[60000];
	struct sip_peer *peer = sip_peer_new(SIP_UDP);
	int n = snprintf(
		text, sizeof(text),
		"MESSAGE sip:s@d SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKl\r\n"
		"From: <sip:c@d>;tag=1\r\nTo: <sip:s@d>\r\nCall-ID: l\r\nCSeq: 1 MESSAGE\r\n\r\n"
		"%0*d",
		50000, 7);
	sip_peer_put(peer, text, (size_t)n);
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_int_equal(rig.requests, 1);
	sip_peer_free(&peer);
}

static void a_port_that_is_closed_is_a_way_no_more(void **state)
{
	(void)state;
	struct sip_peer *peer = sip_peer_new(SIP_UDP);
	sip_peer_ask(peer, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_true(sip_flow_is_open(rig.flow));
	assert_int_equal(sip_rig_send("MESSAGE", 0), OK);
	assert_false(sip_endpoint_remove_udp(rig.endpoint, rig.udp_port + 1));
	assert_true(sip_endpoint_remove_udp(rig.endpoint, rig.udp_port));
	assert_false(sip_endpoint_remove_udp(rig.endpoint, rig.udp_port));
	assert_false(sip_flow_is_open(rig.flow));
	wait_until(rig.failure == ERR_CLOSED);
	sip_call_release(&rig.call);
	assert_int_equal(sip_rig_send("MESSAGE", 0), ERR_CLOSED);
	sip_peer_free(&peer);
}

/* Flows and calls that somebody holds outlive it. */
static void the_end_of_the_endpoint_ends_what_is_under_way(void **state)
{
	(void)state;
	struct sip_peer *udp = sip_peer_new(SIP_UDP), *tcp = sip_peer_new(SIP_TCP);
	sip_peer_ask(tcp, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(tcp, SOON_MS));
	struct sip_flow *flow = sip_flow_ref(rig.flow);
	sip_peer_ask(udp, "REGISTER", "z9hG4bK1");
	assert_true(sip_peer_get(udp, SOON_MS));
	assert_int_equal(sip_rig_send("INVITE", 0), OK);
	listener_close(&rig.listener);
	sip_endpoint_free(&rig.endpoint);
	assert_int_equal(rig.failure, ERR_STOPPED);
	assert_false(sip_flow_is_open(flow));
	assert_false(sip_flow_is_open(rig.flow));
	sip_flow_close(flow);
	sip_flow_accept(flow);
	sip_call_cancel(rig.call);
	assert_int_equal(sip_call_ack(rig.call), ERR_CLOSED);
	sip_flow_unref(&flow);
	sip_peer_free(&udp);
	sip_peer_free(&tcp);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sip_rig_setup_fake_time, sip_rig_teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_is_answered_where_it_came_from),
		T(a_repeated_request_has_the_same_answer),
		T(what_the_owner_does_not_answer_is_not_answered),
		T(what_is_malformed_is_counted_and_logged_with_a_rate),
		T(memory_of_answers_is_bounded),
		T(a_long_datagram_is_taken_whole),
		T(a_port_that_is_closed_is_a_way_no_more),
		T(the_end_of_the_endpoint_ends_what_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
