/* The story of one push: the stream of a publisher on this server goes on to an origin. The push is
 * a consumer of the local source, so the encoder never feels what becomes of an origin: when one is
 * lost, the next one gets the stream from the last key frame on.
 *
 *   push_main    once the push before is over, and until the publisher leaves: round after round
 *   push_round   each origin once, following redirects
 *   carry        one origin: send, look at what it says, watch that it is alive */
#include "cluster/push.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/inside.h"
#include "cluster/relay_facts.h"
#include "cluster/upstream_connect.h"
#include "node/rtmp_send.h"
#include "rtmp/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	CONNECT_MS = 3000, /* dial to the answer to publish */
	PING_MS = 700,     /* a frozen origin goes on accepting megabytes: ask this often */
	PONG_MS = 1000,    /* what it needs to answer, once its kernel has the ping */
	UNTAKEN_MS = 5000, /* what it may take to get the ping through a slow line */
	FINISH_MS = 1500,  /* for what is left when the publisher leaves */
	SLICE_MESSAGES = 64,
};

struct push {
	struct push *prev, *next; /* of the same stream */
	struct cluster *cluster;
	struct conf *conf;
	const struct conf_vhost *vhost;
	struct source *source;
	const struct target *target; /* of the session, which outlives the push */
	const char *page_url, *swf_url, *path;
	char redirected[600]; /* servers that have redirected it since it last began at an origin */
	struct co *session, *co;
	enum push_state state;
	struct rtmp_refusal refusal;
	struct upstream_conn up;
	struct consumer consumer;
	struct cursor cursor;
	struct send_monitor send_monitor;
	bool finishing;
	bool carried;    /* this round had an origin that took the stream */
	bool superseded; /* that origin found an earlier publisher elsewhere and said so */
	int64_t lost_ms; /* since when there is no origin */
	int64_t ping_ms, ping_end; /* our ping: when, and the byte behind it */
	struct relay_facts facts;
};

enum push_state push_state(const struct push *push)
{
	return push->state;
}

bool push_is_outdone(const struct push *push)
{
	return push->superseded;
}

const struct rtmp_refusal *push_refusal(const struct push *push)
{
	return &push->refusal;
}

const struct relay_facts *push_facts(const struct push *push)
{
	return &push->facts;
}

/* ---- others of the same stream ---- */

/* Two publishers may try at the same time to have the same stream taken, and one that leaves has last
 * words: shown is the first of the list, who began, or was accepted, last. */
static void show(struct push *p)
{
	struct map *pushes = p->cluster->pushes;
	struct push *list = map_get(pushes, p->source->key);
	if (p->prev)
		DL_DELETE(list, p);
	DL_PREPEND(list, p);
	map_set(pushes, p->source->key, list);
}

static void wake(const struct push *p)
{
	if (p->co)
		co_wake(p->co);
}

static void hide(struct push *p)
{
	struct map *pushes = p->cluster->pushes;
	struct push *list = map_get(pushes, p->source->key), *other;
	DL_DELETE(list, p);
	if (list)
		map_set(pushes, p->source->key, list);
	else
		map_remove(pushes, p->source->key);
	DL_FOREACH (list, other)
		wake(other);
}

static bool is_another_leaving(const struct push *p)
{
	const struct push *other;
	DL_FOREACH (map_get(p->cluster->pushes, p->source->key), other)
		if (other != p && other->finishing)
			return true;
	return false;
}

/* For an origin there is one publisher: the former one is over before the next one asks. */
static err wait_for_former(struct push *p)
{
	while (is_another_leaving(p) && !p->finishing)
		TRY(co_wait(CLOCK_NEVER));
	p->lost_ms = clock_ms();
	return OK;
}

static void set_state(struct push *p, enum push_state state)
{
	p->state = state;
	co_wake(p->session);
}

/* ---- one origin ---- */

/* What a feeder before has sent is not sent again: the origin has had it from there. */
static void join(struct push *p)
{
	source_cursor_open(p->source, &p->cursor,
			   &(struct cursor_opts){
				   .format = &wire_rtmp,
				   .stream_id = p->up.stream_id,
				   .from_start = source_has_own_gop(p->source),
			   });
	consumer_open(&p->consumer, p->source,
		      &(struct consumer_opts){.kind = CONSUMER_RELAY, .co = p->co});
}

static err send_some(struct push *p)
{
	int64_t sent = 0; /* the statistics of the source are about players */
	return rtmp_send_wire(&p->send_monitor, p->up.conn, &p->cursor, &sent);
}

static err take_input(struct push *p)
{
	for (int n = 0; n < SLICE_MESSAGES; n++) {
		struct rtmp_msg m = {0};
		err e = rtmp_try_recv(p->up.conn, &m);
		if (!e)
			e = rtmp_client_status(p->up.conn, &m, &p->refusal);
		rtmp_msg_fini(&m);
		if (e == ERR_AGAIN)
			return OK;
		if (e)
			return e;
	}
	co_wake(co_self()); /* an origin that talks without end gets its turns like others */
	return OK;
}

/* A ping at short intervals. Its pong is due when the origin's kernel has had it for a while: on a
 * slow line it stands behind the media. */
static err check_alive(struct push *p, int64_t *deadline)
{
	struct rtmp_conn *conn = p->up.conn;
	int64_t now = clock_ms();
	if (p->ping_ms && conn->pong_ms >= p->ping_ms)
		p->ping_ms = 0;
	if (p->ping_ms) {
		bool through =
			sock_wire_acked(conn->sock) >= p->ping_end && !cursor_pending(&p->cursor);
		int64_t limit = through ? PONG_MS : UNTAKEN_MS;
		*deadline = p->ping_ms + limit < now + PONG_MS / 4 ? p->ping_ms + limit
								   : now + PONG_MS / 4;
		return now < p->ping_ms + limit
			       ? OK
			       : err_fail(ERR_TIMEOUT, "it does not answer a ping (%lld ms)",
					  (long long)limit);
	}
	*deadline = (conn->pong_ms ? conn->pong_ms : now) + PING_MS;
	if (!conn->pong_ms || now >= *deadline) {
		conn->ping_ms = 0;
		rtmp_put_ping(conn);
		TRY(send_some(p));
		p->ping_ms = now;
		p->ping_end = sock_wire_sent(conn->sock);
		*deadline = now + PONG_MS / 4;
	}
	return OK;
}

static err carry(struct push *p)
{
	struct viewer_report telling = {0};
	/* The publisher begins when it has the first origin's word; see push_begin(). */
	while (!p->consumer.source) {
		if (p->finishing)
			return OK;
		TRY(co_wait(CLOCK_NEVER));
	}
	for (;;) {
		int64_t deadline;
		TRY(take_input(p));
		announce_players(&telling, p->up.conn, &p->up.peer, p->source);
		TRY(send_some(p));
		if (p->finishing && !cursor_pending(&p->cursor))
			return OK;
		TRY(check_alive(p, &deadline));
		err e = send_monitor_wait(&p->send_monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void say_goodbye(struct push *p, const char *name)
{
	struct rtmp_conn *conn = p->up.conn;
	sock_set_deadline(conn->sock, clock_after(FINISH_MS));
	rtmp_put_command(conn, CSID_CONNECTION, 0, "FCUnpublish", 5, amf_null(), amf_string(name),
			 NULL);
	rtmp_put_command(conn, CSID_CONNECTION, 0, "deleteStream", 6, amf_null(),
			 amf_number(p->up.stream_id), NULL);
	if (rtmp_flush(conn) == OK)
		sock_close_gently(&conn->sock, FINISH_MS / 3);
}

static void accepted(struct push *p)
{
	bool first = !*p->facts.peer;
	show(p);
	relay_facts_meet(&p->facts, &p->up);
	if (!first && strcmp(p->facts.peer, p->up.name) != 0) {
		p->facts.switches++;
		p->cluster->server->stat.switches++;
		log_warn("%s: push switched from %s to %s: %s", p->source->key, p->facts.peer,
			 p->up.name, p->facts.reason);
	} else {
		log_info("%s: pushing to %s", p->source->key, p->up.name);
	}
	snprintf(p->facts.peer, sizeof(p->facts.peer), "%s", p->up.name);
	p->facts.since_wall_ms = clock_wall_ms();
	p->carried = true;
	p->lost_ms = 0;
	p->ping_ms = 0;
	if (p->state == PUSH_ACCEPTED)
		join(p);
	else
		set_state(p, PUSH_ACCEPTED);
}

static struct upstream_request request_of(const struct push *p)
{
	return (struct upstream_request){
		.server = p->cluster->server,
		.vhost = p->vhost,
		.target = p->target,
		.page_url = p->page_url,
		.swf_url = p->swf_url,
		.path = p->path,
		.redirected = p->redirected,
		.publish = true,
	};
}

/* The connected origin is asked to take the stream, and gets it. */
static err use(struct push *p, const char *name, int64_t deadline)
{
	struct rtmp_conn *conn = p->up.conn;
	struct upstream_request request = request_of(p);
	sock_set_deadline(conn->sock, deadline);
	memset(&p->refusal, 0, sizeof(p->refusal));
	if (conn->out_chunk_size != p->source->opts.chunk_size)
		rtmp_put_chunk_size(conn, p->source->opts.chunk_size);
	err e = rtmp_client_publish(conn, p->up.stream_id, name, upstream_proof(&request, &p->up),
				    &p->refusal);
	sock_set_deadline(conn->sock, CLOCK_NEVER);
	if (!e) {
		accepted(p);
		sock_attach(conn->sock);
		sock_set_quick(conn->sock, false);
		e = carry(p);
		p->superseded = e == ERR_BUSY;
		if (!e)
			say_goodbye(p, name);
		cursor_close(&p->cursor);
		consumer_close(&p->consumer);
		p->lost_ms = clock_ms();
	}
	rtmp_conn_free(&p->up.conn);
	if (e)
		snprintf(p->facts.reason, sizeof(p->facts.reason), "%s", err_trail(e));
	return e;
}

static err follow(struct push *p, const char *name, int64_t deadline)
{
	struct upstream_request request = request_of(p);
	err e = use(p, name, deadline);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		TRY(upstream_follow(&p->up, n, &request, deadline, p->redirected,
				    sizeof(p->redirected), &p->refusal));
		e = use(p, name, deadline);
	}
	return e;
}

/* ---- one round ---- */

static int64_t start_deadline(const struct push *p)
{
	int64_t until = clock_ms() + CONNECT_MS;
	int64_t start = p->lost_ms + p->vhost->cluster.upstream_start_timeout_ms;
	return p->state == PUSH_TRYING && start < until ? start : until;
}

/* Each origin once: OK when the publisher has left, else why the last one did not do. */
static err push_round(struct push *p, const char *name)
{
	struct upstream *list[UPSTREAMS_MAX];
	int count = upstream_order(p->cluster, p->vhost, false, p->source->key, list);
	struct upstream_request request = request_of(p);
	err e = err_fail(ERR_UPSTREAM, "no origin is configured");
	p->carried = false;
	while (count > 0 && !co_stopping() && !p->finishing) {
		*p->redirected = '\0';
		e = upstream_connect(&p->up, list, count, &request, start_deadline(p), &p->refusal);
		if (e)
			return e;
		struct upstream *origin = p->up.origin;
		e = follow(p, name, start_deadline(p));
		if (e && p->carried && e != ERR_STOPPED && e != ERR_BUSY)
			upstream_lost(p->cluster, p->up.name, e);
		if (!e || p->carried || e == ERR_STOPPED)
			return e;
		bool refused = *p->refusal.code && e != ERR_REDIRECT;
		if (refused && p->state == PUSH_TRYING)
			return e; /* the first origin's word is what the encoder hears */
		log_info("%s: %s does not take the stream: %s", p->source->key, origin->name,
			 err_trail(e));
		if (!refused)
			upstream_lost(p->cluster, p->up.name, e);
		count = upstream_remove(list, count, origin);
	}
	return e;
}

/* ---- the whole story ---- */

static bool give_up(struct push *p, err e)
{
	const struct conf_cluster *conf = &p->vhost->cluster;
	bool starting = p->state == PUSH_TRYING;
	int64_t limit = starting ? conf->upstream_start_timeout_ms : conf->upstream_timeout_ms;
	bool refused = starting && *p->refusal.code;
	if (!p->lost_ms)
		p->lost_ms = clock_ms();
	if (!refused && clock_ms() - p->lost_ms < limit)
		return false;
	if (!refused) {
		memset(&p->refusal, 0, sizeof(p->refusal));
		snprintf(p->refusal.description, sizeof(p->refusal.description),
			 "no origin could be had for %lld s: %.200s", (long long)(limit / 1000),
			 err_trail(e));
	}
	set_state(p, refused ? PUSH_REFUSED : PUSH_FAILED);
	return true;
}

static void push_run(struct push *p, const char *name)
{
	int64_t wait = 0;
	while (!co_stopping() && !p->finishing) {
		err e = push_round(p, name);
		if (!e || e == ERR_STOPPED || p->finishing)
			return;
		if (p->superseded) {
			set_state(p, PUSH_FAILED);
			return;
		}
		if (p->carried) {
			wait = 0;
			continue; /* lost: the next origin at once */
		}
		p->cluster->server->stat.upstream_failures += err_severity(e) != ERR_LOCAL;
		log_warn("%s: no origin takes the stream now: %s", p->source->key, err_trail(e));
		if (give_up(p, e))
			return;
		int64_t until = upstream_retry_at(&wait);
		while (clock_ms() < until && !p->finishing && co_wait(until) == OK)
			;
	}
}

static void push_main(void *arg)
{
	struct push *p = arg;
	struct upstream_request request = request_of(p);
	char *name = upstream_stream_name(&request);
	if (wait_for_former(p) == OK)
		push_run(p, name);
	free(name);
}

struct push *push_start(struct cluster *cluster, struct source *source,
			const struct conf_vhost *vhost, const struct target *target,
			const char *page_url, const char *swf_url, const char *path, struct co *co)
{
	struct push *p = mem_new(struct push);
	p->cluster = cluster;
	p->conf = conf_ref(cluster->server->conf);
	p->vhost = vhost;
	p->source = source_ref(source);
	p->target = target;
	p->page_url = page_url;
	p->swf_url = swf_url;
	p->path = path;
	p->session = co;
	p->facts.kind = "push";
	p->facts.cursor = &p->cursor;
	p->co = co_start("push", push_main, p);
	if (!p->co)
		p->state = PUSH_FAILED;
	show(p);
	return p;
}

void push_begin(struct push *p)
{
	if (!p)
		return;
	join(p);
	wake(p);
}

void push_leave(struct push *p)
{
	if (!p)
		return;
	p->finishing = true;
	wake(p);
}

/* The publisher has left: what it sent before goes out, as far as that is possible soon. */
void push_stop(struct push **push)
{
	struct push *p = *push;
	*push = NULL;
	if (!p)
		return;
	push_leave(p);
	co_join_within(&p->co, FINISH_MS);
	hide(p);
	source_unref(&p->source);
	conf_unref(&p->conf);
	free(p);
}
