/* peer - the other end of a connection, played by the test. Layer: test.
 * Only the root coroutine asserts, so it is the one that plays. */
#pragma once
#include "base/mem.h"
#include "net/sock.h"
#include "support/co_unit.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "support/unit.h"

enum { PEER_MS = 5000, REPLY_MAX = 1 << 24 };

/* Two connected sockets. */
static inline void peer_pair(struct sock **a, struct sock **b)
{
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(sock_wrap(a, fd[0]), OK);
	assert_int_equal(sock_wrap(b, fd[1]), OK);
	(*a)->deadline = clock_after(PEER_MS);
}

static inline void peer_send(struct sock *sock, const char *text)
{
	assert_int_equal(sock_send(sock, text, strlen(text)), OK);
}

/* Everything until the other end closes. */
static inline const char *peer_recv_all(struct sock *sock, struct buf *b)
{
	char piece[4096];
	size_t n;
	err e;
	b->max = REPLY_MAX;
	while ((e = sock_recv(sock, piece, sizeof(piece), &n)) == OK)
		buf_put(b, piece, n);
	assert_int_equal(e, ERR_CLOSED);
	return buf_text(b);
}

/* At least until the text has come. */
static inline const char *peer_recv_until(struct sock *sock, struct buf *b, const char *text)
{
	char piece[4096];
	size_t n,
		least = strlen(text); /* a search for a long text in a shorter one takes its time */
	b->max = REPLY_MAX;
	while (b->n < least || !strstr(buf_text(b), text)) {
		assert_int_equal(sock_recv(sock, piece, sizeof(piece), &n), OK);
		buf_put(b, piece, n);
	}
	return buf_text(b);
}

static inline int peer_count(const char *text, const char *what)
{
	int n = 0;
	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}
