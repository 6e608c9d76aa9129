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

static void a_connection_knows_its_ends_and_carries_bytes(void **state)
{
	(void)state;
	char text[16];
	size_t n;
	struct sock *sock = connected();
	assert_true(addr_same(&sock->local, &tcp.far->peer));
	assert_true(addr_same(&sock->peer, &tcp.far->local));
	assert_int_equal(sock_send(sock, "hello", 5), OK);
	assert_int_equal(sock_recv(tcp.far, text, sizeof(text), &n), OK);
	assert_int_equal(n, 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(sock->send_bytes, 5);
	assert_int_equal(tcp.far->recv_bytes, 5);
	assert_int_equal(sock_try_recv(tcp.far, text, sizeof(text), &n), ERR_AGAIN);
	assert_false(sock_readable(tcp.far));
	sock_close(&sock);
	sock_close(&sock);
	assert_int_equal(sock_recv(tcp.far, text, sizeof(text), &n), ERR_CLOSED);
}

static void a_refused_connection_says_who_refused(void **state)
{
	(void)state;
	struct addr to = tcp_address();
	struct sock *sock = NULL;
	char want[128] = "connect ";
	listener_close(&tcp.listener);
	addr_text(want + 8, &to);
	strcat(want, ": Connection refused");
	assert_int_equal(sock_dial(&sock, &to, clock_ms() + 5000), ERR_CONNECT);
	assert_string_equal(err_trail(ERR_CONNECT), want);
	assert_null(sock);
}

static void without_a_descriptor_it_is_not_the_peer_who_failed(void **state)
{
	(void)state;
	struct rlimit was, none;
	struct addr to = tcp_address();
	struct sock *sock = NULL;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	err e = sock_dial(&sock, &to, clock_ms() + 5000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(e, ERR_SYSTEM);
	assert_null(sock);
}

/* A queue for one connection that nobody takes from. */
static int full_queue(struct addr *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_true(addr_literal(addr, "127.0.0.1", ntohs(sa.sin_port)));
	return fd;
}

static void a_connection_that_nobody_takes_ends_at_the_deadline(void **state)
{
	(void)state;
	struct addr to;
	struct sock *socks[8] = {NULL}, *late = NULL;
	int fd = full_queue(&to), made = 0;
	err e = OK;
	while (e == OK && made < 8) {
		e = sock_dial(&socks[made], &to, clock_ms() + 60);
		made += e == OK;
	}
	assert_true(made < 8);
	assert_int_equal(e, ERR_CONNECT);
	assert_non_null(strstr(err_trail(e), "Connection timed out"));
	assert_int_equal(sock_dial(&late, &to, clock_ms() - 1), ERR_CONNECT);
	for (int i = 0; i < made; i++)
		sock_close(&socks[i]);
	close(fd);
}

struct drip {
	struct sock *sock;
	int sent;
	bool ended;
	err e;
};

static void drips(void *arg)
{
	struct drip *drip = arg;
	while (!drip->ended) {
		drip->e = sock_send(drip->sock, "x", 1);
		drip->sent++;
		(void)!co_sleep(5);
	}
}

static void a_peer_that_drips_does_not_outlast_the_deadline(void **state)
{
	(void)state;
	char text[1000];
	struct drip drip = {.sock = connected()};
	struct co *child = co_start("drips", drips, &drip);
	fake_time_begin();
	int64_t start = clock_ms();
	tcp.far->deadline = start + 100;
	assert_int_equal(sock_recv_all(tcp.far, text, sizeof(text)), ERR_TIMEOUT);
	assert_in_range(clock_ms() - start, 100, 105);
	assert_in_range(drip.sent, 20, 22);
	drip.ended = true;
	co_join(&child);
	sock_close(&drip.sock);
}

enum { LARGE = 20 * 1024 * 1024 };
struct sending {
	struct sock *sock;
	unsigned char *bytes;
	err e;
};

static void sends_large(void *arg)
{
	struct sending *s = arg;
	struct iovec iov[3] = {
		{.iov_base = s->bytes, .iov_len = 1},
		{.iov_base = s->bytes + 1, .iov_len = 0},
		{.iov_base = s->bytes + 1, .iov_len = LARGE - 1},
	};
	s->e = sock_sendv(s->sock, iov, 3);
}

static void a_send_larger_than_all_buffers_arrives_whole(void **state)
{
	(void)state;
	struct sending s = {.sock = connected(), .bytes = mem_alloc(LARGE), .e = ERR_AGAIN};
	unsigned char *got = mem_alloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		s.bytes[i] = (unsigned char)(i * 2654435761u >> 13);
	struct co *child = co_start("sends", sends_large, &s);
	assert_int_equal(co_sleep(20), OK); /* long enough to fill the buffers */
	assert_int_equal(s.e, ERR_AGAIN);
	assert_int_equal(sock_recv_all(tcp.far, got, LARGE), OK);
	co_join(&child);
	assert_int_equal(s.e, OK);
	assert_memory_equal(got, s.bytes, LARGE);
	sock_close(&s.sock);
	free(s.bytes);
	free(got);
}

static void a_send_that_nobody_reads_times_out_and_says_what_is_unsent(void **state)
{
	(void)state;
	struct sending s = {.sock = connected(), .bytes = mem_zalloc(LARGE)};
	s.sock->deadline = clock_ms() + 30;
	assert_int_equal(sock_send(s.sock, s.bytes, LARGE), ERR_TIMEOUT);
	assert_true(sock_unsent(s.sock) > 0);
	assert_false(sock_writable(s.sock));
	sock_close(&s.sock);
	free(s.bytes);
}

static void a_low_mark_keeps_the_kernel_from_hoarding(void **state)
{
	(void)state;
	struct sending s = {.sock = connected(), .bytes = mem_zalloc(LARGE)};
	sock_set_lowat(s.sock, 65536);
	s.sock->deadline = clock_ms() + 50;
	assert_int_equal(sock_send(s.sock, s.bytes, LARGE), ERR_TIMEOUT);
	int64_t held = s.sock->send_bytes;
	assert_true(held < LARGE / 2);
	sock_close(&s.sock);
	free(s.bytes);
}

static void room_in_the_socket_wakes_a_waiter(void **state)
{
	(void)state;
	size_t n;
	struct sock *sock = connected();
	char *block = mem_zalloc(1 << 20);
	struct iovec iov = {.iov_base = block, .iov_len = 1 << 20};
	while (sock_readable(sock)) /* the first look */
		assert_int_equal(sock_try_recv(sock, block, 1, &n), ERR_AGAIN);
	/* The kernel may find more room while it sorts what it has. */
	do
		while (sock_try_sendv(sock, &iov, 1, &n) == OK)
			;
	while (sock_wait(sock, clock_ms() + 10) != ERR_TIMEOUT);
	assert_false(sock_writable(sock));
	while (!sock_writable(sock)) {
		assert_int_equal(sock_recv(tcp.far, block, 1 << 20, &n), OK);
		err e = sock_wait(sock, clock_ms() + 1);
		assert_true(e == OK || e == ERR_TIMEOUT);
	}
	assert_int_equal(sock_try_sendv(sock, &iov, 1, &n), OK);
	sock_close(&sock);
	free(block);
}

struct reading {
	struct sock *sock;
	err recv, again, send, dial;
};

static void reads(void *arg)
{
	struct reading *r = arg;
	char text[16];
	size_t n;
	struct sock *other;
	r->recv = sock_recv(r->sock, text, sizeof(text), &n);
	r->again = sock_recv(r->sock, text, sizeof(text), &n);
	r->send = sock_send(r->sock, "bye", 3);
	r->dial = sock_dial(&other, &r->sock->peer, CLOCK_NEVER);
}

static void a_stop_ends_a_read_but_lets_a_last_word_out(void **state)
{
	(void)state;
	char text[3];
	struct reading r = {.sock = connected()};
	struct co *child = co_start("reads", reads, &r);
	co_yield ();
	co_stop(child);
	co_join(&child);
	assert_int_equal(r.recv, ERR_STOPPED);
	assert_int_equal(r.again, ERR_STOPPED);
	assert_int_equal(r.send, OK);
	assert_int_equal(r.dial, ERR_STOPPED);
	assert_int_equal(sock_recv_all(tcp.far, text, 3), OK);
	assert_memory_equal(text, "bye", 3);
	sock_close(&r.sock);
}

static void closes_gently(void *arg)
{
	struct sock *sock = arg;
	(void)!err_fail(ERR_PROTOCOL, "why it ends");
	(void)!sock_send(sock, "last words", 10);
	sock_close_gently(&sock, 2000);
}

static void what_was_said_before_a_gentle_close_arrives_although_input_is_unread(void **state)
{
	(void)state;
	char text[64];
	size_t n;
	struct sock *sock = connected();
	static char unread[100000];
	assert_int_equal(sock_send(sock, unread, sizeof(unread)), OK);
	assert_int_equal(co_sleep(5), OK);
	struct co *child = co_start("closes", closes_gently, tcp.far);
	tcp.far = NULL;
	assert_int_equal(sock_recv_all(sock, text, 10), OK);
	assert_memory_equal(text, "last words", 10);
	assert_int_equal(sock_send(sock, unread, sizeof(unread)), OK);
	assert_int_equal(sock_recv(sock, text, sizeof(text), &n), ERR_CLOSED);
	sock_close(&sock);
	co_join(&child);
}

static void a_gentle_close_ends_at_its_time_and_keeps_the_words_of_the_error(void **state)
{
	(void)state;
	struct sock *sock = connected();
	fake_time_begin();
	int64_t start = clock_ms();
	(void)!err_fail(ERR_PROTOCOL, "why it ends");
	sock_close_gently(&tcp.far, 50);
	assert_null(tcp.far);
	assert_int_equal(clock_ms() - start, 50);
	assert_string_equal(err_trail(ERR_PROTOCOL), "why it ends");
	sock_close_gently(&tcp.far, 50);
	sock_close(&sock);
}

static void a_gentle_close_of_the_stopped_does_not_wait(void **state)
{
	(void)state;
	char text[10];
	size_t n;
	struct sock *sock = connected();
	struct co *child = co_start("closes", closes_gently, tcp.far);
	tcp.far = NULL;
	fake_time_begin();
	int64_t start = clock_ms();
	co_stop(child);
	co_join(&child);
	assert_int_equal(clock_ms() - start, 0);
	fake_time_end();
	assert_int_equal(sock_recv_all(sock, text, 10), OK);
	assert_memory_equal(text, "last words", 10);
	assert_int_equal(sock_recv(sock, text, sizeof(text), &n), ERR_CLOSED);
	sock_close(&sock);
}

static void a_reset_is_the_end_of_the_connection_with_words(void **state)
{
	(void)state;
	char text[16];
	size_t n;
	struct sock *sock = connected();
	struct linger abort = {.l_onoff = 1};
	setsockopt(sock->rfd.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	sock_close(&sock);
	assert_int_equal(sock_recv(tcp.far, text, sizeof(text), &n), ERR_CLOSED);
	assert_non_null(strstr(err_trail(ERR_CLOSED), "Connection reset by peer"));
	err e = OK;
	for (int i = 0; i < 3 && e == OK; i++)
		e = sock_send(tcp.far, "x", 1);
	assert_int_equal(e, ERR_CLOSED);
}

static void a_plain_end_forgets_older_words(void **state)
{
	(void)state;
	char c;
	size_t n;
	struct sock *sock = connected();
	(void)!err_fail(ERR_NAME, "something else");
	sock_close(&sock);
	assert_int_equal(sock_recv(tcp.far, &c, 1, &n), ERR_CLOSED);
	assert_string_equal(err_trail(ERR_CLOSED), err_text(ERR_CLOSED));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tcp_setup, tcp_teardown)
	const struct CMUnitTest tests[] = {
		T(a_connection_knows_its_ends_and_carries_bytes),
		T(a_refused_connection_says_who_refused),
		T(without_a_descriptor_it_is_not_the_peer_who_failed),
		T(a_connection_that_nobody_takes_ends_at_the_deadline),
		T(a_peer_that_drips_does_not_outlast_the_deadline),
		T(a_send_larger_than_all_buffers_arrives_whole),
		T(a_send_that_nobody_reads_times_out_and_says_what_is_unsent),
		T(a_low_mark_keeps_the_kernel_from_hoarding),
		T(room_in_the_socket_wakes_a_waiter),
		T(a_stop_ends_a_read_but_lets_a_last_word_out),
		T(what_was_said_before_a_gentle_close_arrives_although_input_is_unread),
		T(a_gentle_close_ends_at_its_time_and_keeps_the_words_of_the_error),
		T(a_gentle_close_of_the_stopped_does_not_wait),
		T(a_reset_is_the_end_of_the_connection_with_words),
		T(a_plain_end_forgets_older_words),
	};
	return cmocka_run_group_tests_name("sock", tests, NULL, NULL);
}
