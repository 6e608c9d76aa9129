#include "net/listen.h"
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 200 };
static struct sock *accepted[MANY];
static int accepted_count;
static int turns, turns_at_first; /* of another coroutine; as the first one was accepted */
static struct co *root;

static void on_accept(void *ctx, struct sock *sock)
{
	int *mine = ctx;
	if (mine)
		++*mine;
	if (accepted_count == 0)
		turns_at_first = turns;
	accepted[accepted_count++] = sock;
	co_wake(root);
}

static int setup(void **state)
{
	(void)state;
	accepted_count = 0;
	if (co_init() != OK)
		return -1;
	root = co_self();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (accepted_count > 0)
		sock_close(&accepted[--accepted_count]);
	co_fini();
	return 0;
}

static err open_one(struct listener **out, const char *text, bool reuse_port, int *count)
{
	struct listen_opts opts = {.what = "RTMP", .on_accept = on_accept};
	if (!hostport_listen(&opts.at, text))
		return err_fail(ERR_CONFIG, "RTMP: cannot listen on %s", text);
	opts.reuse_port = reuse_port;
	opts.ctx = count;
	return listener_open(out, &opts);
}

static err dial(struct sock **out, const char *host, int port)
{
	struct addr to;
	if (!addr_literal(&to, host, port))
		return ERR_NAME;
	return sock_dial(out, &to, clock_ms() + 5000);
}

static void wait_for(int count)
{
	while (accepted_count < count)
		assert_int_equal(co_wait(clock_ms() + 5000), OK);
}

static bool host_has_v6(void)
{
	struct listener *l = NULL;
	bool has = open_one(&l, "[::1]:0", false, NULL) == OK;
	listener_close(&l);
	return has;
}

static void a_bare_port_is_every_address_of_both_kinds(void **state)
{
	(void)state;
	struct listener *l;
	struct sock *four = NULL, *six = NULL;
	char text[ADDR_TEXT_MAX];
	assert_int_equal(open_one(&l, "0", false, NULL), OK);
	listener_start(l);
	assert_int_equal(dial(&four, "127.0.0.1", listener_port(l)), OK);
	wait_for(1);
	addr_ip(text, &accepted[0]->peer);
	assert_string_equal(text, "127.0.0.1");
	if (host_has_v6()) {
		assert_int_equal(dial(&six, "::1", listener_port(l)), OK);
		wait_for(2);
		addr_ip(text, &accepted[1]->peer);
		assert_string_equal(text, "::1");
	}
	sock_close(&four);
	sock_close(&six);
	listener_close(&l);
	assert_null(l);
	listener_close(&l);
}

static void an_address_is_only_itself(void **state)
{
	(void)state;
	struct listener *l;
	struct sock *sock;
	assert_int_equal(open_one(&l, "127.0.0.1:0", false, NULL), OK);
	assert_int_equal(dial(&sock, "127.0.0.2", listener_port(l)), ERR_CONNECT);
	listener_close(&l); /* was never started */
	if (!host_has_v6())
		return;
	assert_int_equal(open_one(&l, "[::1]:0", false, NULL), OK);
	assert_int_equal(dial(&sock, "127.0.0.1", listener_port(l)), ERR_CONNECT);
	assert_int_equal(dial(&sock, "::1", listener_port(l)), OK);
	sock_close(&sock);
	listener_close(&l);
}

static void a_taken_port_is_told_with_what_to_do(void **state)
{
	(void)state;
	/* Who has it, who wants it: sharing or not. */
	static const struct {
		const char *has;
		bool has_shares, wants_shares;
		const char *words; /* NULL: it works */
	} cases[] = {
		{"0", false, false, "the port is in use by another process; stop it"},
		{"127.0.0.1:0", false, false, "the port is in use by another process; stop it"},
		{"0", true, false, "the port is in use by another process; stop it"},
		{"0", false, true, "the port is in use by another process that does not share it"},
		{"0", true, true, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct listener *first, *second = NULL;
		char text[16];
		assert_int_equal(open_one(&first, cases[i].has, cases[i].has_shares, NULL), OK);
		snprintf(text, sizeof(text), "%d", listener_port(first));
		err e = open_one(&second, text, cases[i].wants_shares, NULL);
		assert_int_equal(e, cases[i].words ? ERR_SYSTEM : OK);
		if (cases[i].words) {
			assert_non_null(strstr(err_trail(e), cases[i].words));
			assert_non_null(strstr(err_trail(e), "RTMP: cannot listen on port "));
		}
		listener_close(&second);
		listener_close(&first);
	}
}

static void a_port_can_be_taken_again_at_once(void **state)
{
	(void)state;
	err e = ERR_SYSTEM;
	/* Another process may have been given the port meanwhile, but not each time. */
	for (int i = 0; i < 5 && e != OK; i++) {
		struct listener *l;
		struct sock *sock;
		char text[16];
		assert_int_equal(open_one(&l, "0", false, NULL), OK);
		listener_start(l);
		assert_int_equal(dial(&sock, "127.0.0.1", listener_port(l)), OK);
		wait_for(1);
		sock_close(&accepted[0]); /* our end closes first and stays in TIME_WAIT */
		accepted_count = 0;
		sock_close(&sock);
		snprintf(text, sizeof(text), "%d", listener_port(l));
		listener_close(&l);
		e = open_one(&l, text, false, NULL);
		listener_close(&l);
	}
	assert_int_equal(e, OK);
}

static void those_who_share_a_port_share_the_connections(void **state)
{
	(void)state;
	struct listener *a, *b;
	struct sock *socks[100];
	char text[16];
	int to_a = 0, to_b = 0;
	assert_int_equal(open_one(&a, "0", true, &to_a), OK);
	snprintf(text, sizeof(text), "%d", listener_port(a));
	assert_int_equal(open_one(&b, text, true, &to_b), OK);
	listener_start(a);
	listener_start(b);
	for (int i = 0; i < 100; i++)
		assert_int_equal(dial(&socks[i], "127.0.0.1", listener_port(a)), OK);
	wait_for(100);
	assert_true(to_a > 10 && to_b > 10);
	for (int i = 0; i < 100; i++)
		sock_close(&socks[i]);
	listener_close(&a);
	listener_close(&b);
}

static void useless_texts_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"",     "65536",        "host:80", "127.0.0.1",
					    "::1",  "[::1]:x",      "-1",      "999999",
					    "[::]", "203.0.113.7:0" /* nobody's */};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct listener *l = NULL;
		err e = open_one(&l, texts[i], false, NULL);
		assert_true(e == ERR_CONFIG || e == ERR_SYSTEM);
		assert_non_null(strstr(err_trail(e), "RTMP: cannot listen"));
		assert_null(l);
	}
}

static void descriptors_that_run_out_delay_a_connection_but_lose_none(void **state)
{
	(void)state;
	struct listener *l;
	struct sock *sock;
	struct rlimit limit, tight;
	assert_int_equal(open_one(&l, "127.0.0.1:0", false, NULL), OK);
	listener_start(l);
	assert_int_equal(dial(&sock, "127.0.0.1", listener_port(l)), OK);
	wait_for(1);
	sock_close(&accepted[0]);
	accepted_count = 0;
	sock_close(&sock);
	/* Room for one more: the one that dials. */
	int next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	err e = dial(&sock, "127.0.0.1", listener_port(l));
	err waited = co_wait(clock_ms() + 150);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(e, OK);
	assert_int_equal(waited, ERR_TIMEOUT);
	wait_for(1);
	sock_close(&sock);
	listener_close(&l);
}

static void descriptors_do_not_leak_into_children(void **state)
{
	(void)state;
	struct listener *l;
	struct sock *sock;
	assert_int_equal(open_one(&l, "127.0.0.1:0", false, NULL), OK);
	listener_start(l);
	assert_int_equal(dial(&sock, "127.0.0.1", listener_port(l)), OK);
	wait_for(1);
	for (int fd = 3; fd < 64; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (fd == sock->rfd.fd || fd == accepted[0]->rfd.fd)
			assert_true(flags & FD_CLOEXEC);
	}
	sock_close(&sock);
	listener_close(&l);
}

/* Its connection is there at once, whether it is accepted or not. */
static int stand_at(int port)
{
	struct addr to;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(addr_literal(&to, "127.0.0.1", port));
	assert_int_equal(connect(fd, (const struct sockaddr *)&to.sa, to.len), 0);
	return fd;
}

/* One more comes at each of its turns. */
static void come(void *arg)
{
	int port = *(int *)arg, fds[4], n = 0;
	for (; !co_stopping(); co_yield ()) {
		turns++;
		if (accepted_count > 0 && n < 4)
			fds[n++] = stand_at(port);
	}
	while (n > 0)
		close(fds[--n]);
}

static void others_run_while_a_crowd_is_accepted_at_the_end(void **state)
{
	(void)state;
	enum { CROWD = 150 };
	struct listener *l;
	int fds[CROWD];
	assert_int_equal(open_one(&l, "127.0.0.1:0", false, NULL), OK);
	int port = listener_port(l);
	listener_start(l);
	for (int i = 0; i < CROWD; i++)
		fds[i] = stand_at(port);
	struct co *other = co_start("other", come, &port);
	listener_close(&l);
	assert_true(turns - turns_at_first >= 2);
	assert_true(accepted_count >= CROWD);
	co_stop(other);
	co_join(&other);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_bare_port_is_every_address_of_both_kinds),
		T(an_address_is_only_itself),
		T(a_taken_port_is_told_with_what_to_do),
		T(a_port_can_be_taken_again_at_once),
		T(those_who_share_a_port_share_the_connections),
		T(useless_texts_are_refused),
		T(descriptors_that_run_out_delay_a_connection_but_lose_none),
		T(descriptors_do_not_leak_into_children),
		T(others_run_while_a_crowd_is_accepted_at_the_end),
	};
	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
