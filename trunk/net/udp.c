/* A datagram socket. Bare ports are one IPv6 socket that takes IPv4 too; a packet's own address comes as
 * ancillary data, so that the answer leaves by the address that was asked, on a host with several. */
#include "net/udp.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	SEGMENTS_MAX = 64, /* of one GSO message; the kernel's limit */
	CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)),
};

struct udp {
	struct reactor_fd rfd;
	struct addr local;
	bool is_any;  /* bound to no address of its own: packets say from which one they go */
	bool is_deaf; /* packets are left to another process */
	bool no_gso;  /* the kernel, or the device, has refused it: for ever */
	struct udp_counts counts;
	size_t large_max; /* of: */
	uint8_t *large;   /* for packets that are longer than usual; NULL: there are none */
};

/* One batch at a time: nothing switches while it is used. */
static struct {
	uint8_t bytes[UDP_BATCH][UDP_PACKET_MAX];
	struct addr from[UDP_BATCH];
	struct iovec iov[UDP_BATCH];
	struct mmsghdr msgs[UDP_BATCH];
	char control[UDP_BATCH][CONTROL] __attribute__((aligned(16)));
} in_batch;

static struct {
	struct iovec iov[UDP_BATCH];
	struct mmsghdr msgs[UDP_BATCH];
	int packets[UDP_BATCH]; /* in each message */
	char control[UDP_BATCH][CONTROL] __attribute__((aligned(16)));
} out_batch;

/* ---- open and close ---- */

static void set_addr(struct addr *addr, const struct hostport *at)
{
	const char *host = !*at->host                           ? "::"
			   : strcmp(at->host, "localhost") == 0 ? "127.0.0.1"
								: at->host;
	(void)addr_literal(addr, host, at->port);
}

static int bind_socket(const struct addr *addr, bool every, bool reuse_port)
{
	const int on = 1, only = !every;
	int fd = socket(addr->sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (addr->sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&addr->sa, addr->len) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static err failed(const struct udp *u, const struct udp_opts *opts)
{
	char text[ADDR_TEXT_MAX];
	addr_text(text, &u->local);
	if (errno == EADDRINUSE)
		return err_fail(ERR_SYSTEM,
				"%s: cannot receive on %s: the port is in use by another process; "
				"stop it or change `listen`",
				opts->what, text);
	return err_sys(ERR_SYSTEM, "%s: cannot receive on %s", opts->what, text);
}

static err open_socket(struct udp *u, const struct udp_opts *opts)
{
	bool every = !*opts->at.host;
	set_addr(&u->local, &opts->at);
	if (opts->fd) {
		u->rfd.fd = opts->fd;
		if (fcntl(opts->fd, F_SETFD, FD_CLOEXEC) != 0 ||
		    fcntl(opts->fd, F_SETFL, O_NONBLOCK) != 0)
			return err_sys(ERR_SYSTEM, "%s: descriptor %d", opts->what, opts->fd);
		return OK;
	}
	u->rfd.fd = bind_socket(&u->local, every, opts->reuse_port);
	if (u->rfd.fd < 0 && every && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		(void)addr_literal(&u->local, "0.0.0.0", opts->at.port);
		u->rfd.fd = bind_socket(&u->local, false, opts->reuse_port);
	}
	return u->rfd.fd < 0 ? failed(u, opts) : OK;
}

static void set_options(const struct udp *u, const struct udp_opts *opts)
{
	const int on = 1;
	int fd = u->rfd.fd;
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (u->local.sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	if (opts->recv_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &opts->recv_buffer, sizeof(int));
	if (opts->send_buffer)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &opts->send_buffer, sizeof(int));
}

err udp_open(struct udp **out, const struct udp_opts *opts)
{
	struct udp *u = mem_new(struct udp);
	err e = open_socket(u, opts);
	if (!e) {
		set_options(u, opts);
		e = reactor_add(&u->rfd, u->rfd.fd);
	}
	if (!e && opts->packet_max > UDP_PACKET_MAX) {
		u->large_max = opts->packet_max;
		u->large = mem_alloc(u->large_max);
	}
	if (e) {
		if (u->rfd.fd > 0)
			close(u->rfd.fd);
		free(u);
		return e;
	}
	u->local.len = sizeof(u->local.sa);
	getsockname(u->rfd.fd, (struct sockaddr *)&u->local.sa, &u->local.len);
	u->is_any = addr_is_any(&u->local);
	u->rfd.ready = REACTOR_IN | REACTOR_OUT;
	*out = u;
	return OK;
}

void udp_close(struct udp **udp)
{
	if (!*udp)
		return;
	reactor_remove(&(*udp)->rfd);
	close((*udp)->rfd.fd);
	free((*udp)->large);
	free(*udp);
	*udp = NULL;
}

int udp_release(struct udp **udp)
{
	const int off = 0;
	int fd = (*udp)->rfd.fd;
	reactor_remove(&(*udp)->rfd);
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &off, sizeof(off));
	if ((*udp)->local.sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &off, sizeof(off));
	free((*udp)->large);
	free(*udp);
	*udp = NULL;
	return fd;
}

int udp_port(const struct udp *udp)
{
	return addr_port(&udp->local);
}

int udp_fd(const struct udp *udp)
{
	return udp->rfd.fd;
}

const struct udp_counts *udp_counts(const struct udp *udp)
{
	return &udp->counts;
}

err udp_receive(struct udp *udp, bool on)
{
	udp->is_deaf = !on;
	if (on && udp->rfd.waiter)
		co_wake(udp->rfd.waiter);
	if (on)
		udp->rfd.ready |= REACTOR_IN;
	return reactor_want(&udp->rfd, on ? REACTOR_IN | REACTOR_OUT : REACTOR_OUT);
}

/* ---- receiving ---- */

/* Returns for how many packets there is room at once. */
static int prepare_receive(const struct udp *u)
{
	int room = u->large ? 1 : UDP_BATCH;
	for (int i = 0; i < room; i++) {
		in_batch.iov[i] = (struct iovec){in_batch.bytes[i], UDP_PACKET_MAX};
		in_batch.msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &in_batch.from[i].sa,
			.msg_namelen = sizeof(in_batch.from[i].sa),
			.msg_iov = &in_batch.iov[i],
			.msg_iovlen = 1,
			.msg_control = in_batch.control[i],
			.msg_controllen = sizeof(in_batch.control[i]),
		};
	}
	if (u->large)
		in_batch.iov[0] = (struct iovec){u->large, u->large_max};
	return room;
}

/* The address that a packet was sent to; the port is ours. */
static void read_local(struct addr *to, const struct udp *u, struct msghdr *msg)
{
	struct cmsghdr *c;
	*to = u->local;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			struct sockaddr_in6 *sa = (struct sockaddr_in6 *)&to->sa;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			sa->sin6_addr = info.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				sa->sin6_scope_id = info.ipi6_ifindex;
			return;
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		    u->local.sa.ss_family == AF_INET) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			((struct sockaddr_in *)&to->sa)->sin_addr = info.ipi_addr;
			return;
		}
	}
}

static void hand_out(struct udp *u, int i, void (*fn)(void *ctx, const struct udp_packet *packet),
		     void *ctx)
{
	struct mmsghdr *m = &in_batch.msgs[i];
	struct addr to;
	if (m->msg_hdr.msg_flags & MSG_TRUNC) {
		u->counts.recv_dropped++;
		return;
	}
	in_batch.from[i].len = m->msg_hdr.msg_namelen;
	read_local(&to, u, &m->msg_hdr);
	u->counts.recv_packets++;
	u->counts.recv_bytes += m->msg_len;
	fn(ctx, &(struct udp_packet){span_of(in_batch.iov[i].iov_base, m->msg_len),
				     &in_batch.from[i], &to});
}

err udp_recv(struct udp *udp, void (*fn)(void *ctx, const struct udp_packet *packet), void *ctx)
{
	int n;
	if (!udp_readable(udp))
		return ERR_AGAIN;
	int room = prepare_receive(udp);
	do /* a refusal by ICMP is said here too, and concerns nobody in particular */
		n = recvmmsg(udp->rfd.fd, in_batch.msgs, (unsigned)room, MSG_DONTWAIT, NULL);
	while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
	if (n < 0 && errno != EAGAIN)
		return err_sys(ERR_SYSTEM, "recvmmsg");
	if (n < room) /* what comes after this raises a new event */
		udp->rfd.ready &= ~(unsigned)(REACTOR_IN | REACTOR_HUP);
	if (n < 0)
		return ERR_AGAIN;
	for (int i = 0; i < n; i++)
		hand_out(udp, i, fn, ctx);
	return OK;
}

/* ---- sending ---- */

static bool same_way(const struct udp_out *a, const struct udp_out *b)
{
	if (a->to != b->to && !addr_same(a->to, b->to))
		return false;
	return a->from == b->from || (a->from && b->from && addr_same(a->from, b->from));
}

/* How many of the packets from the first one on can be one message of segments: of one size to one
 * peer, the last one may be shorter. */
static int run_length(const struct udp *u, const struct udp_out *packets, int count)
{
	size_t size = packets[0].data.n, all = size;
	int n = 1;
	if (u->no_gso || size == 0)
		return 1;
	while (n < count && n < SEGMENTS_MAX && packets[n - 1].data.n == size &&
	       packets[n].data.n <= size && packets[n].data.n > 0 &&
	       all + packets[n].data.n <= UDP_SEND_MAX && same_way(&packets[0], &packets[n])) {
		all += packets[n].data.n;
		n++;
	}
	return n;
}

static void put_control(struct msghdr *msg, int level, int type, const void *p, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)((char *)msg->msg_control + msg->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), p, n);
	msg->msg_controllen += CMSG_SPACE(n);
}

static void put_local(struct msghdr *msg, const struct addr *from)
{
	if (from->sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *sa = (const struct sockaddr_in6 *)&from->sa;
		struct in6_pktinfo info = {.ipi6_addr = sa->sin6_addr,
					   .ipi6_ifindex = sa->sin6_scope_id};
		put_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	} else {
		const struct sockaddr_in *sa = (const struct sockaddr_in *)&from->sa;
		struct in_pktinfo info = {.ipi_spec_dst = sa->sin_addr};
		put_control(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	}
}

/* One message of `n` packets whose pieces begin at iov. */
static void prepare_message(const struct udp *u, int m, const struct udp_out *packets, int n,
			    struct iovec *iov)
{
	struct msghdr *msg = &out_batch.msgs[m].msg_hdr;
	*msg = (struct msghdr){
		.msg_name = (void *)(uintptr_t)&packets[0].to->sa,
		.msg_namelen = packets[0].to->len,
		.msg_iov = iov,
		.msg_iovlen = (size_t)n,
		.msg_control = out_batch.control[m],
	};
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){(void *)(uintptr_t)packets[i].data.p, packets[i].data.n};
	if (packets[0].from && u->is_any)
		put_local(msg, packets[0].from);
	if (n > 1) {
		uint16_t segment = (uint16_t)packets[0].data.n;
		put_control(msg, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	}
	if (msg->msg_controllen == 0)
		msg->msg_control = NULL;
	out_batch.packets[m] = n;
}

/* Fills a batch; returns how many messages it has. */
static int prepare_batch(const struct udp *u, const struct udp_out *packets, int count)
{
	int messages = 0;
	for (int at = 0; at < count && at < UDP_BATCH;) {
		int most = count < UDP_BATCH ? count : UDP_BATCH;
		int n = run_length(u, packets + at, most - at);
		prepare_message(u, messages++, packets + at, n, &out_batch.iov[at]);
		at += n;
	}
	return messages;
}

static void count_sent(struct udp *u, int messages)
{
	for (int m = 0; m < messages; m++) {
		u->counts.send_packets += out_batch.packets[m];
		for (size_t i = 0; i < out_batch.msgs[m].msg_hdr.msg_iovlen; i++)
			u->counts.send_bytes +=
				(int64_t)out_batch.msgs[m].msg_hdr.msg_iov[i].iov_len;
	}
}

static int packets_of(int messages)
{
	int n = 0;
	for (int m = 0; m < messages; m++)
		n += out_batch.packets[m];
	return n;
}

/* A batch was refused at its first message. True: it is worth another try, *done packets further. */
static bool is_survivable(struct udp *u, int *done)
{
	bool segments = out_batch.packets[0] > 1;
	if (errno == EINTR || errno == ECONNREFUSED) /* ICMP's word about an earlier packet */
		return true;
	/* EIO: a device without check sums; EINVAL: a kernel without GSO, or a path that is too narrow. */
	if (segments && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP ||
			 errno == ENOPROTOOPT || errno == EMSGSIZE)) {
		u->no_gso = true;
		return true;
	}
	if (errno == EBADF || errno == ENOTSOCK || errno == ENOMEM || errno == EFAULT)
		return false;
	*done += out_batch.packets[0];
	u->counts.send_dropped += out_batch.packets[0];
	return true;
}

err udp_send(struct udp *udp, const struct udp_out *packets, int count, int *sent)
{
	*sent = 0;
	while (*sent < count && udp_writable(udp)) {
		int messages = prepare_batch(udp, packets + *sent, count - *sent);
		int n = sendmmsg(udp->rfd.fd, out_batch.msgs, (unsigned)messages, MSG_DONTWAIT);
		udp->counts.send_calls++;
		if (n > 0) {
			count_sent(udp, n);
			*sent += packets_of(n);
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			udp->rfd.ready &= ~(unsigned)REACTOR_OUT;
		} else if (!is_survivable(udp, sent)) {
			return err_sys(ERR_SYSTEM, "sendmmsg");
		}
	}
	return *sent || count == 0 ? OK : ERR_AGAIN;
}

/* ---- waiting ---- */

bool udp_readable(const struct udp *udp)
{
	return !udp->is_deaf && udp->rfd.ready & (REACTOR_IN | REACTOR_HUP);
}

bool udp_writable(const struct udp *udp)
{
	return udp->rfd.ready & REACTOR_OUT;
}

void udp_attach(struct udp *udp)
{
	udp->rfd.waiter = co_self();
}

err udp_wait(struct udp *udp, int64_t deadline)
{
	udp_attach(udp);
	if (co_stopping())
		return err_plain(ERR_STOPPED);
	return udp_readable(udp) ? OK : co_wait(deadline);
}
