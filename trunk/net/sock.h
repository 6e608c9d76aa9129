/* sock - a connection over TCP, plain or encrypted (net/tls.h), non-blocking underneath, straight-line
 * above. Layer: net.
 * One coroutine owns it: whoever waits becomes the waiter. The try_ functions never switch; they may
 * be called from anywhere, but not while the owner is inside a blocking send. */
#pragma once
#include "base/buf.h"
#include "co/co.h"
#include "net/addr.h"
#include <sys/uio.h>

/* Private to net: the functions below read it. What each send of thousands touches stands together,
 * what hardly ever is needed behind it. */
struct sock {
	struct reactor_fd rfd;
	const struct sock_ops *ops; /* NULL: plain TCP */
	uint8_t recv_on,
		send_on; /* bits of rfd.ready with which a receive, a send is worth trying */
	bool quick;      /* see sock_set_quick() */
	bool merges;     /* see sock_set_rcvlowat() */
	int64_t send_bytes;
	int64_t send_ms;
	int64_t recv_ms;
	int64_t recv_bytes;
	int64_t overhead; /* bytes of the wire sent beyond send_bytes; negative while some of it waits */
	int64_t deadline;
	size_t work; /* done since the last wait; the blocking calls yield after a while */
	void *state; /* of ops */
	struct addr peer, local;
};

/* Connects before the deadline, or ERR_CONNECT with the address and the reason in the trail; ERR_SYSTEM
 * when there was no descriptor to try it with.
 * TCP_NODELAY and CLOEXEC are set. */
err sock_dial(struct sock **out, const struct addr *to, int64_t deadline) BLOCKS;
/* Wraps an accepted, non-blocking descriptor and takes it, also on failure. */
err sock_wrap(struct sock **out, int fd);
/* Before anything is read from an accepted socket: the handshake, if the listener wants one, before the
 * socket's deadline. Afterwards the socket is plain or encrypted, and is used in the same way. */
err sock_begin(struct sock *sock) BLOCKS;
/* Before sock_begin(), the first bytes of an accepted socket where they lie, whatever they are. */
/* Copies at most cap of them, which stay: *n is 0 when nothing has come yet. ERR_CLOSED. */
err sock_peek(struct sock *sock, void *p, size_t cap, size_t *n);
/* Waits until there are more than sock_peek() has shown, before the socket's deadline. */
err sock_await_more(struct sock *sock) BLOCKS;
/* Drops n of those that were shown. They count as nothing received. */
err sock_drop(struct sock *sock, size_t n);
/* The other end is a proxy, and this the address that it speaks for. */
void sock_set_peer(struct sock *sock, const struct addr *peer);
/* Closes at once, dropping what is unread: the peer may see a reset. NULL is fine; clears. */
void sock_close(struct sock **sock);
/* Ends our side, then reads and drops input until the peer closes or `ms` have passed, then closes.
 * Everything sent before arrives. */
void sock_close_gently(struct sock **sock, int64_t ms) BLOCKS;

/* The deadline of the blocking calls below, absolute; CLOCK_NEVER at first. */
static inline int64_t sock_deadline(const struct sock *sock)
{
	return sock->deadline;
}
static inline void sock_set_deadline(struct sock *sock, int64_t deadline)
{
	sock->deadline = deadline;
}
/* The address of the other end, and of ours; both belong to the socket. */
static inline const struct addr *sock_peer(const struct sock *sock)
{
	return &sock->peer;
}
static inline const struct addr *sock_local(const struct sock *sock)
{
	return &sock->local;
}
/* The application's bytes so far: received, and taken by our kernel. */
static inline int64_t sock_recv_bytes(const struct sock *sock)
{
	return sock->recv_bytes;
}
static inline int64_t sock_send_bytes(const struct sock *sock)
{
	return sock->send_bytes;
}
/* Monotonic milliseconds of the last byte received, and of the last byte that our kernel took. */
static inline int64_t sock_recv_ms(const struct sock *sock)
{
	return sock->recv_ms;
}
static inline int64_t sock_send_ms(const struct sock *sock)
{
	return sock->send_ms;
}

/* At least one byte, at most cap. ERR_CLOSED at the end, ERR_TIMEOUT at the socket's deadline. */
err sock_recv(struct sock *sock, void *p, size_t cap, size_t *n) BLOCKS;
/* Exactly n bytes. */
err sock_recv_all(struct sock *sock, void *p, size_t n) BLOCKS;
/* All of it. iov is used up (modified). */
err sock_send(struct sock *sock, const void *p, size_t n) BLOCKS;
err sock_sendv(struct sock *sock, struct iovec *iov, int count) BLOCKS;

/* ERR_AGAIN when nothing is there; ERR_CLOSED at the end. */
err sock_try_recv(struct sock *sock, void *p, size_t cap, size_t *n);
/* Sends as much as fits: *n may be less than all; ERR_AGAIN when nothing fits. iov is not modified. */
err sock_try_sendv(struct sock *sock, const struct iovec *iov, int count, size_t *n);
/* Sends what fits of the buffer and drops that. OK also when some of it waits for room. */
err sock_flush(struct sock *sock, struct buf *out);
/* Something may be readable (input or the end); something may be written. */
static inline bool sock_readable(const struct sock *sock)
{
	return sock->rfd.ready & sock->recv_on;
}
static inline bool sock_writable(const struct sock *sock)
{
	return sock->rfd.ready & sock->send_on;
}
/* The peer has ended its side; what it sent before may still be read. */
static inline bool sock_hung_up(const struct sock *sock)
{
	return sock->rfd.ready & REACTOR_HUP;
}
/* The connection is encrypted (net/tls.h). */
bool sock_is_encrypted(const struct sock *sock);
/* Makes the running coroutine the one that socket events wake. */
void sock_attach(struct sock *sock);
/* Events wake nobody any more: before the coroutine that was attached ends. */
void sock_detach(struct sock *sock);
/* Sleeps until readable, or writable, or woken, as co_wait(). */
err sock_wait(struct sock *sock, int64_t deadline) BLOCKS;

/* How far the peer is behind is counted in bytes of the wire, which are more than the application's
 * when the connection is encrypted: given to our kernel so far, and those of them that the peer's has
 * not acknowledged (a system call). */
static inline int64_t sock_wire_sent(const struct sock *sock)
{
	return sock->send_bytes + sock->overhead;
}
int sock_unsent(const struct sock *sock);
/* The descriptor, borrowed: another process may be given it. Nothing that was read here, nor TLS, goes with it. */
int sock_fd(const struct sock *sock);
/* Bytes that the peer has sent and nobody has received yet. */
int sock_unread(const struct sock *sock);
/* Bytes of the wire that the peer's kernel has acknowledged; never falls. */
static inline int64_t sock_wire_acked(const struct sock *sock)
{
	return sock_wire_sent(sock) - sock_unsent(sock);
}
/* Options for a player: the kernel keeps at most `bytes` that it cannot send (TCP_NOTSENT_LOWAT). */
void sock_set_lowat(struct sock *sock, int bytes);
/* While a conversation is made of small questions and answers, a peer whose kernel gathers small
 * writes (Nagle) waits for our acknowledgement, and ours would be delayed by 40 ms. On at first;
 * turned off when media flows. */
void sock_set_quick(struct sock *sock, bool quick);
/* Acknowledges at once what was received so far; for a peer that may wait for that before it sends more. */
void sock_acknowledge(const struct sock *sock);
/* A peer that has vanished is noticed although nothing is sent to it: after 15 silent seconds the
 * kernel asks, and asks again each 15. The connection is broken off when nothing was acknowledged
 * for `ms`, but never before three such questions were lost. */
void sock_keep_alive(struct sock *sock, int64_t ms);
/* Small input wakes nobody: an encoder sends a hundred small messages a second, and each read of one
 * costs as much as a read of many. Whoever turns it on calls sock_force_read() from time to time. A lot of
 * input and the end of the connection are noticed at once. Off at first. */
void sock_set_rcvlowat(struct sock *sock, bool on);
static inline bool sock_has_rcvlowat(const struct sock *sock)
{
	return sock->merges;
}
/* Wakes the coroutine that reads this socket, so that it looks for input without an event. */
void sock_force_read(struct sock *sock);
