#include "main/listeners.h"
#include "net/listen.h"
#include "node/server.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include "support/free_port.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ignore(void *ctx, struct sock *sock)
{
	(void)ctx;
	sock_close(&sock);
}

/* A server so full that it closes each connection at once. */
static struct conf full = {.max_connections = 1};
static struct server server = {.conf = &full, .places.count = 1 << 20};

static struct endpoint at(const char *host, int port)
{
	struct endpoint e = {.directive = "listen", .at = {.port = port, .has_port = true}};
	snprintf(e.at.host, sizeof(e.at.host), "%s", host);
	return e;
}

static struct endpoints list_of(struct endpoint *v, int count)
{
	return (struct endpoints){.count = count, .v = v};
}

static bool answers(const char *host, int port)
{
	struct addr to;
	struct sock *sock = NULL;
	assert_true(addr_literal(&to, host, port));
	bool yes = sock_dial(&sock, &to, clock_after(2000)) == OK;
	sock_close(&sock);
	return yes;
}

static void the_difference_is_opened_and_closed(void **state)
{
	(void)state;
	struct listeners l = {.server = &server};
	struct endpoint v[2] = {at("127.0.0.1", free_port()), at("127.0.0.1", free_port())};
	struct endpoints both = list_of(v, 2), second = list_of(v + 1, 1), none = list_of(v, 0);
	assert_int_equal(listeners_apply(&l, &second, NULL), OK);
	assert_false(answers("127.0.0.1", v[0].at.port));
	assert_int_equal(listeners_apply(&l, &both, NULL), OK);
	assert_true(answers("127.0.0.1", v[0].at.port) && answers("127.0.0.1", v[1].at.port));
	assert_int_equal(listeners_apply(&l, &second, NULL), OK);
	assert_false(answers("127.0.0.1", v[0].at.port));
	assert_true(answers("127.0.0.1", v[1].at.port));
	assert_int_equal(listeners_apply(&l, &none, NULL), OK);
	assert_false(answers("127.0.0.1", v[1].at.port));
	listeners_close(&l);
}

static void an_address_that_cannot_be_had_changes_nothing(void **state)
{
	(void)state;
	struct listeners l = {.server = &server};
	struct listener *other;
	assert_int_equal(
		listener_open(&other, &(struct listen_opts){.what = "other", .on_accept = ignore}),
		OK);
	struct endpoint old = at("127.0.0.1", free_port());
	struct endpoint v[2] = {at("127.0.0.1", free_port()), at("", listener_port(other))};
	struct endpoints before = list_of(&old, 1), after = list_of(v, 2);
	assert_int_equal(listeners_apply(&l, &before, NULL), OK);
	err e = listeners_apply(&l, &after, NULL);
	assert_int_equal(e, ERR_SYSTEM);
	assert_non_null(strstr(err_trail(e), "listen: RTMP: cannot listen on port "));
	assert_true(answers("127.0.0.1", old.at.port));
	assert_false(answers("127.0.0.1", v[0].at.port));
	listener_close(&other);
	assert_int_equal(listeners_apply(&l, &after, NULL), OK);
	assert_false(answers("127.0.0.1", old.at.port));
	listeners_close(&l);
}

/* From every address to one of them and back, at one port: each is in the way of the other. */
static void an_address_moves_to_one_that_overlaps_it(void **state)
{
	(void)state;
	struct listeners l = {.server = &server};
	int port = free_port();
	struct endpoint wide = at("", port), narrow = at("127.0.0.1", port);
	struct endpoints to_wide = list_of(&wide, 1), to_narrow = list_of(&narrow, 1);
	assert_int_equal(listeners_apply(&l, &to_wide, NULL), OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(listeners_apply(&l, &to_narrow, NULL), OK);
		assert_true(answers("127.0.0.1", port));
		assert_false(answers("127.0.0.2", port));
		assert_int_equal(listeners_apply(&l, &to_wide, NULL), OK);
		assert_true(answers("127.0.0.1", port) && answers("127.0.0.2", port));
	}
	listeners_close(&l);
}

/* ---- inherited ---- */

static bool is_closed(int fd)
{
	int other = dup(fd);
	if (other >= 0)
		close(other);
	return other < 0;
}

static int bind_one(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void an_inherited_socket_is_used_where_it_is_bound(void **state)
{
	(void)state;
	struct listeners l = {.server = &server};
	struct inherit inherit = {.count = 2};
	int port, other;
	inherit.fds[0] = bind_one(&other);
	inherit.fds[1] = bind_one(&port);
	int kept = inherit.fds[1], closed = inherit.fds[0];
	struct endpoint e = at("127.0.0.1", port);
	struct endpoints want = list_of(&e, 1);
	assert_int_equal(listeners_apply(&l, &want, &inherit), OK);
	assert_int_equal(inherit.fds[1], -1);
	assert_true(answers("127.0.0.1", port));
	inherit_close(&inherit);
	assert_true(is_closed(closed));
	listeners_close(&l);
	assert_true(is_closed(kept));
}

static void one_that_another_process_reads_is_marked(void **state)
{
	(void)state;
	struct inherit inherit = {.count = 1};
	int port, other;
	inherit.fds[0] = bind_one(&other);
	int fd = bind_one(&port);
	inherit_share(&inherit, fd);
	assert_int_equal(inherit.count, 2);
	assert_int_equal(inherit.shared, fd);
	struct endpoint e = at("127.0.0.1", port);
	assert_int_equal(inherit_take(&inherit, &e), fd);
	close(fd);
	inherit_close(&inherit);
	inherit.count = INHERIT_MAX;
	fd = dup(1);
	inherit_share(&inherit, fd); /* there is no room */
	assert_true(is_closed(fd));
}

static void what_does_not_listen_is_refused(void **state)
{
	(void)state;
	struct listener *l = NULL;
	struct listen_opts opts = {.fd = socket(AF_INET, SOCK_STREAM, 0), .what = "x"};
	assert_int_equal(listener_open(&l, &opts), ERR_SYSTEM);
	assert_true(is_closed(opts.fd));
}

static void the_environment_says_what_was_inherited(void **state)
{
	(void)state;
	struct inherit inherit;
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	static const struct {
		bool mine;
		const char *fds;
		int count;
	} cases[] = {
		{true, "0", 0},
		{true, "-2", 0},
		{true, "x", 0},
		{false, "1", 0},
		{true, "99999999", INHERIT_MAX},
		{true, "2", 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("LISTEN_PID", cases[i].mine ? pid : "1", 1);
		setenv("LISTEN_FDS", cases[i].fds, 1);
		inherit_read(&inherit);
		assert_int_equal(inherit.count, cases[i].count);
		assert_null(getenv("LISTEN_FDS"));
	}
	inherit_read(&inherit);
	assert_int_equal(inherit.count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(the_difference_is_opened_and_closed),
		T(an_address_that_cannot_be_had_changes_nothing),
		T(an_address_moves_to_one_that_overlaps_it),
		T(an_inherited_socket_is_used_where_it_is_bound),
		T(one_that_another_process_reads_is_marked),
		T(what_does_not_listen_is_refused),
		cmocka_unit_test(the_environment_says_what_was_inherited),
	};
	return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
