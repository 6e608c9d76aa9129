#include "session/forward_target.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/upstream_connect.h"
#include "node/send_monitor.h"

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
enum { SLICE_MESSAGES = 64 };

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
	int redirects; /* in a row */
	int64_t sent;  /* by the links before this one */
	char reason[256];
	char redirected[600];
	struct link_refusal said;
	struct link *link;
	struct consumer consumer;
	struct cursor cursor;
	struct send_monitor monitor;
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

/* It sends statuses alone. */
static err take_input(struct forward_target *t)
{
	for (int n = 0; n < SLICE_MESSAGES; n++) {
		struct link_media media;
		err e = t->link->ops->next(t->link, &media, &t->said);
		msg_unref(&media.msg);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

static void join(struct forward_target *t)
{
	source_cursor_open(t->source, &t->cursor,
			   &(struct cursor_opts){
				   .format = &wire_rtmp,
				   .stream_id = t->link->stream_id,
				   .from_start = true,
			   });
	consumer_open(&t->consumer, t->source,
		      &(struct consumer_opts){.kind = CONSUMER_INTERNAL, .co = co_self()});
}

static err carry(struct forward_target *t)
{
	for (;;) {
		int64_t deadline = t->is_over ? t->finish_ms : CLOCK_NEVER;
		TRY(take_input(t));
		TRY(t->link->ops->send(t->link, &t->monitor, &t->cursor));
		if (t->is_over && (!cursor_pending(&t->cursor) || clock_ms() >= t->finish_ms))
			return OK;
		TRY(send_monitor_check(&t->monitor, t->link->sock, STALLED_MS, &deadline));
		err e = send_monitor_wait(&t->monitor, deadline);
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
	t->monitor = (struct send_monitor){0};
	sock_attach(t->link->sock);
	sock_set_quick(t->link->sock, false);
}

static err use(struct forward_target *t)
{
	begin_live(t);
	join(t);
	err e = carry(t);
	char *name =
		e ? NULL
		  : upstream_stream_name(&(struct upstream_request){.target = &t->place.target});
	if (!e)
		t->link->ops->finish(t->link, name, FINISH_MS);
	free(name);
	cursor_close(&t->cursor);
	consumer_close(&t->consumer);
	if (e && e != ERR_STOPPED)
		t->losses++;
	if (clock_ms() - t->since_ms >= STEADY_MS)
		t->failures = t->redirects = 0;
	return e;
}

/* ---- an attempt ---- */

static struct upstream_request request_of(struct forward_target *t)
{
	const char *own = t->vhost->name;
	const char *asked = t->place.target.vhost;
	bool is_named = t->place.text != NULL && strcmp(own, DEFAULT_VHOST) != 0 &&
			!forward_url_stream(t->place.text);
	return (struct upstream_request){
		.protocol = t->place.protocol,
		.server = t->server,
		.vhost = t->vhost,
		.target = &t->place.target,
		.tc_vhost = is_named ? own : asked,
		.page_url = "",
		.swf_url = "",
		.path = t->path,
		.redirected = t->redirected,
		.publish = true,
	};
}

/* The place itself, or where it has redirected to. */
static err reach(struct forward_target *t, const struct upstream_request *request, int64_t deadline)
{
	struct link_opts opts = {.name = t->place.name, .request = request, .deadline = deadline};
	if (*t->said.redirect)
		return upstream_follow(&t->link, t->place.name, t->redirects++, request, deadline,
				       t->redirected, sizeof(t->redirected), &t->said);
	t->said = (struct link_refusal){0};
	return link_open(&t->link, &opts, &t->said);
}

static err attempt(struct forward_target *t)
{
	struct upstream_request request = request_of(t);
	int64_t deadline = clock_after(CONNECT_MS);
	set_state(t, FORWARD_CONNECTING);
	t->attempts++;
	TRY(reach(t, &request, deadline));
	sock_attach(t->link->sock);
	sock_set_deadline(t->link->sock, deadline);
	err e = t->link->ops->publish(t->link, &request, t->source->opts.chunk_size, &t->said);
	sock_set_deadline(t->link->sock, CLOCK_NEVER);
	return e ? e : use(t);
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
	if (e == ERR_RECONNECT && !*t->said.redirect)
		return t->redirects++ < REDIRECTS_MAX;
	return (e == ERR_REDIRECT || e == ERR_RECONNECT) && *t->said.redirect &&
	       t->redirects < REDIRECTS_MAX;
}

static void pause_for(struct forward_target *t, int64_t ms)
{
	int64_t until = clock_after(ms);
	*t->said.redirect = '\0';
	t->redirects = 0;
	*t->redirected = '\0';
	while (!t->is_over && clock_ms() < until && co_wait(until) != ERR_STOPPED)
		;
	while (!t->is_over && !source_is_live(t->source) && co_wait(CLOCK_NEVER) == OK)
		;
}

static void close_link(struct forward_target *t)
{
	if (t->link && t->link->sock)
		t->sent += sock_wire_sent(t->link->sock);
	link_free(&t->link);
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
		close_link(t);
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
		.send_bytes = t->sent + (live ? sock_wire_sent(t->link->sock) : 0),
		.lag_ms = live && t->cursor.wire ? cursor_lag(&t->cursor) : 0,
	};
}
