/* Listening. A bare port is one IPv6 socket that takes IPv4 too, or IPv4 alone where the host has
 * no IPv6. A port is exclusive by plain bind: it fails when anybody listens there, sharing or not;
 * only with reuse_port do we share, and then with those alone who share as well. */
#include "net/listen.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
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

static bool all_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* True in *every when the text names no address: then it is [::], and 0.0.0.0 will do. */
static err listen_addr(struct addr *out, bool *every, const char *what, const char *text)
{
	struct hostport hp;
	char with_host[ADDR_TEXT_MAX];
	*every = all_digits(text) && strlen(text) <= 5;
	if (*every) {
		memcpy(with_host, "[::]:", 5);
		memcpy(with_host + 5, text, strlen(text) + 1);
		text = with_host;
	}
	if (hostport_parse(&hp, text, 0) != OK)
		return err_add(ERR_CONFIG, "%s: cannot listen", what);
	if (!hp.has_port)
		return err_fail(ERR_CONFIG, "%s: cannot listen on \"%.80s\": no port", what, text);
	const char *host = strcmp(hp.host, "localhost") == 0 ? "127.0.0.1" : hp.host;
	if (!addr_literal(out, host, hp.port))
		return err_fail(ERR_CONFIG, "%s: cannot listen on \"%.80s\": no IP address", what,
				text);
	return OK;
}

static int open_socket(const struct listener *l, bool every)
{
	const int on = 1, only = !every;
	int family = l->addr.sa.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (l->opts.reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&l->addr.sa, l->addr.len) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static err listen_failed(const struct listener *l)
{
	const char *what = l->opts.what;
	if (errno == EADDRINUSE && l->opts.reuse_port)
		return err_fail(ERR_SYSTEM,
				"%s: cannot listen on %s: the port is in use by another process "
				"that does not share it; stop it or change `listen`",
				what, l->name);
	if (errno == EADDRINUSE)
		return err_fail(ERR_SYSTEM,
				"%s: cannot listen on %s: the port is in use by another process; "
				"stop it or change `listen`",
				what, l->name);
	if (errno == EADDRNOTAVAIL)
		return err_fail(ERR_SYSTEM,
				"%s: cannot listen on %s: no such address on this host; "
				"change `listen`",
				what, l->name);
	if (errno == EACCES)
		return err_fail(ERR_SYSTEM,
				"%s: cannot listen on %s: not permitted; ports below 1024 need "
				"root or CAP_NET_BIND_SERVICE",
				what, l->name);
	return err_sys(ERR_SYSTEM, "%s: cannot listen on %s", what, l->name);
}

static void listener_name(struct listener *l, bool every)
{
	if (every)
		snprintf(l->name, sizeof(l->name), "port %d", addr_port(&l->addr));
	else
		addr_text(l->name, &l->addr);
}

static err listener_bind(struct listener *l, const char *text)
{
	bool every;
	TRY(listen_addr(&l->addr, &every, l->opts.what, text));
	listener_name(l, every);
	int fd = open_socket(l, every);
	if (fd < 0 && every && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		(void)addr_literal(&l->addr, "0.0.0.0", addr_port(&l->addr));
		fd = open_socket(l, every);
	}
	if (fd < 0)
		return listen_failed(l);
	l->rfd.fd = fd;
	l->addr.len = sizeof(l->addr.sa);
	getsockname(fd, (struct sockaddr *)&l->addr.sa, &l->addr.len);
	listener_name(l, every); /* now with the port, if it was 0 */
	return OK;
}

err listener_open(struct listener **out, const struct listen_opts *opts)
{
	struct listener *l = mem_new(struct listener);
	l->opts = *opts;
	l->opts.text = NULL; /* borrowed for this call only */
	l->warned_ms = INT64_MIN / 2;
	err e = listener_bind(l, opts->text);
	if (e != OK) {
		free(l);
		return e;
	}
	*out = l;
	return OK;
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
	if (e != OK)
		log_end(e, "%s: accept", l->opts.what);
	else
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
	co_stop(l->co);
	co_join(&l->co);
	reactor_remove(&l->rfd);
	close(l->rfd.fd);
	free(l);
	*listener = NULL;
}
