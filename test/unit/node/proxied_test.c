/* What a connection of a proxy turns out to be. Loopback is the proxy here. */
#include "node/arrivals.h"
#include "node/proxied.h"
#include "support/tcp.h"
#include "support/unit.h"

#include <stdio.h>

static const char line[] = "PROXY TCP4 203.0.113.7 10.0.0.1 56324 1935\r\n";
static char *proxies[] = {(char[]){"127.0.0.0/8"}};
static struct conf conf;
static struct server server;

static void begin(enum conf_proxy_protocol protocol)
{
	conf = (struct conf){.max_connections = 10,
			     .max_connections_per_address = 2,
			     .proxy_protocol = protocol};
	conf.trusted_proxies.v = proxies;
	conf.trusted_proxies.count = 1;
	server = (struct server){.conf = &conf, .arrivals = arrivals_new()};
	places_init(&server.places);
}

static void end(void)
{
	assert_int_equal(server.places.count, 0);
	places_fini(&server.places);
	arrivals_free(&server.arrivals);
}

/* One connection whose other end has said so; who it is then. */
static err arrive(char ip[static ADDR_TEXT_MAX], struct conn_place *place, const char *says,
		  bool *by_proxy)
{
	struct sock *near = NULL;
	assert_int_equal(tcp_connect(&near), OK);
	assert_int_equal(sock_send(near, says, strlen(says)), OK);
	assert_true(server_take_place(&server, place, "RTMP", sock_peer(tcp.far)));
	sock_set_deadline(tcp.far, clock_after(2000));
	err e = proxied_begin(&server, tcp.far, place, by_proxy);
	addr_ip(ip, sock_peer(tcp.far));
	if (e == OK && by_proxy) {
		char byte = 0;
		size_t n = 0;
		assert_int_equal(sock_recv(tcp.far, &byte, 1, &n), OK);
		assert_int_equal(byte, '!'); /* what follows the header is the client's */
	}
	sock_close(&near);
	sock_close(&tcp.far);
	return e;
}

static void a_header_says_who_it_is(void **state)
{
	(void)state;
	static const struct {
		enum conf_proxy_protocol protocol;
		const char *says, *ip;
		err end;
	} cases[] = {
		{PROXY_PROTOCOL_ALLOWED, "PROXY TCP4 203.0.113.7 10.0.0.1 5 6\r\n!", "203.0.113.7",
		 OK},
		{PROXY_PROTOCOL_REQUIRED, "PROXY TCP4 203.0.113.7 10.0.0.1 5 6\r\n!", "203.0.113.7",
		 OK},
		{PROXY_PROTOCOL_ALLOWED, "PROXY UNKNOWN\r\n!", "127.0.0.1", OK},
		{PROXY_PROTOCOL_ALLOWED, "PROXY TCP4 127.0.0.9 10.0.0.1 5 6\r\n!", "127.0.0.1", OK},
		{PROXY_PROTOCOL_ALLOWED, "!", "127.0.0.1", OK},
		{PROXY_PROTOCOL_REQUIRED, "!", "127.0.0.1", ERR_PROTOCOL},
		{PROXY_PROTOCOL_ALLOWED, "PROXY TCP4 x\r\n!", "127.0.0.1", ERR_PROTOCOL},
		{PROXY_PROTOCOL_OFF, "!PROXY TCP4 203.0.113.7 10.0.0.1 5 6\r\n", "127.0.0.1", OK},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char ip[ADDR_TEXT_MAX];
		struct conn_place place;
		bool by_proxy = false;
		begin(cases[i].protocol);
		assert_int_equal(arrive(ip, &place, cases[i].says, &by_proxy), cases[i].end);
		assert_string_equal(ip, cases[i].ip);
		assert_true(by_proxy);
		place_give(&place);
		end();
	}
}

static void places_are_the_clients(void **state)
{
	(void)state;
	struct conn_place places[4];
	char ip[ADDR_TEXT_MAX];
	begin(PROXY_PROTOCOL_ALLOWED);
	conf.max_connections = 2;
	assert_int_equal(arrive(ip, &places[0], line, NULL), OK);
	assert_int_equal(arrive(ip, &places[1], line, NULL), OK);
	assert_false(places[1].is_reserved);
	assert_int_equal(arrive(ip, &places[2], line, NULL), OK);
	assert_true(places[2].is_reserved); /* for one that proves itself */
	for (int i = 0; i < 3; i++)
		place_give(&places[i]);
	end();
}

/* One a second may come: where the machine took about as long for two, it is done again. */
enum { TOO_LONG_MS = 900 };

static void a_client_that_comes_too_fast_has_none(void **state)
{
	(void)state;
	int64_t took = TOO_LONG_MS;
	for (int round = 0; round < 10 && took >= TOO_LONG_MS; round++) {
		struct conn_place places[2] = {0};
		char ip[ADDR_TEXT_MAX];
		begin(PROXY_PROTOCOL_ALLOWED);
		conf.max_connection_rate_per_address = conf.max_connection_burst_per_address = 1;
		int64_t began = clock_ms();
		assert_int_equal(arrive(ip, &places[0], line, NULL), OK);
		err second = arrive(ip, &places[1], line, NULL);
		took = clock_ms() - began;
		if (took < TOO_LONG_MS) {
			assert_int_equal(second, ERR_LIMIT);
			assert_int_equal(arrivals_refused(server.arrivals), 1);
		}
		place_give(&places[0]);
		place_give(&places[1]);
		end();
	}
	assert_true(took < TOO_LONG_MS);
}

static void requests_say_whose_they_are(void **state)
{
	(void)state;
	static const struct {
		const char *via, *list, *elements, *client;
	} cases[] = {
		{"127.0.0.1", "203.0.113.7", NULL, "203.0.113.7"},
		{"127.0.0.1", NULL, "for=203.0.113.7", "203.0.113.7"},
		{"127.0.0.1", "203.0.113.7", "for=\"203.0.113.7:80\"", "203.0.113.7"},
		{"127.0.0.1", "203.0.113.7", "for=203.0.113.8", "0.0.0.0"},
		{"127.0.0.1", "127.0.0.1", NULL, "127.0.0.1"},
		{"127.0.0.1", NULL, NULL, "127.0.0.1"},
		{"192.0.2.1", "203.0.113.7", "for=203.0.113.7", "192.0.2.1"},
	};
	char list_name[] = "x-forwarded-for", elements_name[] = "FORWARDED";
	begin(PROXY_PROTOCOL_ALLOWED);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char list[64], elements[64], ip[ADDR_TEXT_MAX];
		struct http_header headers[2];
		struct http_message m = {.headers = headers};
		struct addr via, client;
		if (cases[i].list) {
			snprintf(list, sizeof(list), "%s", cases[i].list);
			headers[m.header_count++] = (struct http_header){list_name, list};
		}
		if (cases[i].elements) {
			snprintf(elements, sizeof(elements), "%s", cases[i].elements);
			headers[m.header_count++] = (struct http_header){elements_name, elements};
		}
		assert_true(addr_literal(&via, cases[i].via, 1));
		proxied_client(&client, &server, &via, &m);
		addr_ip(ip, &client);
		assert_string_equal(ip, cases[i].client);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_header_says_who_it_is, tcp_setup, tcp_teardown),
		cmocka_unit_test_setup_teardown(places_are_the_clients, tcp_setup, tcp_teardown),
		cmocka_unit_test_setup_teardown(a_client_that_comes_too_fast_has_none, tcp_setup,
						tcp_teardown),
		cmocka_unit_test(requests_say_whose_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
