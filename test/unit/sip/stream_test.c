/* Connections: messages in any cut, who may stay, and what one that misbehaves costs: itself. */
#include "sip/endpoint.h"
#include "support/co_unit.h"
#include "support/sip_rig.h"
#include "support/unit.h"

#include <stdio.h>

enum { SOON_MS = 2000, NOT_MS = 300, MANY = 8 };

static const struct sip_counts *counts(void)
{
	return sip_endpoint_counts(rig.endpoint);
}

static struct sip_peer *peers[MANY];

static int teardown(void **state)
{
	for (int i = 0; i < MANY; i++)
		sip_peer_free(&peers[i]);
	return sip_rig_teardown(state);
}

static void ask(struct sip_peer *peer)
{
	sip_peer_ask(peer, "MESSAGE", "z9hG4bK1");
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_int_equal(peer->message.status, 200);
}

/* The server has ended it. */
static void assert_closed(struct sip_peer *peer)
{
	assert_false(sip_peer_get(peer, SOON_MS));
	assert_true(peer->is_closed);
}

static void assert_open(struct sip_peer *peer)
{
	assert_false(sip_peer_get(peer, NOT_MS));
	assert_false(peer->is_closed);
}

/* ---- messages ---- */

static size_t message(char *out, size_t cap, int number, const char *body)
{
	return (size_t)snprintf(out, cap,
				"MESSAGE sip:s@d SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK%d\r\n"
				"f: <sip:c@d>;tag=1\r\nt: <sip:s@d>\r\ni: c\r\nCSeq: %d MESSAGE\r\n"
				"l: %zu\r\n\r\n%s",
				number, number, strlen(body), body);
}

static void a_message_may_come_byte_by_byte(void **state)
{
	(void)state;
	char text[1000];
	struct sip_peer *peer = peers[0] = sip_peer_new(SIP_TCP);
	size_t n = message(text, sizeof(text), 1, "hello");
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(rig.requests, 0);
		sip_peer_put(peer, text + i, 1);
		co_yield ();
	}
	assert_true(sip_peer_get(peer, SOON_MS));
	assert_int_equal(rig.requests, 1);
	assert_string_equal(rig.body, "hello");
	assert_int_equal(counts()->malformed, 0);
}

static void many_messages_may_come_at_once(void **state)
{
	(void)state;
	static char text[20000];
	size_t n = 0;
	struct sip_peer *peer = peers[0] = sip_peer_new(SIP_TCP);
	for (int i = 0; i < 40; i++) {
		n += message(text + n, sizeof(text) - n, i, i % 2 ? "" : "x");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", i % 3 ? "\r\n\r\n" : "");
	}
	sip_peer_put(peer, text, n);
	for (int i = 0; i < 40; i++) {
		assert_true(sip_peer_get(peer, SOON_MS));
		assert_int_equal(peer->message.cseq, i);
	}
	assert_int_equal(rig.requests, 40);
	sip_peer_put(peer, "\r\n\r\n", 4);
	assert_open(peer);
	ask(peer);
}

static void a_body_may_be_as_long_as_its_limit(void **state)
{
	(void)state;
	static char body[4001], text[5000];
	sip_rig_open((struct sip_endpoint_opts){.body_max = 4000});
	memset(body, 'b', sizeof(body) - 1);
	peers[0] = sip_peer_new(SIP_TCP);
	peers[1] = sip_peer_new(SIP_TCP);
	sip_peer_put(peers[0], text, message(text, sizeof(text), 1, body));
	assert_true(sip_peer_get(peers[0], SOON_MS));
	size_t n = message(text, sizeof(text), 1, body);
	char *at = strstr(text, "l: 4000");
	memcpy(at, "l: 4001", 7);
	sip_peer_put(peers[1], text, n);
	assert_closed(peers[1]);
	assert_int_equal(rig.requests, 1);
}

static void what_is_malformed_costs_its_sender_the_connection(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"MESSAGE sip:s@d SIP/2.0\r\n\r\n",
		"\x16\x03\x01\x02\r\n\r\n",
	};
	struct sip_peer *other = peers[MANY - 1] = sip_peer_new(SIP_TCP);
	ask(other);
	for (int i = 0; i < 3; i++) {
		peers[i] = sip_peer_new(SIP_TCP);
		sip_peer_put(peers[i], texts[i], strlen(texts[i]));
		assert_closed(peers[i]);
		assert_int_equal(rig.closed, i + 1);
		assert_int_equal(rig.lines, i + 1);
		rig.may_log = false;
	}
	assert_int_equal(counts()->malformed, 3);
	assert_int_equal(counts()->connections, 1);
	ask(other);
}

static void a_connection_may_end_anywhere(void **state)
{
	(void)state;
	char text[1000];
	size_t n = message(text, sizeof(text), 1, "hello");
	for (size_t i = 0; i < n; i += 7) {
		struct sip_peer *peer = sip_peer_new(SIP_TCP);
		sip_peer_put(peer, text, i);
		co_yield ();
		sip_peer_free(&peer);
	}
	wait_until(counts()->connections == 0);
	assert_int_equal(counts()->strangers, 0);
	assert_int_equal(counts()->malformed, 0);
	assert_int_equal(rig.lines, 0);
}

/* ---- who may stay ---- */

static void a_stranger_has_a_minute(void **state)
{
	(void)state;
	peers[0] = sip_peer_new(SIP_TCP);
	peers[1] = sip_peer_new(SIP_TCP);
	rig.accepts = true;
	ask(peers[0]);
	assert_true(sip_flow_is_accepted(rig.flow));
	assert_int_equal(counts()->strangers, 1);
	assert_int_equal(co_sleep(59000), OK);
	assert_open(peers[1]);
	assert_closed(peers[1]);
	assert_int_equal(counts()->expired, 1);
	assert_int_equal(co_sleep(600000), OK);
	assert_open(peers[0]);
	ask(peers[0]);
	assert_int_equal(counts()->connections, 1);
}

static void a_silent_one_is_closed_when_the_owner_wants_that(void **state)
{
	(void)state;
	sip_rig_open((struct sip_endpoint_opts){.silent_ms = 200000, .stranger_ms = 1000});
	rig.accepts = true;
	peers[0] = sip_peer_new(SIP_TCP);
	ask(peers[0]);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(co_sleep(199000), OK);
		sip_peer_put(peers[0], "\r\n\r\n", 4);
		assert_open(peers[0]);
	}
	assert_int_equal(co_sleep(199000), OK);
	assert_closed(peers[0]);
	assert_int_equal(counts()->expired, 1);
}

static void there_are_only_so_many(void **state)
{
	(void)state;
	static const struct {
		struct sip_endpoint_opts opts;
		bool accepts;
		int most;
	} cases[] = {
		{{.connections_max = 3, .strangers_max = 9}, false, 3},
		{{.connections_max = 3, .strangers_max = 9}, true, 3},
		{{.strangers_max = 2}, false, 2},
		{{.strangers_max = 2}, true, MANY},
		{{.connections_max = 8}, false, 2},
		{{.per_address_max = 4}, false, 4},
		{{.per_address_max = 4}, true, MANY},
	};
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		sip_rig_open(cases[c].opts);
		rig.accepts = cases[c].accepts;
		for (int i = 0; i < MANY; i++) {
			peers[i] = sip_peer_new(SIP_TCP);
			sip_peer_ask(peers[i], "MESSAGE", "z9hG4bK1");
			bool served = sip_peer_get(peers[i], SOON_MS);
			assert_int_equal(served, i < cases[c].most);
			assert_int_equal(peers[i]->is_closed, !served);
		}
		assert_int_equal(counts()->accepted, MANY);
		assert_int_equal(counts()->refused, MANY - cases[c].most);
		assert_int_equal(counts()->connections, cases[c].most);
		/* A place that is given back is somebody else's. */
		sip_peer_free(&peers[0]);
		wait_until(counts()->connections == cases[c].most - 1);
		peers[0] = sip_peer_new(SIP_TCP);
		ask(peers[0]);
		for (int i = 0; i < MANY; i++)
			sip_peer_free(&peers[i]);
	}
}

/* What one person has of IPv6 is a network. */
static void a_network_of_ipv6_counts_as_one_address(void **state)
{
	(void)state;
	struct listener *six;
	struct sock *socks[2] = {NULL};
	struct addr at;
	sip_rig_open((struct sip_endpoint_opts){.per_address_max = 1});
	struct listen_opts opts = {.at = {.host = "::1"},
				   .what = "SIP",
				   .on_accept = sip_endpoint_accept,
				   .ctx = rig.endpoint};
	assert_int_equal(listener_open(&six, &opts), OK);
	listener_start(six);
	assert_true(addr_literal(&at, "::1", listener_port(six)));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sock_dial(&socks[i], &at, clock_after(SOON_MS)), OK);
		wait_until(counts()->accepted == i + 1);
		assert_int_equal(counts()->refused, i);
	}
	peers[0] = sip_peer_new(SIP_TCP);
	ask(peers[0]);
	sock_close(&socks[0]);
	wait_until(counts()->connections == 1);
	sock_close(&socks[1]);
	listener_close(&six);
}

static void the_owner_may_end_a_connection_after_its_answer(void **state)
{
	(void)state;
	peers[0] = sip_peer_new(SIP_TCP);
	rig.answer.status = 403;
	rig.closes = true;
	sip_peer_ask(peers[0], "MESSAGE", "z9hG4bK1");
	sip_peer_ask(peers[0], "MESSAGE", "z9hG4bK2");
	assert_true(sip_peer_get(peers[0], SOON_MS));
	assert_int_equal(peers[0]->message.status, 403);
	assert_closed(peers[0]);
	assert_int_equal(rig.requests, 1);
	assert_int_equal(rig.closed, 1);
	assert_false(sip_flow_is_open(rig.flow));
}

/* ---- bytes that wait ---- */

static void a_peer_that_does_not_read_loses_its_connection(void **state)
{
	(void)state;
	static char body[60000];
	struct sip_dialog dialog;
	const struct sip_request request = {.method = "MESSAGE",
					    .body = span_of(body, sizeof(body))};
	err e = OK;
	rig.accepts = true;
	peers[0] = sip_peer_new(SIP_TCP);
	ask(peers[0]);
	assert_int_equal(sip_dialog_begin(&dialog, "sip:s@d", "sip:c@d"), OK);
	for (int i = 0; i < 1000 && !e; i++)
		e = sip_send(rig.endpoint, rig.flow, &dialog, &request, NULL);
	assert_int_equal(e, ERR_CLOSED);
	assert_int_equal(sip_send(rig.endpoint, rig.flow, &dialog, &request, NULL), ERR_CLOSED);
	wait_until(!sip_flow_is_open(rig.flow));
	wait_until(counts()->calls == 0);
	assert_int_equal(counts()->connections, 0);
	assert_true(counts()->send_failed > 0);
}

/* What had no room goes out when there is some. */
static void a_slow_peer_gets_everything(void **state)
{
	(void)state;
	enum { COUNT = 8 };
	static char body[60000];
	struct sip_dialog dialog;
	const struct sip_request request = {.method = "MESSAGE",
					    .body = span_of(body, sizeof(body))};
	const int small =
		16384; /* of the kernel's buffer; connections have it from their listener */
	assert_int_equal(
		setsockopt(listener_fd(rig.listener), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
		0);
	rig.accepts = true;
	memset(body, 'b', sizeof(body));
	peers[0] = sip_peer_new(SIP_TCP);
	ask(peers[0]);
	assert_int_equal(sip_dialog_begin(&dialog, "sip:s@d", "sip:c@d"), OK);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(sip_send(rig.endpoint, rig.flow, &dialog, &request, NULL), OK);
	for (int i = 0; i < COUNT; i++) {
		assert_true(sip_peer_get(peers[0], SOON_MS));
		assert_int_equal(peers[0]->message.body.n, sizeof(body));
	}
	assert_open(peers[0]);
}

static void strangers_share_a_budget_of_bytes(void **state)
{
	(void)state;
	static char text[60000];
	sip_rig_open((struct sip_endpoint_opts){.buffers_max = 256 << 10});
	int n = snprintf(text, sizeof(text), "MESSAGE sip:s@d SIP/2.0\r\nl: 50000\r\n\r\n");
	memset(text + n, 'x', 20000);
	int open = 0;
	for (int i = 0; i < MANY; i++) {
		peers[i] = sip_peer_new(SIP_TCP);
		sip_peer_put(peers[i], text, 20000);
		(void)!sip_peer_get(peers[i], NOT_MS);
		open += !peers[i]->is_closed;
	}
	assert_in_range(open, 1, 3); /* a quarter is theirs */
	/* Others are served meanwhile, and as soon as there is room so are strangers. */
	for (int i = 0; i < MANY; i++)
		sip_peer_free(&peers[i]);
	wait_until(counts()->connections == 0);
	peers[0] = sip_peer_new(SIP_TCP);
	ask(peers[0]);
}

/* ---- flows ---- */

static void flows_are_compared_by_where_they_lead(void **state)
{
	(void)state;
	struct sip_flow *flows[4];
	for (int i = 0; i < 4; i++) { /* two connections, two senders over UDP */
		peers[i] = sip_peer_new(i < 2 ? SIP_TCP : SIP_UDP);
		ask(peers[i]);
		flows[i] = sip_flow_ref(rig.flow);
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			assert_int_equal(sip_flow_same(flows[i], flows[j]), i == j);
			assert_true(sip_flow_same_host(flows[i], flows[j]));
		}
	sip_peer_ask(peers[2], "MESSAGE", "z9hG4bK2");
	assert_true(sip_peer_get(peers[2], SOON_MS));
	assert_ptr_not_equal(rig.flow, flows[2]);
	assert_true(sip_flow_same(rig.flow, flows[2]));
	assert_int_equal(addr_port(sip_flow_local(flows[2])), rig.udp_port);
	assert_int_equal(addr_port(sip_flow_local(flows[0])), listener_port(rig.listener));
	for (int i = 0; i < 4; i++)
		sip_flow_unref(&flows[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sip_rig_setup, teardown)
#define FAKE(name) cmocka_unit_test_setup_teardown(name, sip_rig_setup_fake_time, teardown)
	const struct CMUnitTest tests[] = {
		T(a_message_may_come_byte_by_byte),
		FAKE(many_messages_may_come_at_once),
		FAKE(a_body_may_be_as_long_as_its_limit),
		FAKE(what_is_malformed_costs_its_sender_the_connection),
		T(a_connection_may_end_anywhere),
		FAKE(a_stranger_has_a_minute),
		FAKE(a_silent_one_is_closed_when_the_owner_wants_that),
		T(there_are_only_so_many),
		T(a_network_of_ipv6_counts_as_one_address),
		FAKE(the_owner_may_end_a_connection_after_its_answer),
		T(a_peer_that_does_not_read_loses_its_connection),
		T(a_slow_peer_gets_everything),
		T(strangers_share_a_budget_of_bytes),
		FAKE(flows_are_compared_by_where_they_lead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
