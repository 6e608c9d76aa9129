#include "srt/port.h"

#ifdef WITH_SRT
#include "base/mem.h"
#include "srt/guard.h"
#include "srt/inside.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct srt_port {
	struct srt_watch watch;
	int fd;          /* the library's, while the port is open */
	uint32_t newest; /* number of a connection */
	srt_judge *judge;
	void *ctx;
};

/* Of the library's own form: a socket address is at least as long as ours, or longer. */
static void read_addr(struct addr *out, const struct sockaddr *from)
{
	bool v6 = from->sa_family == AF_INET6;
	*out = (struct addr){.len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)};
	memcpy(&out->sa, from, out->len);
}

/* On the thread that receives for this port. */
static int on_caller(void *ctx, SRTSOCKET s, int version, const struct sockaddr *from,
		     const char *stream_id)
{
	const struct srt_port *p = ctx;
	struct addr peer;
	struct srt_verdict verdict = {0};
	(void)version;
	read_addr(&peer, from);
	p->judge(p->ctx, &(struct srt_caller){&peer, stream_id ? stream_id : ""}, &verdict);
	if (!verdict.refusal && socket_set_options(s, &verdict.options))
		verdict.refusal = SRT_REFUSE_INTERNAL;
	if (!verdict.refusal)
		return 0;
	lib.srt_setrejectreason(s, verdict.refusal);
	return -1;
}

/* The library reads from it in a thread that may wait. */
static err take_fd(SRTSOCKET s, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "SRT: descriptor %d", fd);
	TRY(srt_guard(fd));
	if (lib.srt_bind_acquire(s, fd) < 0)
		return err_fail(ERR_SYSTEM, "srt_bind_acquire: %s", lib.srt_getlasterror_str());
	return OK;
}

static err listen_at(struct srt_port *p, SRTSOCKET s, int backlog)
{
	if (lib.srt_listen_callback(s, on_caller, p) < 0 || lib.srt_listen(s, backlog) < 0)
		return err_fail(ERR_SYSTEM, "srt_listen: %s", lib.srt_getlasterror_str());
	return srt_watch_begin(&p->watch, s);
}

static err open_port(struct srt_port *p, const struct srt_port_opts *opts)
{
	SRTSOCKET s;
	err e = srt_bridge_start();
	if (!e)
		e = socket_open(&s, opts->options);
	if (!e) {
		e = take_fd(s, opts->fd);
		if (e)
			lib.srt_close(s);
	}
	if (e) {
		close(opts->fd);
		return e;
	}
	p->fd = opts->fd;
	p->newest = (uint32_t)s;
	e = listen_at(p, s, opts->backlog);
	if (e)
		lib.srt_close(s);
	return e;
}

err srt_port_open(struct srt_port **out, const struct srt_port_opts *opts)
{
	struct srt_port *p = mem_new(struct srt_port);
	p->judge = opts->judge;
	p->ctx = opts->ctx;
	err e = open_port(p, opts);
	if (e)
		free(p);
	else
		*out = p;
	return e;
}

void srt_port_close(struct srt_port **port)
{
	struct srt_port *p = *port;
	*port = NULL;
	if (!p)
		return;
	SRTSOCKET s = p->watch.socket;
	srt_watch_end(&p->watch);
	lib.srt_close(s);
	free(p);
}

err srt_port_accept(struct srt_port *p, struct srt_link **out)
{
	struct sockaddr_storage from = {0};
	struct addr peer;
	int n = sizeof(from);
	p->watch.waiter = co_self();
	if (!(p->watch.ready & SRT_IN))
		return ERR_AGAIN;
	SRTSOCKET s = lib.srt_accept(p->watch.socket, (struct sockaddr *)&from, &n);
	if (s == SRT_INVALID_SOCK) {
		p->watch.ready &= ~(unsigned)SRT_IN;
		return ERR_AGAIN;
	}
	read_addr(&peer, (const struct sockaddr *)&from);
	p->newest = (uint32_t)s;
	return link_of_socket(out, s, &peer);
}

err srt_port_share(struct srt_port *p, bool on)
{
	return steer_share(p->fd, on);
}

uint32_t srt_port_newest(const struct srt_port *p)
{
	return p->newest;
}
#endif
