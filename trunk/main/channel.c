#include "main/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

err channel_open(struct channel *c, int fd)
{
	c->fd = fd;
	c->in = (struct buf){.max = 2 * CHANNEL_LINE_MAX};
	c->out = c->held = (struct buf){.max = CHANNEL_OUT_MAX};
	c->holds = false;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return err_sys(ERR_SYSTEM, "the channel of an upgrade");
	TRY(reactor_add(&c->rfd, fd));
	c->rfd.ready = REACTOR_IN | REACTOR_OUT;
	return OK;
}

void channel_put(struct channel *c, const char *word, const char *text)
{
	if (strlen(text) + strlen(word) >= CHANNEL_LINE_MAX - 1 || strchr(text, '\n'))
		return;
	buf_printf(c->holds ? &c->held : &c->out, "%s %s\n", word, text);
	if (c->co && !c->holds)
		co_wake(c->co);
}

void channel_hold(struct channel *c)
{
	c->holds = true;
}

void channel_release(struct channel *c)
{
	buf_put(&c->out, c->held.p, c->held.n);
	buf_free(&c->held);
	c->holds = false;
	if (c->co)
		co_wake(c->co);
}

static err send_some(struct channel *c)
{
	while (c->out.n) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
		if (n > 0)
			buf_drop(&c->out, (size_t)n);
		else if (errno == EAGAIN)
			return OK;
		else if (errno != EINTR)
			return ERR_CLOSED;
	}
	return OK;
}

void channel_send(struct channel *c)
{
	(void)!send_some(c);
}

static err take_lines(struct channel *c)
{
	for (;;) {
		char *text = (char *)c->in.p, *end = c->in.n ? memchr(text, '\n', c->in.n) : NULL;
		if (!end)
			return c->in.n > CHANNEL_LINE_MAX ? ERR_LIMIT : OK;
		*end = '\0';
		TRY(c->on_line(c, text));
		buf_drop(&c->in, (size_t)(end - text) + 1);
	}
}

static err receive_some(struct channel *c)
{
	static char part[CHANNEL_LINE_MAX]; /* nothing here waits */
	for (;;) {
		ssize_t n = recv(c->fd, part, sizeof(part), 0);
		if (n == 0)
			return ERR_CLOSED;
		if (n < 0 && errno == EAGAIN)
			return OK;
		if (n < 0 && errno != EINTR)
			return ERR_CLOSED;
		if (n > 0)
			buf_put(&c->in, part, (size_t)n);
		TRY(take_lines(c));
	}
}

err channel_run(struct channel *c, const int64_t *deadline)
{
	c->co = co_self();
	c->rfd.waiter = c->co;
	for (;;) {
		c->rfd.ready = 0;
		TRY(receive_some(c));
		TRY(send_some(c));
		TRY(co_wait(*deadline));
	}
}

void channel_close(struct channel *c)
{
	reactor_remove(&c->rfd);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->held);
	c->co = NULL;
}
