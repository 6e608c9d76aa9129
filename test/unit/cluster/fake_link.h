/* fake_link - a protocol between servers whose messages are single bytes, for the tests of pulls and pushes
 * without a network. Layer: test.
 *
 * An origin is a row of `origins`. What it says on the newest link to it is written by origin_say(): 'k' a
 * key frame, 'p' another picture, 'u' the stream is over, 'x' kicked, 'b' busy, 'r' a redirect, 'n' not
 * found, 'm' is to be left; closing is closing the far end. */
#pragma once
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/members.h"
#include "cluster/peer.h"
#include "support/pair.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "unit/live/media.h"

#include "base/mem.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

struct fake_origin {
	const char *name;
	bool down;         /* connections fail */
	bool frozen;       /* no sign of life is given */
	err refuses;       /* a publish, with words of its own */
	const char *run;   /* see link.h */
	int64_t lost_ms;   /* likewise */
	const char *first; /* said as soon as it is asked to play */
	const char *moved; /* where a redirect leads */
	int absent_at;     /* with 'n' */
	/* what has happened */
	int opens, plays, publishes, finishes, frees;
	size_t sent;
	struct fake_link *link; /* the newest one; NULL */
};

struct fake_link {
	struct link link;
	struct pair pair;
	struct fake_origin *origin;
	uint32_t ts;
};

enum { ORIGINS = 3 };
static struct fake_origin origins[ORIGINS];

static inline struct fake_link *fake_of(struct link *link)
{
	return container_of(link, struct fake_link, link);
}

static inline void origin_say(struct fake_origin *o, const char *text)
{
	size_t n = strlen(text);
	if (o->link && o->link->pair.far)
		assert_int_equal(sock_send(o->link->pair.far, text, n), OK);
}

static inline void origin_close(struct fake_origin *o)
{
	if (o->link)
		sock_close(&o->link->pair.far);
}

static inline struct fake_origin *origin_named(const char *name)
{
	for (int i = 0; i < ORIGINS; i++)
		if (origins[i].name && strcmp(origins[i].name, name) == 0)
			return &origins[i];
	return NULL;
}

static const struct link_ops fake_ops;

static err fake_open(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	struct fake_origin *o = origin_named(opts->name);
	(void)said;
	if (!o || o->down)
		return err_fail(ERR_CONNECT, "%s is down", opts->name);
	struct fake_link *l = mem_new(struct fake_link);
	TRY(pair_open(&l->pair, 1, 2));
	l->link.ops = &fake_ops;
	l->link.sock = l->pair.near;
	snprintf(l->link.name, sizeof(l->link.name), "%s", opts->name);
	snprintf(l->link.run, sizeof(l->link.run), "%s", o->run ? o->run : "");
	l->link.lost_ms = o->lost_ms;
	l->origin = o;
	o->opens++;
	o->link = l;
	*out = &l->link;
	return OK;
}

static err fake_play(struct link *link, const struct upstream_request *request)
{
	struct fake_origin *o = fake_of(link)->origin;
	(void)request;
	o->plays++;
	if (o->first)
		origin_say(o, o->first);
	return OK;
}

static err refuse(struct link_refusal *said, err why, const char *words)
{
	*said = (struct link_refusal){.why = why};
	snprintf(said->description, sizeof(said->description), "%s", words);
	return err_fail(why, "%s", words);
}

static err fake_publish(struct link *link, const struct upstream_request *request,
			uint32_t chunk_size, struct link_refusal *said)
{
	struct fake_origin *o = fake_of(link)->origin;
	(void)request;
	(void)chunk_size;
	o->publishes++;
	if (o->refuses)
		return refuse(said, o->refuses, "it does not want it");
	return OK;
}

static err fake_word(struct fake_link *l, char c, struct link_media *out, struct link_refusal *said)
{
	switch (c) {
	case 'u':
		return refuse(said, ERR_ENDED, "the stream is over");
	case 'x':
		return refuse(said, ERR_KICKED, "the operator has had enough");
	case 'b':
		return refuse(said, ERR_BUSY, "it is published elsewhere");
	case 'n':
		(void)refuse(said, ERR_NOTFOUND, "there is no such stream");
		said->absent_at = l->origin->absent_at;
		return err_plain(ERR_NOTFOUND);
	case 'm':
		(void)refuse(said, ERR_RECONNECT, "it is being shut down");
		snprintf(said->redirect, sizeof(said->redirect), "%s",
			 l->origin->moved ? l->origin->moved : "");
		return err_plain(ERR_RECONNECT);
	case 'd':
		return refuse(said, ERR_DENIED, "not for you");
	case 'r':
		(void)refuse(said, ERR_REDIRECT, "it is elsewhere");
		snprintf(said->redirect, sizeof(said->redirect), "%s",
			 l->origin->moved ? l->origin->moved : "");
		return err_fail(ERR_REDIRECT, "it is elsewhere");
	default:
		out->msg = c == 'k' ? key_frame(50) : picture(40);
		out->msg->payload[30] = (uint8_t)l->ts;
		out->raw = l->ts;
		l->ts += 40;
		return OK;
	}
}

static err fake_next(struct link *link, struct link_media *out, struct link_refusal *said)
{
	struct fake_link *l = fake_of(link);
	char c;
	size_t n;
	*out = (struct link_media){0};
	if (!l->origin->frozen)
		link->pong_ms = clock_ms();
	TRY(sock_try_recv(link->sock, &c, 1, &n));
	return fake_word(l, c, out, said);
}

static err fake_send(struct link *link, struct send_monitor *monitor, struct cursor *cursor)
{
	struct iovec iov[8];
	int count;
	while ((count = cursor_gather(cursor, iov, 8, 65536)) > 0) {
		size_t n = 0;
		for (int i = 0; i < count; i++)
			n += iov[i].iov_len;
		cursor_advance(cursor, n);
		fake_of(link)->origin->sent += n;
	}
	monitor->left = LEFT_NOTHING;
	return OK;
}

static void fake_report(struct link *link, const struct source *source)
{
	(void)link;
	(void)source;
}

static void fake_ping(struct link *link)
{
	link->ping_ms = clock_ms();
}

static err fake_flush(struct link *link)
{
	(void)link;
	return OK;
}

static void fake_finish(struct link *link, const char *stream, int64_t ms)
{
	(void)stream;
	(void)ms;
	fake_of(link)->origin->finishes++;
}

static void fake_free(struct link *link)
{
	struct fake_link *l = fake_of(link);
	l->origin->frees++;
	if (l->origin->link == l)
		l->origin->link = NULL;
	pair_close(&l->pair);
	free(l);
}

static const struct link_ops fake_ops = {
	.members = MEMBER_RTMP,
	.open = fake_open,
	.play = fake_play,
	.publish = fake_publish,
	.next = fake_next,
	.send = fake_send,
	.report = fake_report,
	.ping = fake_ping,
	.flush = fake_flush,
	.finish = fake_finish,
	.free = fake_free,
};

/* rtmp://h/live/x */
static char fake_texts[][8] = {"h", "h", "live", "x", ""};
static const struct target fake_target = {
	true, 1935, fake_texts[0], fake_texts[1], fake_texts[2], fake_texts[3], fake_texts[4]};

/* Around a test: one origin, that of 127.0.0.1:11, and time that passes only when everybody waits. */
static inline int fake_link_setup(void **state)
{
	memset(origins, 0, sizeof(origins));
	origins[0].name = "127.0.0.1:11";
	return co_setup_fake_time(state);
}

/* An edge of the origins that have a name. */
static inline struct server *fake_edge(const char *more)
{
	char names[200] = "";
	for (int i = 0; i < ORIGINS; i++)
		if (origins[i].name) {
			size_t n = strlen(names);
			snprintf(names + n, sizeof(names) - n, " %s", origins[i].name);
		}
	char *content = mem_printf("cluster { mode remote; origin%s; %s }", names, more);
	char *conf = test_server_vhost(content);
	struct server *server = test_server_new(conf);
	server->cluster->instead = &fake_ops;
	members_follow(server->cluster);
	free(content);
	free(conf);
	return server;
}

/* Until it is so; false when it does not come. */
#define eventually(condition)                                                                      \
	({                                                                                         \
		int64_t until_ = clock_after(4000);                                                \
		while (!(condition) && clock_ms() < until_)                                        \
			(void)co_sleep(5);                                                         \
		(condition);                                                                       \
	})
