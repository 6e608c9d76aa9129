#include "session/viewing.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/relays.h"
#include "session/hooks.h"
#include "session/locate.h"

#include <stdlib.h>

enum { DRAINED_MS = 1000 }; /* for the rest of a message, to a client that is ended */

/* ---- its end, from outside ---- */

void viewing_stop(struct viewing *v, enum outcome_code why, const char *text)
{
	if (v->outcome || v->state == VIEWING_OVER)
		return;
	outcome_set(viewing_outcome(v), why, "%s", text);
	v->ops->stop(v);
}

static void on_client_stop(struct client *client, err why)
{
	viewing_stop(container_of(client, struct viewing, client),
		     why == ERR_DRAINED ? OUTCOME_DRAINED : OUTCOME_KICKED, err_text(why));
}

static struct traffic on_client_count(const struct client *client)
{
	const struct viewing *v = container_of_const(client, struct viewing, client);
	return v->ops->count(v);
}

static int64_t on_client_skips(const struct client *client)
{
	const struct viewing *v = container_of_const(client, struct viewing, client);
	return v->ops->skips ? v->ops->skips(v) : v->cursor.skips;
}

/* Another server would take what is kept of the publisher before for a part of the new one's run, with
 * headers of tracks that this one may not have. */
static bool is_start_for_relays(const struct viewing *v)
{
	const struct source *s = v->source;
	return !relays_report(v->request->server->cluster, s).lost_ms &&
	       (!source_is_published(s) || source_has_own_gop(s));
}

bool viewing_from_start(const struct viewing *v)
{
	return v->request->vhost->play.gop_cache &&
	       (!v->request->is_relay || is_start_for_relays(v));
}

int64_t viewing_until(const struct viewing *v)
{
	return v->request->is_relay ? v->request->had_until : 0;
}

/* A stream that is published here leaves with its publisher: until then it can be had nowhere else. */
static bool on_client_reconnect(struct client *client, const char *url)
{
	struct viewing *v = container_of(client, struct viewing, client);
	return v->ops->reconnect && v->state == VIEWING_PLAYING &&
	       !source_is_published(v->source) && v->ops->reconnect(v, url);
}

static const struct client_ops client_ops = {
	.stop = on_client_stop,
	.count = on_client_count,
	.reconnect = on_client_reconnect,
	.skips = on_client_skips,
};

void viewing_close(struct viewing *v)
{
	v->state = VIEWING_CLOSING;
}

/* ---- what it gets ---- */

void viewing_note_sent(struct viewing *v)
{
	if (v->has_sent)
		return;
	v->has_sent = true;
	stat_first(&v->request->server->stat, &v->client);
}

static err send_some(void *ctx)
{
	struct viewing *v = ctx;
	err e = v->ops->send(v);
	if (v->cursor.has_sent)
		viewing_note_sent(v);
	return e;
}

void viewing_send_slot(struct viewing *v, const struct sock *sock)
{
	send_monitor_turn(&v->monitor, sock, v->consumer.co, send_some, v);
}

void viewing_send_turn(struct viewing *v)
{
	if (v->monitor.left == LEFT_BLOCKED)
		return;
	if (send_some(v) != OK || v->monitor.left != LEFT_NOTHING)
		co_wake(v->consumer.co);
}

/* What comes next, the end or something else on the connection, must not begin within a message. */
static err finish_message(struct viewing *v, int64_t ms)
{
	int64_t until = clock_after(ms);
	v->state = VIEWING_CLOSING;
	for (;;) {
		bool within = v->ops->within && v->ops->within(v);
		if (v->cursor.wire && !within)
			cursor_pause(&v->cursor, true);
		TRY(v->ops->send(v));
		if (!within && !v->ops->pending(v))
			return OK;
		if (!within || v->ops->within(v))
			TRY(send_monitor_wait(&v->monitor, until));
	}
}

/* A client that has to go elsewhere shall have all of what it was sent. */
static err end_as_told(struct viewing *v)
{
	if (v->outcome->code == OUTCOME_DRAINED)
		(void)finish_message(v, DRAINED_MS);
	return outcome_fail(v->outcome);
}

static bool is_past_duration(const struct viewing *v)
{
	const struct cursor *c = &v->cursor;
	return v->duration_ms > 0 && c->based && c->wire &&
	       v->source->timeline.max - cursor_lag(c) - c->base >= v->duration_ms;
}

/* ---- its end ---- */

static bool is_over(const struct viewing *v)
{
	return consumer_ended(&v->consumer) || viewer_is_over(&v->viewer);
}

/* Nothing of the stream has come, and the client knows of nothing yet. */
static err never_began(struct viewing *v)
{
	if (!viewer_is_over(&v->viewer))
		return outcome_refuse(viewing_outcome(v), OUTCOME_NOT_FOUND,
				      "the stream has ended");
	return outcome_refuse(viewing_outcome(v),
			      viewer_state(&v->viewer) == PULL_NOWHERE ? OUTCOME_NOT_FOUND
								       : OUTCOME_NO_ORIGIN,
			      "%s", viewer_why(&v->viewer));
}

/* A place is not held for ever by a client whose stream does not come. */
static err check_wait(struct viewing *v, int64_t *deadline)
{
	int64_t limit = v->request->vhost->play.wait_timeout_ms;
	if (limit <= 0 || source_is_live(v->source))
		return OK;
	int64_t since =
		v->client.since_ms > v->source->since_ms ? v->client.since_ms : v->source->since_ms;
	*deadline = since + limit < *deadline ? since + limit : *deadline;
	if (clock_ms() < since + limit)
		return OK;
	return outcome_refuse(viewing_outcome(v), OUTCOME_NOT_FOUND,
			      "the stream has not come for %lld s (wait_timeout)",
			      (long long)(limit / 1000));
}

/* A relay looks by itself where the stream is now, and a client that knows of nothing yet can be sent
 * there; for others it may go on here. */
static err check_end(struct viewing *v, int64_t *deadline)
{
	if (is_past_duration(v)) {
		TRY(finish_message(v, v->request->vhost->play.stalled_timeout_ms));
		return outcome_refuse(viewing_outcome(v), OUTCOME_DURATION,
				      "the duration that was asked for is over");
	}
	if (!is_over(v))
		return check_wait(v, deadline);
	if (v->ops->pending(v))
		return OK;
	if (!v->has_told)
		return never_began(v);
	if (!v->request->is_relay && locate_again(v))
		return OK;
	return outcome_refuse(viewing_outcome(v), OUTCOME_ENDED, "the stream was unpublished");
}

/* ---- the loop ---- */

static err step(struct viewing *v, int64_t *deadline)
{
	if (v->ops->prepare && !is_over(v))
		v->ops->prepare(v, deadline);
	TRY(send_some(v));
	TRY(check_end(v, deadline));
	TRY(send_monitor_check_skips(&v->cursor));
	return v->ops->check(v, deadline);
}

static err play(struct viewing *v)
{
	for (;;) {
		int64_t deadline = CLOCK_NEVER;
		if (v->outcome)
			return end_as_told(v);
		TRY(v->ops->input(v));
		if (v->state == VIEWING_CLOSING)
			return finish_message(v, v->request->vhost->play.stalled_timeout_ms);
		TRY(step(v, &deadline));
		err e = send_monitor_wait(&v->monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

/* ---- the story ---- */

/* Runs before anything is asked or fetched for the client. */
static err ask_hooks(struct viewing *v)
{
	err e = hooks_ask(v->request, HOOK_ON_PLAY, viewing_outcome(v));
	if (!v->outcome->code) {
		free(v->outcome);
		v->outcome = NULL;
	}
	return e;
}

/* Other servers bring players of their own. */
static err check_players(struct viewing *v)
{
	int limit = v->request->vhost->play.max_players;
	if (limit <= 0 || v->source->player_count < limit || request_is_proven_relay(v->request))
		return OK;
	return outcome_refuse(viewing_outcome(v), OUTCOME_FULL,
			      "the stream has %d players, as many as it may (max_players)",
			      v->source->player_count);
}

err viewing_find(struct viewing *v, const struct viewing_ops *ops, const struct request *request,
		 int64_t patience_ms)
{
	v->ops = ops;
	v->request = request;
	v->co = co_self();
	v->client.asked_ms = clock_ms();
	err e = ask_hooks(v);
	co_trim(); /* the stream may be long in coming, and handshakes go deep */
	if (!e)
		e = locate(v, patience_ms);
	if (!e)
		e = check_players(v);
	if (e)
		request_refused(request, v->client.asked_ms, e, v->outcome);
	return e;
}

static void enter(struct viewing *v)
{
	v->client.ops = &client_ops;
	v->client.cursor = &v->cursor;
	v->client.source = v->source;
	v->client.accepted = true;
	request_describe(v->request, &v->client);
	stat_enter(&v->request->server->stat, &v->client);
	log_info("%s of %s, stream is %s", v->client.type, v->source->key,
		 source_is_live(v->source) ? "live" : "not yet there");
}

void viewing_pass(const struct viewing *v)
{
	hooks_tell(v->request, HOOK_ON_STOP, NULL);
}

err viewing_play(struct viewing *v)
{
	v->state = VIEWING_PLAYING;
	enter(v);
	v->ops->join(v);
	co_trim();
	err e = play(v);
	v->state = VIEWING_OVER;
	if (v->cursor.skips)
		log_info("it was moved ahead %u times, being too slow", v->cursor.skips);
	cursor_close(&v->cursor);
	if (v->ops->leave)
		v->ops->leave(v);
	consumer_close(&v->consumer);
	v->client.ended = v->outcome ? outcome_err(v->outcome->code) : e;
	v->client.why = v->outcome ? v->outcome->text : e ? err_trail(e) : NULL;
	stat_leave(&v->request->server->stat, &v->client);
	return e;
}

void viewing_end(struct viewing *v)
{
	pulls_detach(&v->viewer);
	source_unref(&v->source);
	free(v->outcome);
	v->outcome = NULL;
}
