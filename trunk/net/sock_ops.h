/* sock_ops - what a connection does differently from plain TCP: for whoever builds a kind of socket
 * upon it, not for those who use one. Layer: net.
 *
 * A plain connection has none of these: its calls stay direct. Operations run in whatever coroutine
 * and never switch. An operation that the kernel cannot serve clears the readiness bits that it lacks
 * (rfd.ready), says by recv_on and send_on which bits the next try needs, and returns ERR_AGAIN. Input
 * that has been read from the kernel and not given out yet must leave a bit of recv_on set: it counts as
 * readable, and no event would tell of it. */
#pragma once
#include "net/sock.h"

struct sock_ops {
	/* As sock_begin(); NULL when there is nothing to do. It blocks. */
	err (*begin)(struct sock *sock);
	/* As sock_try_recv() and sock_try_sendv(), when the readiness says that it is worth trying. They
	 * count recv_bytes, recv_ms, send_bytes, send_ms and overhead. */
	err (*recv)(struct sock *sock, void *p, size_t cap, size_t *n);
	err (*send)(struct sock *sock, const struct iovec *iov, int count, size_t *n);
	/* Bytes read from the kernel and not given out; NULL: there never are any. */
	int (*unread)(const struct sock *sock);
	/* Says the end of our side, if the protocol has a word for it. ERR_AGAIN while something that send
	 * has taken is not with the kernel yet; it is called again then. */
	err (*shutdown)(struct sock *sock);
	/* Releases sock->state; the descriptor is closed after it. */
	void (*free)(struct sock *sock);
};

/* Puts an error of the kernel into words: ERR_SYSTEM when it is ours, else ERR_CLOSED. */
err sock_failed(const struct sock *sock, const char *what);
/* Acknowledges at once what was received, if the socket is to. */
void sock_received(struct sock *sock, size_t n);
