/* The first bytes of a connection, looked at before anybody reads them. */
#include "net/sock_ops.h"

#include <errno.h>
#include <sys/socket.h>

err sock_peek(struct sock *sock, void *p, size_t cap, size_t *n)
{
	ssize_t got = recv(sock->rfd.fd, p, cap, MSG_PEEK | MSG_DONTWAIT);
	*n = got > 0 ? (size_t)got : 0;
	if (got == 0)
		return err_plain(ERR_CLOSED);
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		return sock_failed(sock, "recv from");
	return OK;
}

/* More of it raises another event although nothing was taken. */
err sock_await_more(struct sock *sock)
{
	if (sock->rfd.ready & REACTOR_HUP)
		return err_plain(ERR_CLOSED);
	sock_attach(sock);
	sock->rfd.ready &= ~(unsigned)REACTOR_IN;
	while (!sock_readable(sock))
		TRY(co_wait(sock->deadline));
	return OK;
}

err sock_drop(struct sock *sock, size_t n)
{
	uint8_t bytes[512];
	while (n) {
		ssize_t got = recv(sock->rfd.fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes),
				   MSG_DONTWAIT);
		if (got <= 0)
			return err_plain(ERR_CLOSED);
		n -= (size_t)got;
	}
	return OK;
}

void sock_set_peer(struct sock *sock, const struct addr *peer)
{
	sock->peer = *peer;
}
