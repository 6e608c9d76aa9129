#include "base/mem.h"
#include "support/fake_time.h"
#include "support/tcp.h"
#include "support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENT_MS = 5000 };

/* The near end of a connection; the other one is tcp.far. */
static struct sock *connected(void)
{
	struct sock *sock = NULL;
	assert_int_equal(tcp_connect(&sock), OK);
	sock->deadline = tcp.far->deadline = clock_ms() + 10000;
	return sock;
}

/* A connection on which small input is gathered, before any came. */
static struct sock *merging(void)
{
	char c;
	size_t n;
	struct sock *sock = connected();
	sock_set_rcvlowat(tcp.far, true);
	sock_attach(tcp.far);
	/* A new connection is tried at once: nothing is there. */
	assert_int_equal(sock_try_recv(tcp.far, &c, 1, &n), ERR_AGAIN);
	tcp.far->deadline = clock_after(PATIENT_MS);
	return sock;
}

static void merged_input_wakes_nobody_until_somebody_looks(void **state)
{
	(void)state;
	char text[16];
	size_t n;
	struct sock *sock = merging();
	assert_int_equal(sock_send(sock, "a", 1), OK);
	co_yield ();
	assert_int_equal(sock_send(sock, "b", 1), OK);
	co_yield ();
	assert_false(sock_readable(tcp.far));
	for (int there = 0; there < 2; co_yield ())
		assert_int_equal(ioctl(tcp.far->rfd.fd, FIONREAD, &there), 0);
	assert_false(sock_readable(tcp.far));
	sock_force_read(tcp.far);
	assert_int_equal(co_wait(clock_after(PATIENT_MS)), OK);
	assert_int_equal(sock_recv(tcp.far, text, sizeof(text), &n), OK);
	assert_int_equal(n, 2);
	sock_close(&sock);
}

static void a_look_in_vain_costs_nothing(void **state)
{
	(void)state;
	char c;
	size_t n;
	struct sock *sock = merging();
	sock_force_read(tcp.far);
	assert_true(sock_readable(tcp.far));
	assert_int_equal(sock_try_recv(tcp.far, &c, 1, &n), ERR_AGAIN);
	assert_false(sock_readable(tcp.far));
	sock_close(&sock);
}

static void the_end_is_told_at_once_whatever_the_merging(void **state)
{
	(void)state;
	char c;
	size_t n;
	struct sock *sock = merging();
	sock_close(&sock);
	assert_int_equal(sock_recv(tcp.far, &c, 1, &n), ERR_CLOSED);
}

static void a_lot_of_merged_input_does_not_wait(void **state)
{
	enum { SIZE = 256 * 1024 };
	(void)state;
	size_t n;
	struct sock *sock = merging();
	char *bytes = mem_zalloc(SIZE);
	size_t sent;
	struct iovec iov = {bytes, SIZE};
	assert_int_equal(sock_try_sendv(sock, &iov, 1, &sent), OK);
	assert_int_equal(sock_recv(tcp.far, bytes, SIZE, &n), OK);
	free(bytes);
	sock_close(&sock);
}

static void input_that_was_left_is_told_when_merging_ends(void **state)
{
	(void)state;
	char text[16];
	size_t n;
	struct sock *sock = merging();
	assert_int_equal(sock_send(sock, "a", 1), OK);
	sock_set_rcvlowat(tcp.far, false);
	assert_int_equal(sock_recv(tcp.far, text, sizeof(text), &n), OK);
	sock_close(&sock);
}

static int tcp_option(int option)
{
	int value = 0;
	socklen_t len = sizeof(value);
	assert_int_equal(getsockopt(tcp.far->rfd.fd, IPPROTO_TCP, option, (void *)&value, &len), 0);
	return value;
}

/* The kernel takes TCP_USER_TIMEOUT for the patience with unanswered questions, too: one that is
 * lost must not end the connection. */
static void a_vanished_peer_is_asked_for_more_than_once(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		int patience_ms;
	} cases[] = {{2000, 60000}, {15000, 60000}, {120000, 120000}};
	int on = 0;
	socklen_t len = sizeof(on);
	struct sock *sock = connected();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sock_keep_alive(tcp.far, cases[i].ms);
		assert_int_equal(tcp_option(TCP_USER_TIMEOUT), cases[i].patience_ms);
	}
	assert_int_equal(getsockopt(tcp.far->rfd.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
	assert_int_equal(on, 1);
	assert_int_equal(tcp_option(TCP_KEEPIDLE), 15);
	sock_close(&sock);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tcp_setup, tcp_teardown)
	const struct CMUnitTest tests[] = {
		T(merged_input_wakes_nobody_until_somebody_looks),
		T(a_look_in_vain_costs_nothing),
		T(the_end_is_told_at_once_whatever_the_merging),
		T(a_lot_of_merged_input_does_not_wait),
		T(input_that_was_left_is_told_when_merging_ends),
		T(a_vanished_peer_is_asked_for_more_than_once),
	};
	return cmocka_run_group_tests_name("sock_opts", tests, NULL, NULL);
}
