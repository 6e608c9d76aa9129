#include "srt/link.h"

#ifdef WITH_SRT
#include "base/mem.h"
#include "srt/guard.h"
#include "srt/inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct srt_link {
	struct srt_watch watch;
	struct addr peer;
	char *stream_id;
	int payload_size;
	int64_t heard_ms, sent_ms, recv_bytes, send_bytes;
	struct srt_figures figures; /* as they were last asked for */
};

/* ---- its beginning ---- */

static char *read_stream_id(SRTSOCKET s)
{
	char text[SRT_STREAM_ID_MAX + 1] = "";
	int n = sizeof(text);
	if (lib.srt_getsockflag(s, SRTO_STREAMID, text, &n) < 0)
		n = 0;
	return mem_strndup(text, strnlen(text, (size_t)n));
}

static int read_flag(SRTSOCKET s, SRT_SOCKOPT option)
{
	int value = 0, n = sizeof(value);
	return lib.srt_getsockflag(s, option, &value, &n) < 0 ? 0 : value;
}

err link_of_socket(struct srt_link **out, SRTSOCKET s, const struct addr *peer)
{
	struct srt_link *l = mem_new(struct srt_link);
	err e = srt_watch_begin(&l->watch, s);
	if (e) {
		lib.srt_close(s);
		free(l);
		return e;
	}
	l->peer = *peer;
	l->stream_id = read_stream_id(s);
	l->payload_size = read_flag(s, SRTO_PAYLOADSIZE);
	l->heard_ms = l->sent_ms = clock_ms();
	*out = l;
	return OK;
}

void srt_link_close(struct srt_link **link)
{
	struct srt_link *l = *link;
	*link = NULL;
	if (!l)
		return;
	SRTSOCKET s = l->watch.socket;
	srt_watch_end(&l->watch);
	lib.srt_close(s);
	free(l->stream_id);
	free(l);
}

/* ---- calling ---- */

static err refused(SRTSOCKET s)
{
	int why = lib.srt_getrejectreason(s);
	if (why == SRT_REJ_TIMEOUT || why == SRT_REJ_UNKNOWN)
		return err_fail(ERR_TIMEOUT, "the peer does not answer");
	return err_fail(ERR_DENIED, "the peer refuses: %s (%d)", lib.srt_rejectreason_str(why),
			why);
}

/* The library takes an answer without the extensions of SRT for a connection, and would read from nowhere as soon as
 * something is sent over it. */
static err check_peer(SRTSOCKET s)
{
	if (read_flag(s, SRTO_PEERVERSION) >= OLDEST_PEER)
		return OK;
	return err_fail(ERR_PROTOCOL, "the peer does not speak SRT 1.3 or later");
}

static err wait_until_connected(struct srt_link *l, int64_t deadline)
{
	SRTSOCKET s = l->watch.socket;
	for (;;) {
		SRT_SOCKSTATUS state = lib.srt_getsockstate(s);
		if (state == SRTS_CONNECTED)
			return check_peer(s);
		if (state != SRTS_CONNECTING)
			return refused(s);
		err e = co_wait(deadline);
		if (e == ERR_TIMEOUT)
			return err_fail(e, "the peer does not answer");
		TRY(e);
	}
}

/* All callers share one port and its two threads. The port is ours, for its guard, and a socket that does nothing else
 * keeps it. */
static struct caller_port {
	bool is_open;
	SRTSOCKET keeper;
	struct addr at;
} caller_ports[2];

static err open_udp(int *out, struct addr *at, sa_family_t family)
{
	const int on = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(ERR_SYSTEM, "socket");
	(void)addr_literal(at, family == AF_INET6 ? "::" : "0.0.0.0", 0);
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	err e = bind(fd, (struct sockaddr *)&at->sa, at->len) != 0 ||
				getsockname(fd, (struct sockaddr *)&at->sa, &at->len) != 0
			? err_sys(ERR_SYSTEM, "bind")
			: srt_guard(fd);
	if (e)
		close(fd);
	*out = fd;
	return e;
}

static void only_v6(SRTSOCKET s, sa_family_t family)
{
	const int only = 1;
	if (family == AF_INET6)
		lib.srt_setsockflag(s, SRTO_IPV6ONLY, &only, sizeof(only));
}

static err open_caller_port(struct caller_port *p, sa_family_t family,
			    const struct srt_options *options)
{
	int fd = -1;
	TRY(open_udp(&fd, &p->at, family));
	err e = socket_open(&p->keeper, options);
	if (e) {
		close(fd);
		return e;
	}
	only_v6(p->keeper, family);
	if (lib.srt_bind_acquire(p->keeper, fd) < 0) {
		e = err_fail(ERR_SYSTEM, "srt_bind_acquire: %s", lib.srt_getlasterror_str());
		close(fd);
		lib.srt_close(p->keeper);
		return e;
	}
	p->is_open = true;
	return OK;
}

void link_forget_callers(void)
{
	for (int i = 0; i < 2; i++) {
		if (caller_ports[i].is_open)
			lib.srt_close(caller_ports[i].keeper);
		caller_ports[i] = (struct caller_port){0};
	}
}

static err bind_caller(SRTSOCKET s, sa_family_t family, const struct srt_options *options)
{
	struct caller_port *p = &caller_ports[family == AF_INET6];
	if (!p->is_open)
		TRY(open_caller_port(p, family, options));
	only_v6(s, family);
	if (lib.srt_bind(s, (struct sockaddr *)&p->at.sa, (int)p->at.len) < 0)
		return err_fail(ERR_SYSTEM, "srt_bind: %s", lib.srt_getlasterror_str());
	return OK;
}

static err call(SRTSOCKET s, const struct addr *to, const char *stream_id,
		const struct srt_options *options)
{
	if (*stream_id &&
	    lib.srt_setsockflag(s, SRTO_STREAMID, stream_id, (int)strlen(stream_id)) < 0)
		return err_fail(ERR_LIMIT, "the stream id: %s", lib.srt_getlasterror_str());
	TRY(socket_prepare_call(s, options));
	TRY(bind_caller(s, to->sa.ss_family, options));
	if (lib.srt_connect(s, (const struct sockaddr *)&to->sa, (int)to->len) < 0)
		return err_fail(ERR_CONNECT, "srt_connect: %s", lib.srt_getlasterror_str());
	return OK;
}

err srt_link_connect(struct srt_link **out, const struct addr *to, const char *stream_id,
		     const struct srt_options *options)
{
	SRTSOCKET s;
	TRY(srt_bridge_start());
	TRY(socket_open(&s, options));
	err e = call(s, to, stream_id, options);
	if (e) {
		lib.srt_close(s);
		return e;
	}
	TRY(link_of_socket(out, s, to));
	srt_link_attach(*out);
	e = wait_until_connected(*out, clock_after(options->connect_timeout_ms + 500));
	if (e)
		srt_link_close(out);
	return e;
}

/* ---- messages ---- */

void srt_link_attach(struct srt_link *l)
{
	l->watch.waiter = co_self();
}

static err failed(struct srt_link *l)
{
	int code = lib.srt_getlasterror(NULL);
	if (code == SRT_EASYNCRCV || code == SRT_EASYNCSND)
		return ERR_AGAIN;
	l->watch.ready |= SRT_GONE;
	if (code == SRT_ECONNLOST || code == SRT_ENOCONN || code == SRT_EINVSOCK)
		return err_fail(ERR_CLOSED, "the SRT peer has left");
	return err_fail(ERR_PROTOCOL, "SRT: %s", lib.srt_getlasterror_str());
}

err srt_link_recv(struct srt_link *l, void *out, size_t room, size_t *n)
{
	if (!(l->watch.ready & (SRT_IN | SRT_GONE)))
		return ERR_AGAIN;
	int got = lib.srt_recvmsg(l->watch.socket, out, (int)room);
	if (got > 0) {
		l->heard_ms = clock_ms();
		l->recv_bytes += got;
		*n = (size_t)got;
		return OK;
	}
	err e = got == 0 ? err_fail(ERR_CLOSED, "the SRT peer has left") : failed(l);
	if (e == ERR_AGAIN)
		l->watch.ready &= ~(unsigned)SRT_IN;
	return e;
}

err srt_link_send(struct srt_link *l, const void *p, size_t n)
{
	if (!(l->watch.ready & (SRT_OUT | SRT_GONE)))
		return ERR_AGAIN;
	if (lib.srt_sendmsg(l->watch.socket, p, (int)n, -1, 1) >= 0) {
		l->sent_ms = clock_ms();
		l->send_bytes += (int64_t)n;
		return OK;
	}
	err e = failed(l);
	if (e == ERR_AGAIN)
		l->watch.ready &= ~(unsigned)SRT_OUT;
	return e;
}

bool srt_link_is_writable(const struct srt_link *l)
{
	return l->watch.ready & SRT_OUT;
}

bool srt_link_is_gone(const struct srt_link *l)
{
	return (l->watch.ready & SRT_GONE) &&
	       lib.srt_getsockstate(l->watch.socket) > SRTS_CONNECTED;
}

/* ---- facts ---- */

uint32_t srt_link_number(const struct srt_link *l)
{
	return (uint32_t)l->watch.socket;
}

const struct addr *srt_link_peer(const struct srt_link *l)
{
	return &l->peer;
}

const char *srt_link_stream_id(const struct srt_link *l)
{
	return l->stream_id;
}

int64_t srt_link_heard_ms(const struct srt_link *l)
{
	return l->heard_ms;
}

int64_t srt_link_sent_ms(const struct srt_link *l)
{
	return l->sent_ms;
}

int64_t srt_link_recv_bytes(const struct srt_link *l)
{
	return l->recv_bytes;
}

int64_t srt_link_send_bytes(const struct srt_link *l)
{
	return l->send_bytes;
}

int srt_link_payload_size(const struct srt_link *l)
{
	return l->payload_size;
}

bool srt_link_is_encrypted(const struct srt_link *l)
{
	return read_flag(l->watch.socket, SRTO_KMSTATE) == SRT_KM_S_SECURED;
}

/* The numbers are many, and are read by few: their memory is not taken from the stack. */
void srt_link_figures(struct srt_link *l, struct srt_figures *out)
{
	SRT_TRACEBSTATS *s = mem_new(SRT_TRACEBSTATS);
	SRTSOCKET socket = l->watch.socket;
	if (lib.srt_getsockstate(socket) == SRTS_CONNECTED && lib.srt_bstats(socket, s, 0) == 0)
		l->figures = (struct srt_figures){
			.rtt_ms = s->msRTT,
			.recv_latency_ms = read_flag(socket, SRTO_RCVLATENCY),
			.send_latency_ms = read_flag(socket, SRTO_PEERLATENCY),
			.recv_packets = s->pktRecvUniqueTotal,
			.recv_lost = s->pktRcvLossTotal,
			.recv_retransmitted = s->pktRecvTotal - s->pktRecvUniqueTotal,
			.recv_dropped = s->pktRcvDropTotal,
			.recv_undecrypted = s->pktRcvUndecryptTotal,
			.send_packets = s->pktSentUniqueTotal,
			.send_lost = s->pktSndLossTotal,
			.send_retransmitted = s->pktRetransTotal,
			.send_dropped = s->pktSndDropTotal,
			.send_waiting = s->pktSndBuf,
			.send_buffer_ms = s->msSndBuf,
			.recv_buffer_ms = s->msRcvBuf,
		};
	*out = l->figures;
	free(s);
}
#endif
