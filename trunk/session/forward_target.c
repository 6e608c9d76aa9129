#include "session/forward_target.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/upstream_connect.h"
#include "session/forward_way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 8000,  /* dial to the answer to publish: services far away take their time */
	STALLED_MS = 10000, /* a destination that acknowledges nothing for so long is lost */
	FINISH_MS = 1500,   /* for what is left at the end of the stream */
	STEADY_MS = 10000,  /* live for so long: the next loss is a first one */
	RETRY_MS = 500,     /* after a first loss; twice as long after each further one, */
	RETRY_MAX_MS =
		30000 /* but no longer; a quarter more or less, so that not all come at once */
};

struct forward_target {
	struct server *server;
	struct conf *conf;
	const struct conf_vhost *vhost;
	struct source *source;
	struct forward_place place;
	char *path;
	struct co *co;
	bool is_over;      /* the stream is, or it shall not go there any more */
	bool is_running;   /* its coroutine is */
	int64_t finish_ms; /* when it is over: until when what is left may go out */
	enum forward_state state;
	int64_t since_ms, since_wall_ms;
	int failures; /* in a row */
	int attempts; /* since it was last live */
	uint64_t losses;
	int64_t sent; /* by the connections before this one */
	char reason[256];
	struct forward_redirection redirection;
	struct forward_order order;
	struct forward_way *way; /* of this attempt */
	struct consumer consumer;
	struct cursor cursor;
};

const char *forward_state_name(enum forward_state state)
{
	static const char *const names[] = {"connecting", "live", "waiting"};
	return names[state];
}

static void set_state(struct forward_target *t, enum forward_state state)
{
	t->state = state;
	t->since_ms = clock_ms();
	t->since_wall_ms = clock_wall_ms();
}

/* ---- a destination that has taken the stream ---- */

static void join(struct forward_target *t)
{
	t->way->ops->join(t->way, &t->cursor);
	consumer_open(&t->consumer, t->source,
		      &(struct consumer_opts){.kind = CONSUMER_INTERNAL, .co = co_self()});
}

static err carry(struct forward_target *t)
{
	struct forward_way *w = t->way;
	for (;;) {
		int64_t deadline = t->is_over ? t->finish_ms : CLOCK_NEVER;
		TRY(w->ops->take(w));
		TRY(w->ops->send(w, &t->cursor));
		if (t->is_over && (!cursor_pending(&t->cursor) || clock_ms() >= t->finish_ms))
			return OK;
		TRY(w->ops->check(w, STALLED_MS, &deadline));
		err e = send_monitor_wait(&w->monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void begin_live(struct forward_target *t)
{
	if (t->reason[0])
		log_info("%s: forwarded to %s again, after %d attempts", t->source->key,
			 t->place.shown, t->attempts);
	else
		log_info("%s: forwarded to %s", t->source->key, t->place.shown);
	set_state(t, FORWARD_LIVE);
	t->attempts = 0;
}

static err use(struct forward_target *t)
{
	begin_live(t);
	join(t);
	err e = carry(t);
	if (!e)
		t->way->ops->finish(t->way, FINISH_MS);
	cursor_close(&t->cursor);
	consumer_close(&t->consumer);
	if (e && e != ERR_STOPPED)
		t->losses++;
	if (clock_ms() - t->since_ms >= STEADY_MS)
		t->failures = t->redirection.count = 0;
	return e;
}

/* ---- an attempt ---- */

static const struct forward_way_ops *way_of(const struct forward_place *place)
{
	return place->srt ? &forward_srt : &forward_rtmp;
}

static err attempt(struct forward_target *t)
{
	const struct forward_way_ops *ops = way_of(&t->place);
	set_state(t, FORWARD_CONNECTING);
	t->attempts++;
	t->way = ops->make();
	t->way->ops = ops;
	t->way->order = &t->order;
	TRY(ops->open(t->way, clock_after(CONNECT_MS)));
	return use(t);
}

/* ---- one attempt after the other ---- */

/* The same reason again and again is told once. */
static void note_failure(struct forward_target *t, err e)
{
	char reason[sizeof(t->reason)];
	snprintf(reason, sizeof(reason), "%s", err_trail(e));
	if (t->failures++ == 0 || strcmp(reason, t->reason) != 0)
		log_warn("%s: not forwarded to %s now: %s", t->source->key, t->place.shown, reason);
	memcpy(t->reason, reason, sizeof(reason));
	set_state(t, FORWARD_WAITING);
}

/* A destination that wants to be left, and does not say where to, is asked again: it says so then. */
static bool moves(struct forward_target *t, err e)
{
	struct forward_redirection *r = &t->redirection;
	if (e == ERR_RECONNECT && !*r->said.redirect)
		return r->count++ < REDIRECTS_MAX;
	return (e == ERR_REDIRECT || e == ERR_RECONNECT) && *r->said.redirect &&
	       r->count < REDIRECTS_MAX;
}

static void pause_for(struct forward_target *t, int64_t ms)
{
	int64_t until = clock_after(ms);
	*t->redirection.said.redirect = '\0';
	t->redirection.count = 0;
	*t->redirection.path = '\0';
	while (!t->is_over && clock_ms() < until && co_wait(until) != ERR_STOPPED)
		;
	while (!t->is_over && !source_is_live(t->source) && co_wait(CLOCK_NEVER) == OK)
		;
}

static void close_way(struct forward_target *t)
{
	t->sent += t->way->ops->sent(t->way);
	t->way->ops->free(t->way);
	t->way = NULL;
}

static void target_free(struct forward_target *t)
{
	forward_place_fini(&t->place);
	source_unref(&t->source);
	conf_unref(&t->conf);
	free(t->path);
	free(t);
}

static void target_main(void *arg)
{
	struct forward_target *t = arg;
	while (!t->is_over && !co_stopping()) {
		err e = attempt(t);
		bool at_once = !e || moves(t, e);
		if (at_once)
			set_state(t, FORWARD_CONNECTING);
		else if (e != ERR_STOPPED && !t->is_over)
			note_failure(t, e);
		close_way(t);
		if (!at_once)
			pause_for(t, backoff_ms(t->failures, RETRY_MS, RETRY_MAX_MS));
	}
	if (!t->is_over) { /* its owner still has it */
		t->is_running = false;
		return;
	}
	target_free(t);
}

struct forward_target *forward_target_start(const struct forward_opts *opts,
					    struct forward_place *place)
{
	struct forward_target *t = mem_new(struct forward_target);
	t->server = opts->server;
	t->conf = conf_ref(opts->server->conf);
	t->vhost = opts->vhost;
	t->source = source_ref(opts->source);
	t->path = mem_strdup(opts->path);
	t->place = *place;
	*place = (struct forward_place){0};
	t->order = (struct forward_order){
		.server = t->server,
		.conf = t->conf,
		.vhost = t->vhost,
		.source = t->source,
		.place = &t->place,
		.path = t->path,
		.ts = opts->ts,
		.redirection = &t->redirection,
	};
	set_state(t, FORWARD_CONNECTING);
	t->co = co_start_in(&opts->server->services, "forward", target_main, t);
	t->is_running = t->co != NULL;
	return t;
}

void forward_target_end(struct forward_target **target)
{
	struct forward_target *t = *target;
	*target = NULL;
	if (!t)
		return;
	t->is_over = true;
	t->finish_ms = clock_after(FINISH_MS);
	if (t->is_running)
		co_wake(t->co);
	else
		target_free(t);
}

void forward_target_wake(struct forward_target *t)
{
	if (t->is_running)
		co_wake(t->co);
}

const char *forward_target_text(const struct forward_target *t)
{
	return t->place.text;
}

void forward_target_facts(const struct forward_target *t, struct forward_facts *out)
{
	bool live = t->state == FORWARD_LIVE;
	*out = (struct forward_facts){
		.url = t->place.shown,
		.state = t->state,
		.since_wall_ms = t->since_wall_ms,
		.attempts = t->attempts,
		.losses = t->losses,
		.reason = t->reason,
		.send_bytes = t->sent + (t->way ? t->way->ops->sent(t->way) : 0),
		.lag_ms = live && t->cursor.wire ? cursor_lag(&t->cursor) : 0,
	};
}
