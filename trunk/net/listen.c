/* Listening. A bare port is one IPv6 socket that takes IPv4 too, or IPv4 alone where the host has
 * no IPv6. A port is exclusive by plain bind: it fails when anybody listens there, sharing or not;
 * only with reuse_port do we share, and then with those alone who share as well. */
#include "net/listen.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	ACCEPT_BATCH = 64, /* then others get a turn */
	PAUSE_MS = 100,    /* when descriptors have run out */
	WARN_EVERY_MS = 60000,
};

struct listener {
	struct reactor_fd rfd;
	struct co *co;
	struct listen_opts opts;
	char name[ADDR_TEXT_MAX]; /* "port 1935" or "10.0.0.1:1935" */
	struct addr addr;
	int64_t warned_ms;
};

/* Every address of both kinds is [::] that takes IPv4 too. */
static void set_addr(struct listener *l, bool every)
{
	const struct hostport *at = &l->opts.at;
	(void)addr_literal(&l->addr, every ? "::" : at->host, at->port);
}

static void share_port(int fd, int on)
{
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int open_socket(const struct listener *l, bool every, bool share)
{
	const int on = 1, only = !every;
	int family = l->addr.sa.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	share_port(fd, share);
	if (bind(fd, (const struct sockaddr *)&l->addr.sa, l->addr.len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

/* An address that overlaps the one of a listener that goes (a port, then one address of it) cannot be
 * bound beside it, and closing that one first would refuse clients, or leave nothing if binding fails.
 * So both share the port while the new one is bound. The kernel remembers that: until the port is left,
 * another process of the same user that shares its ports could join there. */
static int open_displacing(const struct listener *l, bool every)
{
	const struct listener *old = l->opts.displaces;
	int fd = open_socket(l, every, l->opts.reuse_port);
	if (fd >= 0 || errno != EADDRINUSE || !old)
		return fd;
	share_port(old->rfd.fd, true);
	fd = open_socket(l, every, true);
	int number = errno;
	share_port(old->rfd.fd, old->opts.reuse_port);
	if (fd >= 0)
		share_port(fd, l->opts.reuse_port);
	errno = number;
	return fd;
}

/* What is in the way, and what to do about it; NULL: the system's own words. */
static const char *obstacle(const struct listener *l)
{
	switch (errno) {
	case EADDRINUSE:
		return l->opts.reuse_port ? "the port is in use by another process that does not "
					    "share it; stop it or change `listen`"
					  : "the port is in use by another process; stop it or "
					    "change `listen`";
	case EADDRNOTAVAIL:
		return "no such address on this host; change `listen`";
	case EACCES:
		return "not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE";
	default:
		return NULL;
	}
}

static err listen_failed(const struct listener *l)
{
	const char *what = l->opts.what, *why = obstacle(l);
	return why ? err_fail(ERR_SYSTEM, "%s: cannot listen on %s: %s", what, l->name, why)
		   : err_sys(ERR_SYSTEM, "%s: cannot listen on %s", what, l->name);
}

static void listener_name(struct listener *l, bool every)
{
	if (every)
		snprintf(l->name, sizeof(l->name), "port %d", addr_port(&l->addr));
	else
		addr_text(l->name, &l->addr);
}

static err listener_bind(struct listener *l, bool every)
{
	int fd = open_displacing(l, every);
	if (fd < 0 && every && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		(void)addr_literal(&l->addr, "0.0.0.0", addr_port(&l->addr));
		fd = open_displacing(l, every);
	}
	if (fd < 0)
		return listen_failed(l);
	l->rfd.fd = fd;
	return OK;
}

/* The descriptor is bound and listens already; it only has to be of the kind that is used here. */
static err listener_inherit(struct listener *l)
{
	int fd = l->opts.fd, listens = 0;
	socklen_t n = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || !listens)
		return err_fail(ERR_SYSTEM, "%s: descriptor %d was inherited, but does not listen",
				l->opts.what, fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "%s: descriptor %d", l->opts.what, fd);
	l->rfd.fd = fd;
	return OK;
}

err listener_open(struct listener **out, const struct listen_opts *opts)
{
	struct listener *l = mem_new(struct listener);
	bool every = !*opts->at.host;
	l->opts = *opts;
	l->warned_ms = INT64_MIN / 2;
	set_addr(l, every);
	listener_name(l, every);
	err e = opts->fd ? listener_inherit(l) : listener_bind(l, every);
	l->opts.displaces = NULL; /* borrowed for this call only */
	if (e != OK) {
		if (opts->fd)
			close(opts->fd);
		free(l);
		return e;
	}
	l->addr.len = sizeof(l->addr.sa);
	getsockname(l->rfd.fd, (struct sockaddr *)&l->addr.sa, &l->addr.len);
	listener_name(l, every); /* now with the port, if it was 0 */
	*out = l;
	return OK;
}

void listener_update(struct listener *listener, const struct listen_opts *opts)
{
	listener->opts.what = opts->what;
	listener->opts.tls = opts->tls;
	listener->opts.mixed = opts->mixed;
	listener->opts.on_accept = opts->on_accept;
	listener->opts.ctx = opts->ctx;
}

int listener_fd(const struct listener *listener)
{
	return listener->rfd.fd;
}

int listener_port(const struct listener *listener)
{
	return addr_port(&listener->addr);
}

/* False when nothing more can be accepted now. */
static bool accept_one(struct listener *l)
{
	struct sock *sock;
	int fd = accept4(l->rfd.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return false;
	err e = sock_wrap(&sock, fd);
	if (e != OK) {
		log_end(e, "%s: accept", l->opts.what);
		return true;
	}
	if (l->opts.tls)
		tls_expect(sock, l->opts.tls, l->opts.mixed);
	l->opts.on_accept(l->opts.ctx, sock);
	return true;
}

/* Without a pause this loop would spin: the connection that cannot be had stays in the queue. */
static void accept_exhausted(struct listener *l)
{
	int number = errno;
	int64_t now = clock_ms();
	if (now - l->warned_ms >= WARN_EVERY_MS) {
		l->warned_ms = now;
		log_warn("%s: cannot accept on %s: %s; new connections wait", l->opts.what, l->name,
			 strerror(number));
	}
	(void)!co_sleep(PAUSE_MS);
}

static bool is_passing(int number)
{
	/* Errors of the connection that was to be accepted, not of ours. */
	return number == EINTR || number == ECONNABORTED || number == EPROTO ||
	       number == ENETDOWN || number == ENOPROTOOPT || number == EHOSTDOWN ||
	       number == EHOSTUNREACH || number == ENETUNREACH || number == EPERM;
}

static void accept_loop(void *arg)
{
	struct listener *l = arg;
	l->rfd.waiter = co_self();
	for (int batch = 0; !co_stopping();) {
		if (accept_one(l)) {
			if (++batch < ACCEPT_BATCH)
				continue;
			batch = 0;
			co_yield ();
		} else if (errno == EAGAIN) {
			batch = 0;
			l->rfd.ready = 0;
			(void)!co_wait(CLOCK_NEVER);
		} else if (!is_passing(errno)) {
			accept_exhausted(l);
		}
	}
}

void listener_start(struct listener *listener)
{
	err e = reactor_add(&listener->rfd, listener->rfd.fd);
	if (e != OK) {
		log_end(e, "%s: listen", listener->opts.what);
		return;
	}
	listener->co = co_start("listen", accept_loop, listener);
	if (!listener->co)
		log_error("%s: no memory to accept connections", listener->opts.what);
}

void listener_close(struct listener **listener)
{
	struct listener *l = *listener;
	if (!l)
		return;
	bool accepts = l->co;
	co_stop(l->co);
	co_join(&l->co);
	reactor_remove(&l->rfd); /* nobody is there any more to be woken */
	for (int i = 1; accepts && i <= BACKLOG && accept_one(l); i++)
		if (i % ACCEPT_BATCH == 0)
			co_yield ();
	close(l->rfd.fd);
	free(l);
	*listener = NULL;
}
