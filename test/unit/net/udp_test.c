#include "net/udp.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENT_MS = 5000, MANY = 150 };

struct seen {
	int count;
	size_t bytes;
	size_t sizes[MANY + 1];
	uint8_t first[MANY + 1];
	struct addr from, to;
};

static void see(void *ctx, const struct udp_packet *packet)
{
	struct seen *s = ctx;
	if (s->count <= MANY) {
		s->sizes[s->count] = packet->data.n;
		s->first[s->count] = packet->data.n ? packet->data.p[0] : 0;
	}
	s->count++;
	s->bytes += packet->data.n;
	s->from = *packet->from;
	s->to = *packet->to;
}

static struct udp *opened(const char *host)
{
	struct udp *udp = NULL;
	struct udp_opts opts = {.what = "test"};
	snprintf(opts.at.host, sizeof(opts.at.host), "%s", host);
	assert_int_equal(udp_open(&udp, &opts), OK);
	assert_true(udp_port(udp) > 0);
	return udp;
}

static struct addr at(const char *host, const struct udp *udp)
{
	struct addr addr;
	assert_true(addr_literal(&addr, host, udp_port(udp)));
	return addr;
}

static void receive(struct udp *udp, struct seen *seen, int count)
{
	int64_t deadline = clock_after(PATIENT_MS);
	while (seen->count < count) {
		err e = udp_recv(udp, see, seen);
		if (e == ERR_AGAIN)
			assert_int_equal(udp_wait(udp, deadline), OK);
		else
			assert_int_equal(e, OK);
	}
	assert_int_equal(seen->count, count);
}

static void a_packet_says_where_it_comes_from_and_where_it_was_sent(void **state)
{
	(void)state;
	static const struct {
		const char *server, *to, *text;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
		{"0.0.0.0", "127.0.0.2", "127.0.0.2"},
		{"", "127.0.0.3", "127.0.0.3"}, /* one socket for both families */
		{"", "::1", "::1"},
		{"::1", "::1", "::1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char ip[ADDR_TEXT_MAX];
		int sent;
		struct seen asked = {0}, answered = {0};
		bool six = strchr(cases[i].to, ':');
		struct udp *server = opened(cases[i].server),
			   *client = opened(six ? "::1" : "127.0.0.9");
		struct addr to = at(cases[i].to, server);
		struct udp_out question = {.data = span_str("hello"), .to = &to};
		assert_int_equal(udp_send(client, &question, 1, &sent), OK);
		assert_int_equal(sent, 1);
		receive(server, &asked, 1);
		assert_int_equal(asked.bytes, 5);
		addr_ip(ip, &asked.to);
		assert_string_equal(ip, cases[i].text);
		assert_int_equal(addr_port(&asked.from), udp_port(client));
		/* The answer leaves by the address that was asked. */
		struct udp_out answer = {
			.data = span_str("hi"), .to = &asked.from, .from = &asked.to};
		assert_int_equal(udp_send(server, &answer, 1, &sent), OK);
		receive(client, &answered, 1);
		addr_ip(ip, &answered.from);
		assert_string_equal(ip, cases[i].text);
		assert_int_equal(udp_recv(client, see, &answered), ERR_AGAIN);
		udp_close(&client);
		udp_close(&server);
		udp_close(&server);
	}
}

/* It can have no other one, so packets need not say it. */
static void a_socket_of_one_address_sends_from_that(void **state)
{
	(void)state;
	char ip[ADDR_TEXT_MAX];
	int sent;
	struct seen seen = {0};
	struct udp *server = opened("127.0.0.2"), *client = opened("127.0.0.9");
	struct addr to = at("127.0.0.9", client), other = at("127.0.0.3", server);
	struct udp_out out = {.data = span_str("hi"), .to = &to, .from = &other};
	assert_int_equal(udp_send(server, &out, 1, &sent), OK);
	receive(client, &seen, 1);
	addr_ip(ip, &seen.from);
	assert_string_equal(ip, "127.0.0.2");
	udp_close(&client);
	udp_close(&server);
}

/* Packets of 1,200 bytes and a shorter one at the end of each run, to two peers in turn. */
static int fill(struct udp_out *out, uint8_t bytes[][1200], const struct addr *a,
		const struct addr *b)
{
	for (int i = 0; i < MANY; i++) {
		memset(bytes[i], i, sizeof(bytes[i]));
		size_t n = i % 40 == 39 ? 300 : sizeof(bytes[i]);
		out[i] = (struct udp_out){.data = span_of(bytes[i], n), .to = i / 80 % 2 ? b : a};
	}
	return MANY;
}

static void many_packets_are_few_calls_and_arrive_in_their_order(void **state)
{
	(void)state;
	static uint8_t bytes[MANY][1200];
	struct udp_out out[MANY];
	struct seen first = {0}, second = {0};
	struct udp *client = opened("127.0.0.1"), *a = opened("127.0.0.1"),
		   *b = opened("127.0.0.1");
	struct addr to_a = at("127.0.0.1", a), to_b = at("127.0.0.1", b);
	int count = fill(out, bytes, &to_a, &to_b), done = 0;
	while (done < count) {
		int sent;
		assert_int_equal(udp_send(client, out + done, count - done, &sent), OK);
		done += sent;
	}
	assert_true(udp_counts(client)->send_calls <= 4);
	assert_int_equal(udp_counts(client)->send_packets, MANY);
	receive(a, &first, 80);
	receive(b, &second, MANY - 80);
	for (int i = 0; i < 80; i++) {
		assert_int_equal(first.first[i], i);
		assert_int_equal(first.sizes[i], i % 40 == 39 ? 300 : 1200);
	}
	assert_int_equal(second.first[0], 80);
	assert_int_equal(udp_counts(client)->send_bytes, first.bytes + second.bytes);
	udp_close(&client);
	udp_close(&a);
	udp_close(&b);
}

/* Segments of a message may not be longer than the path takes: the whole message is refused, and the same
 * packets go out one by one. */
static void what_cannot_be_sent_in_segments_is_sent_in_packets(void **state)
{
	(void)state;
	static uint8_t bytes[4][1200];
	struct udp_out out[4];
	struct seen seen = {0};
	int sent = 0, fails = 1;
	struct udp *client = opened("127.0.0.1"), *server = opened("127.0.0.1");
	struct addr to = at("127.0.0.1", server);
	for (int i = 0; i < 4; i++)
		out[i] = (struct udp_out){.data = span_of(bytes[i], 1200), .to = &to};
	/* Without check sums the kernel makes no segments (EIO). */
	assert_int_equal(setsockopt(udp_fd(client), SOL_SOCKET, SO_NO_CHECK, &fails, sizeof(fails)),
			 0);
	assert_int_equal(udp_send(client, out, 4, &sent), OK);
	assert_int_equal(sent, 4);
	receive(server, &seen, 4);
	assert_int_equal(udp_counts(client)->send_dropped, 0);
	assert_int_equal(udp_counts(client)->send_calls, 2);
	assert_int_equal(udp_send(client, out, 4, &sent), OK); /* it is remembered */
	assert_int_equal(udp_counts(client)->send_calls, 3);
	udp_close(&client);
	udp_close(&server);
}

static void what_the_kernel_refuses_for_one_peer_is_left_out(void **state)
{
	(void)state;
	static uint8_t large[65535];
	struct seen seen = {0};
	int sent = 0;
	struct udp *client = opened("127.0.0.1"), *server = opened("127.0.0.1");
	struct addr to = at("127.0.0.1", server), wrong;
	assert_true(addr_literal(&wrong, "255.255.255.255", 9)); /* EACCES */
	struct udp_out out[] = {{span_str("a"), &to, NULL},
				{span_of(large, sizeof(large)), &to, NULL},
				{span_str("b"), &wrong, NULL},
				{span_str("c"), &to, NULL}};
	assert_int_equal(udp_send(client, out, 4, &sent), OK);
	assert_int_equal(sent, 4);
	assert_int_equal(udp_counts(client)->send_dropped, 2);
	receive(server, &seen, 2);
	assert_int_equal(seen.first[1], 'c');
	udp_close(&client);
	udp_close(&server);
}

static void a_packet_that_is_too_long_is_dropped_and_counted(void **state)
{
	(void)state;
	static uint8_t large[UDP_PACKET_MAX + 1];
	struct seen seen = {0};
	int sent;
	struct udp *client = opened("127.0.0.1"), *server = opened("127.0.0.1");
	struct addr to = at("127.0.0.1", server);
	struct udp_out out[] = {{span_of(large, sizeof(large)), &to, NULL},
				{span_of(large, UDP_PACKET_MAX), &to, NULL}};
	assert_int_equal(udp_send(client, &out[0], 1, &sent), OK);
	assert_int_equal(udp_send(client, &out[1], 1, &sent), OK);
	receive(server, &seen, 1);
	assert_int_equal(seen.sizes[0], UDP_PACKET_MAX);
	assert_int_equal(udp_counts(server)->recv_dropped, 1);
	assert_int_equal(udp_counts(server)->recv_packets, 1);
	udp_close(&client);
	udp_close(&server);
}

static void a_socket_that_expects_long_packets_has_them(void **state)
{
	(void)state;
	static uint8_t large[UDP_SEND_MAX];
	struct udp_opts opts = {
		.at = {.host = "127.0.0.1"}, .what = "test", .packet_max = UDP_SEND_MAX};
	struct seen seen = {0};
	struct udp *client = opened("127.0.0.1"), *server = NULL;
	assert_int_equal(udp_open(&server, &opts), OK);
	struct addr to = at("127.0.0.1", server);
	struct udp_out out[] = {{span_of(large, sizeof(large)), &to, NULL},
				{span_str("a"), &to, NULL},
				{span_of(large, UDP_PACKET_MAX + 1), &to, NULL}};
	for (int i = 0, sent; i < 3; i++)
		assert_int_equal(udp_send(client, out + i, 1, &sent), OK);
	receive(server, &seen, 3);
	assert_int_equal(seen.sizes[0], UDP_SEND_MAX);
	assert_int_equal(seen.sizes[1], 1);
	assert_int_equal(seen.sizes[2], UDP_PACKET_MAX + 1);
	assert_int_equal(udp_counts(server)->recv_dropped, 0);
	udp_close(&client);
	close(udp_release(&server));
}

static void sends(void *arg)
{
	struct udp **both = arg;
	int sent;
	struct addr to = at("127.0.0.1", both[1]);
	struct udp_out out = {.data = span_str("late"), .to = &to};
	assert_int_equal(udp_send(both[0], &out, 1, &sent), OK);
}

static void a_packet_wakes_the_one_that_waits(void **state)
{
	(void)state;
	struct seen seen = {0};
	struct udp *both[] = {opened("127.0.0.1"), opened("127.0.0.1")};
	assert_int_equal(udp_recv(both[1], see, &seen), ERR_AGAIN);
	assert_int_equal(udp_wait(both[1], clock_after(20)), ERR_TIMEOUT);
	struct co *co = co_start("sender", sends, both);
	receive(both[1], &seen, 1);
	co_join(&co);
	udp_close(&both[0]);
	udp_close(&both[1]);
}

static void a_port_that_is_taken_is_named(void **state)
{
	(void)state;
	struct udp *first = opened("127.0.0.1"), *second = NULL;
	struct udp_opts opts = {.at = {"127.0.0.1", udp_port(first), true}, .what = "SRT"};
	assert_int_equal(udp_open(&second, &opts), ERR_SYSTEM);
	assert_non_null(strstr(err_trail(ERR_SYSTEM), "SRT: cannot receive on 127.0.0.1:"));
	assert_non_null(strstr(err_trail(ERR_SYSTEM), "in use by another process"));
	/* An inherited one is used as it is. */
	int fd = dup(udp_fd(first));
	udp_close(&first);
	opts.fd = fd;
	assert_int_equal(udp_open(&second, &opts), OK);
	assert_int_equal(udp_port(second), opts.at.port);
	udp_close(&second);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(a_packet_says_where_it_comes_from_and_where_it_was_sent),
		T(a_socket_of_one_address_sends_from_that),
		T(many_packets_are_few_calls_and_arrive_in_their_order),
		T(what_cannot_be_sent_in_segments_is_sent_in_packets),
		T(what_the_kernel_refuses_for_one_peer_is_left_out),
		T(a_packet_that_is_too_long_is_dropped_and_counted),
		T(a_socket_that_expects_long_packets_has_them),
		T(a_packet_wakes_the_one_that_waits),
		T(a_port_that_is_taken_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
