#include "support/pair.h"
#include "support/unit.h"

#include <string.h>

static int setup(void **state)
{
	(void)state;
	return co_init() == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	co_fini();
	return 0;
}

static void a_pair_carries_bytes_and_knows_what_the_other_end_has_taken(void **state)
{
	(void)state;
	char text[16], ip[ADDR_TEXT_MAX];
	size_t n;
	struct pair pair;
	assert_int_equal(pair_open(&pair, 1935, 40000), OK);
	addr_text(ip, sock_peer(pair.near));
	assert_string_equal(ip, "127.0.0.1:40000");
	assert_int_equal(addr_port(sock_local(pair.near)), 1935);
	sock_set_deadline(pair.near, clock_after(1000));
	assert_int_equal(sock_send(pair.near, "hello", 5), OK);
	assert_int_equal(sock_send_bytes(pair.near), 5);
	assert_int_equal(sock_wire_sent(pair.near), 5);
	assert_true(sock_wire_acked(pair.near) < 5);
	assert_int_equal(sock_recv(pair.far, text, sizeof(text), &n), OK);
	assert_int_equal(n, 5);
	assert_int_equal(sock_wire_acked(pair.near), 5);
	sock_close(&pair.far);
	assert_int_equal(sock_recv(pair.near, text, sizeof(text), &n), ERR_CLOSED);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_pair_carries_bytes_and_knows_what_the_other_end_has_taken, setup,
			teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
