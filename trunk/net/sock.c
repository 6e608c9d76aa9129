/* A connection. The descriptor is registered once with the reactor, edge-triggered; rfd.ready
 * says what is worth trying. A call that meets EAGAIN clears its bit, and so does a short read or
 * write: what arrives after the call raises a new event. Only a seen hang-up forbids that for
 * reading, since no further event will come. */
#include "net/sock_ops.h"

#include "base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* A peer that is faster than we are must not keep the others waiting. */
	WORK_BEFORE_YIELD = 256 * 1024,
	WORK_PER_CALL = 1024,
	DRAIN_STEPS = 16,
};

static char drained[64 * 1024]; /* nobody reads it */

err sock_failed(const struct sock *sock, const char *what)
{
	char peer[ADDR_TEXT_MAX];
	int number = errno;
	bool ours = number == ENOMEM || number == ENOBUFS || number == EBADF || number == EINVAL ||
		    number == EFAULT || number == ENOTSOCK;
	addr_text(peer, &sock->peer);
	errno = number;
	return err_sys(ours ? ERR_SYSTEM : ERR_CLOSED, "%s %s", what, peer);
}

static struct sock *sock_new(int fd)
{
	int on = 1;
	struct sock *sock = mem_new(struct sock);
	sock->rfd.fd = fd;
	sock->deadline = CLOCK_NEVER;
	sock->quick = true;
	sock->recv_on = REACTOR_IN | REACTOR_HUP;
	sock->send_on = REACTOR_OUT;
	sock->recv_ms = sock->send_ms = clock_ms();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return sock;
}

static void sock_learn_addrs(struct sock *sock)
{
	sock->local.len = sock->peer.len = sizeof(sock->peer.sa);
	if (getsockname(sock->rfd.fd, (struct sockaddr *)&sock->local.sa, &sock->local.len) != 0)
		sock->local = (struct addr){0};
	if (getpeername(sock->rfd.fd, (struct sockaddr *)&sock->peer.sa, &sock->peer.len) != 0)
		sock->peer = (struct addr){0};
}

err sock_wrap(struct sock **out, int fd)
{
	struct sock *sock = sock_new(fd);
	sock_learn_addrs(sock);
	err e = reactor_add(&sock->rfd, fd);
	if (e != OK) {
		sock_close(&sock);
		return e;
	}
	sock->rfd.ready =
		REACTOR_IN | REACTOR_OUT; /* a first try costs less than waiting for news */
	*out = sock;
	return OK;
}

void sock_attach(struct sock *sock)
{
	sock->rfd.waiter = co_self();
}

void sock_detach(struct sock *sock)
{
	sock->rfd.waiter = NULL;
}

static err dial_wait(struct sock *sock, int64_t deadline)
{
	int number = 0;
	socklen_t len = sizeof(number);
	sock_attach(sock);
	while (!sock->rfd.ready) {
		err e = co_wait(deadline);
		if (e == ERR_STOPPED)
			return e;
		if (e == ERR_TIMEOUT) {
			errno = ETIMEDOUT;
			return ERR_CONNECT;
		}
	}
	getsockopt(sock->rfd.fd, SOL_SOCKET, SO_ERROR, &number, &len);
	errno = number;
	return number == 0 ? OK : ERR_CONNECT;
}

static err dial(struct sock *sock, int64_t deadline)
{
	/* Registered behind connect(): an unconnected socket counts as hung up. */
	int rc = connect(sock->rfd.fd, (struct sockaddr *)&sock->peer.sa, sock->peer.len);
	if (rc != 0 && errno != EINPROGRESS)
		return ERR_CONNECT;
	TRY(reactor_add(&sock->rfd, sock->rfd.fd));
	if (rc != 0)
		TRY(dial_wait(sock, deadline));
	sock_learn_addrs(sock);
	if (addr_same(&sock->local, &sock->peer)) {
		/* Nobody listens there, and the kernel picked that very port for our end. */
		errno = ECONNREFUSED;
		return ERR_CONNECT;
	}
	sock->rfd.ready |= REACTOR_OUT;
	return OK;
}

/* We lack something, whatever the peer is. */
static bool is_want(void)
{
	return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
}

err sock_dial(struct sock **out, const struct addr *to, int64_t deadline)
{
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, to);
	if (co_stopping())
		return ERR_STOPPED;
	int fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(is_want() ? ERR_SYSTEM : ERR_CONNECT, "connect %s", peer);
	struct sock *sock = sock_new(fd);
	sock->peer = *to;
	err e = dial(sock, deadline);
	if (e != OK) {
		e = e == ERR_CONNECT ? err_sys(e, "connect %s", peer) : e;
		sock_close(&sock);
		return e;
	}
	sock->recv_ms = sock->send_ms = clock_ms();
	*out = sock;
	return OK;
}

err sock_begin(struct sock *sock)
{
	return sock->ops && sock->ops->begin ? sock->ops->begin(sock) : OK;
}

int sock_fd(const struct sock *sock)
{
	return sock->rfd.fd;
}

void sock_close(struct sock **sock)
{
	if (!*sock)
		return;
	if ((*sock)->ops) {
		(void)!(*sock)->ops->shutdown(*sock);
		(*sock)->ops->free(*sock);
	}
	reactor_remove(&(*sock)->rfd);
	close((*sock)->rfd.fd);
	free(*sock);
	*sock = NULL;
}

/* True when the peer has closed, or the connection is broken. */
static bool drain(struct sock *sock)
{
	for (int i = 0; i < DRAIN_STEPS; i++) {
		ssize_t n = recv(sock->rfd.fd, drained, sizeof(drained), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return true;
		if (n < 0 && errno == EAGAIN) {
			sock->rfd.ready &= ~(unsigned)(REACTOR_IN | REACTOR_HUP);
			return false;
		}
	}
	return false;
}

/* Bytes that send has taken go out first. */
static void end_our_side(struct sock *sock, int64_t deadline)
{
	while (sock->ops && sock->ops->shutdown(sock) == ERR_AGAIN) {
		err e = co_wait(deadline);
		if (e != OK)
			break;
	}
	shutdown(sock->rfd.fd, SHUT_WR);
}

/* Leaves the words of the error that made the caller close. */
void sock_close_gently(struct sock **psock, int64_t ms)
{
	struct sock *sock = *psock;
	if (!sock)
		return;
	int64_t deadline = clock_after(ms < 0 ? 0 : ms);
	sock_attach(sock);
	end_our_side(sock, deadline);
	while (!drain(sock)) {
		if (sock->rfd.ready & (REACTOR_IN | REACTOR_HUP)) {
			co_yield ();
			if (co_stopping() || clock_ms() >= deadline)
				break;
			continue;
		}
		err e = co_wait(deadline);
		if (e != OK)
			break;
	}
	sock_close(psock);
}

/* The kernel forgets this option as it goes: it is said anew after each read. */
void sock_acknowledge(const struct sock *sock)
{
	static const int on = 1;
	setsockopt(sock->rfd.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

void sock_received(struct sock *sock, size_t n)
{
	sock->recv_bytes += (int64_t)n;
	sock->recv_ms = clock_ms();
	if (sock->quick)
		sock_acknowledge(sock);
}

err sock_try_recv(struct sock *sock, void *p, size_t cap, size_t *n)
{
	ssize_t got;
	*n = 0;
	if (!sock_readable(sock))
		return ERR_AGAIN;
	if (sock->ops)
		return sock->ops->recv(sock, p, cap, n);
	do
		got = recv(sock->rfd.fd, p, cap, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		sock->rfd.ready &= ~(unsigned)(REACTOR_IN | REACTOR_HUP);
		return ERR_AGAIN;
	}
	if (got < 0)
		return sock_failed(sock, "recv from");
	if (got == 0)
		return err_plain(ERR_CLOSED);
	if ((size_t)got < cap && !(sock->rfd.ready & REACTOR_HUP))
		sock->rfd.ready &= ~(unsigned)REACTOR_IN;
	*n = (size_t)got;
	sock_received(sock, *n);
	return OK;
}

static size_t iov_bytes(const struct iovec *iov, int count)
{
	size_t n = 0;
	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;
	return n;
}

/* A batch mostly is one piece, and the kernel is spared copying and checking a list then. */
static ssize_t send_pieces(int fd, const struct iovec *iov, int count)
{
	enum { FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };
	if (count == 1)
		return send(fd, iov->iov_base, iov->iov_len, FLAGS);
	/* The kernel's structure lacks a const. */
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
			     .msg_iovlen = (size_t)count};
	return sendmsg(fd, &msg, FLAGS);
}

err sock_try_sendv(struct sock *sock, const struct iovec *iov, int count, size_t *n)
{
	ssize_t sent;
	*n = 0;
	if (!sock_writable(sock))
		return ERR_AGAIN;
	if (sock->ops)
		return sock->ops->send(sock, iov, count, n);
	do
		sent = send_pieces(sock->rfd.fd, iov, count);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		return sock_failed(sock, "send to");
	if (sent < 0 || (size_t)sent < iov_bytes(iov, count))
		sock->rfd.ready &= ~(unsigned)REACTOR_OUT;
	if (sent < 0)
		return ERR_AGAIN;
	*n = (size_t)sent;
	sock->send_bytes += sent;
	sock->send_ms = clock_ms();
	return OK;
}

err sock_flush(struct sock *sock, struct buf *out)
{
	while (out->n) {
		size_t sent;
		struct iovec iov = {out->p, out->n};
		err e = sock_try_sendv(sock, &iov, 1, &sent);
		if (e != OK)
			return e == ERR_AGAIN ? OK : e;
		buf_drop(out, sent);
	}
	return OK;
}

/* Sleeps until one of the bits is set, which may become others meanwhile. */
static err sock_block(struct sock *sock, const uint8_t *bits)
{
	sock->work = 0;
	sock_attach(sock);
	while (!(sock->rfd.ready & *bits)) {
		err e = co_wait(sock->deadline);
		if (e != OK)
			return e;
	}
	return OK;
}

/* Others get their turn when this socket never makes its coroutine wait. */
static void sock_worked(struct sock *sock, size_t n)
{
	sock->work += n + WORK_PER_CALL;
	if (sock->work < WORK_BEFORE_YIELD)
		return;
	sock->work = 0;
	co_yield ();
}

err sock_recv(struct sock *sock, void *p, size_t cap, size_t *n)
{
	*n = 0;
	for (;;) {
		if (co_stopping())
			return ERR_STOPPED;
		err e = sock_try_recv(sock, p, cap, n);
		if (e == OK)
			sock_worked(sock, *n);
		if (e != ERR_AGAIN)
			return e;
		TRY(sock_block(sock, &sock->recv_on));
	}
}

err sock_recv_all(struct sock *sock, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t got;
		TRY(sock_recv(sock, (char *)p + at, n - at, &got));
		at += got;
	}
	return OK;
}

err sock_send(struct sock *sock, const void *p, size_t n)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	return sock_sendv(sock, &iov, 1);
}

static void iov_advance(struct iovec **iov, int *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)->iov_len = 0;
		++*iov;
		--*count;
	}
	if (n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

/* Sends what fits even when stopped, so that a last word can be said. */
err sock_sendv(struct sock *sock, struct iovec *iov, int count)
{
	enum { AT_ONCE = 1024 }; /* IOV_MAX */
	iov_advance(&iov, &count, 0);
	while (count > 0) {
		size_t sent;
		err e = sock_try_sendv(sock, iov, count < AT_ONCE ? count : AT_ONCE, &sent);
		if (e == OK) {
			iov_advance(&iov, &count, sent);
			sock_worked(sock, sent);
		} else if (e == ERR_AGAIN) {
			TRY(sock_block(sock, &sock->send_on));
		} else {
			return e;
		}
	}
	return OK;
}

err sock_wait(struct sock *sock, int64_t deadline)
{
	sock_attach(sock);
	if (co_stopping())
		return ERR_STOPPED;
	if (sock_readable(sock) || sock_writable(sock))
		return OK;
	return co_wait(deadline);
}
