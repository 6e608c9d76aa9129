#include "support/tcp.h"
#include "base/check.h"
#include "support/fake_time.h"

struct tcp tcp;

static void on_accept(void *ctx, struct sock *sock)
{
	(void)ctx;
	tcp.far = sock;
	co_wake(tcp.root);
}

int tcp_setup(void **state)
{
	struct listen_opts opts = {
		.at = {.host = "127.0.0.1"}, .what = "test", .on_accept = on_accept};
	(void)state;
	tcp = (struct tcp){0};
	if (co_init() != OK || listener_open(&tcp.listener, &opts) != OK)
		return -1;
	listener_start(tcp.listener);
	tcp.root = co_self();
	return 0;
}

int tcp_teardown(void **state)
{
	(void)state;
	sock_close(&tcp.far);
	listener_close(&tcp.listener);
	co_fini();
	fake_time_end();
	return 0;
}

struct addr tcp_address(void)
{
	struct addr to;
	check(addr_literal(&to, "127.0.0.1", listener_port(tcp.listener)));
	return to;
}

err tcp_connect(struct sock **near)
{
	struct addr to = tcp_address();
	TRY(sock_dial(near, &to, clock_after(TCP_PATIENCE_MS)));
	while (!tcp.far)
		TRY(co_wait(clock_after(TCP_PATIENCE_MS)));
	return OK;
}
