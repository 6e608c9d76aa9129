#include "rtc/crossing.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD = 4,
	DATAGRAM_MAX = 0xffff,
	SLACK = CROSSING_QUEUE_MAX / 2, /* sent already, and not yet moved out of the way */
	SMALL = 1 << 16,                /* a queue keeps that when it is empty */
	TURN = 16,                      /* messages, until others can run */
};

struct crossing {
	struct reactor_fd rfd;
	crossing_take_stream *take_stream;
	struct buf queue;
	size_t sent; /* bytes at its beginning that are gone */
	int waiting; /* records behind these */
	struct crossing_counts counts;
};

/* ---- the records ---- */

size_t crossing_record_size(struct span datagram, const struct rtc_path *path)
{
	return HEAD + path->peer.len + path->local.len + datagram.n;
}

void crossing_pack(struct buf *out, struct span datagram, const struct rtc_path *path)
{
	buf_u16(out, (uint16_t)datagram.n);
	buf_u8(out, (uint8_t)path->peer.len);
	buf_u8(out, (uint8_t)path->local.len);
	buf_put(out, &path->peer.sa, path->peer.len);
	buf_put(out, &path->local.sa, path->local.len);
	buf_put(out, datagram.p, datagram.n);
}

static bool read_addr(struct addr *out, const uint8_t *p, size_t n)
{
	*out = (struct addr){.len = (socklen_t)n};
	if (n < sizeof(out->sa.ss_family) || n > sizeof(out->sa))
		return false;
	memcpy(&out->sa, p, n);
	return (out->sa.ss_family == AF_INET && n == sizeof(out->sa.v4)) ||
	       (out->sa.ss_family == AF_INET6 && n == sizeof(out->sa.v6));
}

/* Bytes of the first record; 0: there is none that is whole. */
static size_t first_size(struct span s)
{
	if (s.n < HEAD)
		return 0;
	size_t n = HEAD + ((size_t)s.p[0] << 8 | s.p[1]) + s.p[2] + s.p[3];
	return n <= s.n ? n : 0;
}

bool crossing_unpack(struct span *message, struct span *datagram, struct rtc_path *path)
{
	size_t n = first_size(*message);
	if (n == 0)
		return false;
	const uint8_t *p = message->p;
	size_t peer = p[2], local = p[3];
	path->stream = NULL;
	if (!read_addr(&path->peer, p + HEAD, peer) ||
	    !read_addr(&path->local, p + HEAD + peer, local))
		return false;
	*datagram = span_of(p + HEAD + peer + local, n - HEAD - peer - local);
	*message = span_of(p + n, message->n - n);
	return true;
}

/* ---- its life ---- */

err crossing_open(struct crossing **out, int fd)
{
	struct crossing *c = mem_new(struct crossing);
	c->queue.max = CROSSING_QUEUE_MAX + SLACK;
	err e = fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK)
			? err_sys(ERR_SYSTEM, "the local socket of an upgrade")
			: reactor_add(&c->rfd, fd);
	if (e) {
		close(fd);
		free(c);
		return e;
	}
	c->rfd.ready = REACTOR_IN | REACTOR_OUT;
	*out = c;
	return OK;
}

void crossing_close(struct crossing **crossing)
{
	struct crossing *c = *crossing;
	*crossing = NULL;
	if (!c)
		return;
	reactor_remove(&c->rfd);
	close(c->rfd.fd);
	buf_free(&c->queue);
	free(c);
}

const struct crossing_counts *crossing_counts(const struct crossing *c)
{
	return &c->counts;
}

size_t crossing_waiting(const struct crossing *c)
{
	return c->queue.n - c->sent;
}

/* ---- sending ---- */

void crossing_put(struct crossing *c, struct span datagram, const struct rtc_path *path)
{
	size_t n = crossing_record_size(datagram, path);
	if (datagram.n > DATAGRAM_MAX || n > CROSSING_MESSAGE_MAX ||
	    crossing_waiting(c) + n > CROSSING_QUEUE_MAX) {
		c->counts.dropped++;
		return;
	}
	crossing_pack(&c->queue, datagram, path);
	if (!buf_ok(&c->queue)) { /* there is no memory */
		c->counts.dropped += c->waiting + 1;
		buf_free(&c->queue);
		c->sent = 0;
		c->waiting = 0;
		return;
	}
	c->waiting++;
	if (c->rfd.waiter)
		co_wake(c->rfd.waiter);
}

/* Puts whole records into a message, as many as fit; returns its size. */
static size_t next_message(const struct crossing *c, int *records)
{
	struct span rest = span_of(c->queue.p + c->sent, crossing_waiting(c));
	size_t all = 0;
	*records = 0;
	for (size_t n; (n = first_size(rest)) && all + n <= CROSSING_MESSAGE_MAX; ++*records) {
		all += n;
		rest = span_of(rest.p + n, rest.n - n);
	}
	return all;
}

static void tidy(struct crossing *c)
{
	if (c->sent < c->queue.n && c->sent < SLACK)
		return;
	buf_drop(&c->queue, c->sent);
	c->sent = 0;
	if (c->queue.n == 0 && c->queue.cap > SMALL)
		buf_free(&c->queue);
}

static void send_some(struct crossing *c)
{
	while (crossing_waiting(c) && c->rfd.ready & REACTOR_OUT) {
		int records;
		size_t n = next_message(c, &records);
		ssize_t done =
			send(c->rfd.fd, c->queue.p + c->sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			c->rfd.ready &= ~(unsigned)REACTOR_OUT;
			return;
		}
		if (done < 0) /* it has gone: the next look for input says so */
			c->counts.dropped += records;
		else
			c->counts.handed += records;
		c->sent += n;
		c->waiting -= records;
		tidy(c);
	}
}

/* ---- connections ---- */

/* Room for one descriptor, as the kernel wants it. */
union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

bool crossing_put_stream(struct crossing *c, int fd, struct span read, const struct rtc_path *path)
{
	struct buf record = {.max = CROSSING_MESSAGE_MAX};
	union control control = {0};
	crossing_pack(&record, read, path);
	struct iovec iov = {record.p, record.n};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	bool sent = buf_ok(&record) &&
		    sendmsg(c->rfd.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)record.n;
	c->counts.handed += sent;
	c->counts.dropped += !sent;
	buf_free(&record);
	return sent;
}

void crossing_on_stream(struct crossing *c, crossing_take_stream *take)
{
	c->take_stream = take;
}

/* -1: the message brought none. */
static int descriptor_of(struct msghdr *m)
{
	int fd = -1;
	const struct cmsghdr *head = CMSG_FIRSTHDR(m);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* ---- receiving ---- */

/* One message; bytes as of recv(). *fd: it brought that descriptor; -1. */
static ssize_t receive(const struct crossing *c, uint8_t *bytes, size_t room, int *fd)
{
	union control control;
	struct iovec iov = {bytes, room};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(c->rfd.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	*fd = n >= 0 ? descriptor_of(&m) : -1;
	return n;
}

static void hand_out_stream(struct crossing *c, int fd, struct span message, void *ctx)
{
	struct span read;
	struct rtc_path path;
	bool is_good = crossing_unpack(&message, &read, &path) && message.n == 0;
	c->counts.taken += is_good;
	c->counts.malformed += !is_good;
	if (is_good && c->take_stream)
		c->take_stream(ctx, fd, read);
	else
		close(fd);
}

static void hand_out(struct crossing *c, struct span message, crossing_take *take, void *ctx)
{
	struct span datagram;
	struct rtc_path path;
	while (message.n && crossing_unpack(&message, &datagram, &path)) {
		c->counts.taken++;
		take(ctx, (uint8_t *)(uintptr_t)datagram.p, datagram.n, &path);
	}
	c->counts.malformed += message.n > 0;
}

/* ERR_AGAIN: that was all. */
static err receive_some(struct crossing *c, crossing_take *take, void *ctx)
{
	static uint8_t message[CROSSING_MESSAGE_MAX]; /* nothing switches while it is used */
	for (int i = 0; i < TURN; i++) {
		if (!(c->rfd.ready & (REACTOR_IN | REACTOR_HUP)))
			return ERR_AGAIN;
		int fd;
		ssize_t n = receive(c, message, sizeof(message), &fd);
		if (fd >= 0)
			hand_out_stream(c, fd, span_of(message, (size_t)n), ctx);
		else if (n > 0)
			hand_out(c, span_of(message, (size_t)n), take, ctx);
		else if (n < 0 && errno == EAGAIN)
			c->rfd.ready &= ~(unsigned)(REACTOR_IN | REACTOR_HUP);
		else if (n == 0 || errno != EINTR)
			return ERR_CLOSED;
	}
	return OK;
}

err crossing_run(struct crossing *c, crossing_take *take, void *ctx)
{
	c->rfd.waiter = co_self();
	for (;;) {
		err e = receive_some(c, take, ctx);
		send_some(c);
		if (e == OK)
			co_yield ();
		else if (e == ERR_AGAIN)
			e = co_wait(CLOCK_NEVER);
		if (!e && co_stopping())
			e = err_plain(ERR_STOPPED);
		if (e) {
			c->rfd.waiter = NULL;
			return e;
		}
	}
}
