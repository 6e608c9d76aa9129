/* Options of a connection, and what its kernel buffers hold. */
#include "net/sock_ops.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

enum { MERGED_BYTES = 32 * 1024 /* so many are told of, whatever the merging */ };

int sock_unsent(const struct sock *sock)
{
	int n = 0;
	return ioctl(sock->rfd.fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

int sock_unread(const struct sock *sock)
{
	int n = 0;
	if (ioctl(sock->rfd.fd, SIOCINQ, &n) != 0)
		n = 0;
	return sock->ops && sock->ops->unread ? n + sock->ops->unread(sock) : n;
}

void sock_set_lowat(struct sock *sock, int bytes)
{
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

void sock_set_quick(struct sock *sock, bool quick)
{
	sock->quick = quick;
}

/* With TCP_USER_TIMEOUT the kernel counts no questions: that time decides about them, too. */
void sock_keep_alive(struct sock *sock, int64_t ms)
{
	int on = 1, seconds = 15, count = 3;
	int64_t least = (int64_t)seconds * (count + 1) * 1000;
	unsigned timeout = (unsigned)(ms > least ? ms : least);
	setsockopt(sock->rfd.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

void sock_set_rcvlowat(struct sock *sock, bool on)
{
	if (on == sock->merges)
		return;
	/* Back at one byte, what lies there already is told by an event. */
	int bytes = on ? MERGED_BYTES : 1;
	if (setsockopt(sock->rfd.fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0)
		sock->merges = on;
}

void sock_force_read(struct sock *sock)
{
	sock->rfd.ready |= REACTOR_IN;
	if (sock->rfd.waiter)
		co_wake(sock->rfd.waiter);
}
