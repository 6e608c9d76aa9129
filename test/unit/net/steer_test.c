/* Two sockets at one address, and numbers in datagrams that say whose they are. */
#include "net/steer.h"
#include "net/udp.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

enum { AT = 12, FIRST = 1000, COUNT = 10, MANY = 20 };

static struct udp *open_at(const char *host, int port, bool share)
{
	struct udp *udp = NULL;
	struct udp_opts opts = {.at = {.port = port}, .reuse_port = share, .what = "test"};
	snprintf(opts.at.host, sizeof(opts.at.host), "%s", host);
	return udp_open(&udp, &opts) == OK ? udp : NULL;
}

static void count(void *ctx, const struct udp_packet *packet)
{
	(void)packet;
	++*(int *)ctx;
}

/* What has come, as soon as it is so many: a busy kernel delivers a little later. */
static int waiting(struct udp *udp, int want)
{
	int n = 0;
	int64_t end = clock_ms() + 5000;
	do {
		assert_int_equal(co_sleep(1), OK); /* the reactor sees what has come */
		while (udp_recv(udp, count, &n) == OK)
			;
	} while (n < want && clock_ms() < end);
	return n;
}

/* From so many sockets, so that a hash would spread them. */
static void send_from_many(int port, uint32_t number, size_t size)
{
	uint8_t bytes[16] = {0};
	struct addr to;
	struct udp_out out = {.data = span_of(bytes, size), .to = &to};
	assert_true(addr_literal(&to, "127.0.0.1", port));
	for (int i = 0; i < 4; i++)
		bytes[AT + i] = (uint8_t)(number >> (24 - 8 * i));
	for (int i = 0; i < MANY; i++) {
		int sent;
		struct udp *udp = open_at("127.0.0.1", 0, false);
		assert_int_equal(udp_send(udp, &out, 1, &sent), OK);
		udp_close(&udp);
	}
}

static void numbers_say_whose_a_datagram_is(const char *host)
{
	static const struct {
		uint32_t number;
		size_t size;
		bool first;
	} cases[] = {
		{FIRST, 16, true},
		{FIRST + COUNT - 1, 16, true},
		{FIRST + COUNT, 16, false},
		{FIRST - 1, 16, false},
		{0, 16, false},
		{UINT32_MAX, 16, false},
		{FIRST, 15, true}, /* too short to say */
	};
	static const struct steer_range range = {FIRST, COUNT};
	struct udp *first = open_at(host, 0, false);
	int port = udp_port(first);
	assert_null(open_at(host, port, true));
	assert_int_equal(steer_share(udp_fd(first), true), OK);
	struct udp *second = open_at(host, port, true);
	assert_non_null(second);
	assert_int_equal(steer_begin(udp_fd(second), AT, &range), OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_from_many(port, cases[i].number, cases[i].size);
		struct udp *its = cases[i].first ? first : second;
		assert_int_equal(waiting(its, MANY), MANY);
		assert_int_equal(waiting(its == first ? second : first, 0), 0);
	}
	udp_close(&first);
	send_from_many(port, FIRST, 16);
	send_from_many(port, 0, 16);
	assert_int_equal(waiting(second, 2 * MANY), 2 * MANY);
	assert_int_equal(steer_share(udp_fd(second), false), OK);
	assert_null(open_at(host, port, true));
	udp_close(&second);
}

static void at_one_address(void **state)
{
	(void)state;
	numbers_say_whose_a_datagram_is("127.0.0.1");
}

static void at_all_addresses(void **state)
{
	(void)state;
	numbers_say_whose_a_datagram_is("");
}

static void what_is_no_socket_is_refused(void **state)
{
	static const struct steer_range range = {1, 1};
	(void)state;
	assert_int_equal(steer_share(-1, true), ERR_SYSTEM);
	assert_int_equal(steer_begin(-1, AT, &range), ERR_SYSTEM);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(at_one_address),
		T(at_all_addresses),
		T(what_is_no_socket_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
