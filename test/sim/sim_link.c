/* Links between simulated nodes. A stream is one message each half second: enough for the program to see that it
 * lives, and for its loss to be noticed as it would be. They have no descriptors, of which a host allows a process
 * some ten thousands: what would be an event of the kernel wakes the coroutine that has the socket. */
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/link.h"
#include "sim/world.h"
#include "unit/live/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct sim_link {
	struct link link;
	struct sock sock;
	struct node *to;
	int arrived;                 /* messages that were not read yet */
	bool closed;                 /* by the other end */
	struct link_refusal verdict; /* of the play; why: OK when it feeds */
	uint32_t ts;
	bool feeds;
	struct sim_link *prev, *next; /* of the origin that feeds it */
};

static struct sim_link *of(struct link *link)
{
	return container_of(link, struct sim_link, link);
}

/* A process that has died refuses connections, and a host that has answers nothing. */
static err no_answer(const struct node *to, const char *name, int64_t deadline)
{
	if (!to || !to->silent)
		return err_fail(ERR_CONNECT, "%s refuses connections", name);
	TRY(co_sleep(deadline - clock_ms()));
	return err_fail(ERR_TIMEOUT, "%s does not answer", name);
}

static err open_link(struct link **out, const struct link_opts *opts, struct link_refusal *said)
{
	struct world *world = the_world;
	struct node *to = map_get(world->by_rtmp, opts->name);
	(void)said;
	/* TCP's handshake, RTMP's and connect: three times there and back. */
	TRY(co_sleep(3 * world->costs.rtt_us / 1000));
	if (!to || to->dead)
		return no_answer(to, opts->name, opts->deadline);
	struct sim_link *l = mem_new(struct sim_link);
	l->sock.rfd.fd = -1;
	l->sock.recv_ms = l->sock.send_ms = clock_ms();
	l->link.ops = &sim_link;
	l->link.sock = &l->sock;
	l->to = to;
	snprintf(l->link.name, sizeof(l->link.name), "%s", opts->name);
	*out = &l->link;
	return OK;
}

static void refuse(struct sim_link *l, err why, const char *redirect)
{
	l->verdict.why = why;
	snprintf(l->verdict.description, sizeof(l->verdict.description), "%s",
		 why == ERR_NOTFOUND ? "the stream is nowhere" : "it is elsewhere");
	snprintf(l->verdict.redirect, sizeof(l->verdict.redirect), "%s", redirect);
}

/* The origin's side, as session/locate.c has it. */
static void locate(struct sim_link *l, const struct upstream_request *request)
{
	struct node *n = l->to;
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	enum coworker_want age = *request->redirected ? COWORKER_FRESH : COWORKER_KEPT;
	err e = coworker_find(n->server->cluster, &n->server->conf->vhosts[0], request->target, age,
			      NULL, answer);
	if (node_has(n, request->target->stream))
		e = OK;
	else if (e == OK)
		refuse(l, ERR_REDIRECT, answer->rtmp);
	else
		refuse(l, ERR_NOTFOUND, "");
	l->verdict.absent_at = answer->absent_at;
	n->redirects += l->verdict.why == ERR_REDIRECT;
	n->not_found += l->verdict.why == ERR_NOTFOUND;
	free(answer);
}

static void wake(const struct sim_link *l)
{
	if (l->sock.rfd.waiter)
		co_wake(l->sock.rfd.waiter);
}

static void say(struct sim_link *l)
{
	if (l->closed)
		return;
	l->arrived++;
	wake(l);
}

static err play(struct link *link, const struct upstream_request *request)
{
	struct sim_link *l = of(link);
	struct node *n = l->to;
	n->plays++;
	int64_t done = node_work(n, n->world->costs.play_us);
	TRY(co_sleep((done - clock_us() + n->world->costs.rtt_us + 999) / 1000));
	if (n->dead)
		return no_answer(n, link->name, sock_deadline(link->sock));
	if (!node_has(n, request->target->stream))
		locate(l, request);
	l->feeds = !l->verdict.why;
	if (l->feeds)
		DL_APPEND(n->links, l);
	say(l);
	return OK;
}

static err next(struct link *link, struct link_media *out, struct link_refusal *said)
{
	struct sim_link *l = of(link);
	*out = (struct link_media){0};
	if (l->verdict.why) {
		*said = l->verdict;
		return err_fail(said->why, "%s", said->description);
	}
	if (!l->arrived)
		return l->closed ? err_fail(ERR_CLOSED, "%s is gone", link->name) : ERR_AGAIN;
	l->arrived--;
	l->sock.recv_ms = clock_ms();
	out->msg = l->ts ? picture(40) : key_frame(50);
	out->raw = l->ts;
	l->ts += 500;
	return OK;
}

static void ping(struct link *link)
{
	link->ping_ms = clock_ms();
}

static err flush(struct link *link)
{
	(void)link;
	return OK;
}

static void free_link(struct link *link)
{
	struct sim_link *l = of(link);
	if (l->feeds)
		DL_DELETE(l->to->links, l);
	free(l);
}

const struct link_ops sim_link = {
	.members = MEMBER_RTMP,
	.open = open_link,
	.play = play,
	.next = next,
	.ping = ping,
	.flush = flush,
	.free = free_link,
};

void sim_links_tick(struct node *origin)
{
	struct sim_link *l;
	DL_FOREACH (origin->links, l)
		say(l);
}

void sim_links_drop(struct node *origin)
{
	struct sim_link *l;
	DL_FOREACH (origin->links, l) {
		l->closed = true;
		wake(l);
	}
}
