#include "support/pair.h"
#include "base/check.h"

#include <unistd.h>

static void name_ends(struct sock *sock, int local, int peer)
{
	check(addr_literal(&sock->local, "127.0.0.1", local));
	check(addr_literal(&sock->peer, "127.0.0.1", peer));
}

err pair_open(struct pair *pair, int near_port, int far_port)
{
	int fds[2];
	*pair = (struct pair){0};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return err_sys(ERR_SYSTEM, "socketpair");
	err e = sock_wrap(&pair->near, fds[0]);
	if (e != OK) {
		close(fds[1]);
		return e;
	}
	e = sock_wrap(&pair->far, fds[1]);
	if (e != OK) {
		sock_close(&pair->near);
		return e;
	}
	name_ends(pair->near, near_port, far_port);
	name_ends(pair->far, far_port, near_port);
	return OK;
}

void pair_close(struct pair *pair)
{
	sock_close(&pair->near);
	sock_close(&pair->far);
}
