/* An RTMP player. It waits on one gate for everything: its own input, room in the socket, a deadline,
 * the end. Media goes out as it lies in the wire; what belongs to this conversation alone (statuses,
 * pongs, acknowledgements) is put between two messages. While all goes well the turns of the source
 * send the media (on_send_slot), and this coroutine only looks after the player from time to time: its
 * stack and its registers would be cold in each of thousands of turns. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/relays.h"
#include "node/send_monitor.h"
#include "service/locate.h"
#include "service/rtmp_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLICE_MESSAGES = 64, /* taken from the player before others have a turn */
	END_PATIENCE_MS = 1500,
	DURATION_MAX_MS = 1 << 30, /* a longer one has no end */
};

/* What each of thousands of turns touches stands together. */
struct player {
	struct consumer consumer;
	struct cursor cursor;
	struct source *source;
	struct rtmp_conn *conn; /* the session's */
	struct send_monitor send_monitor;
	struct rtmp_session *s;
	struct viewer viewer;
	struct locate *where; /* it was found */
	uint8_t want;
	bool paused, closed;
	int64_t until_ms; /* media to play, as play asked for; 0: no end */
	struct co *co;
	bool kicked;
	struct client client;
};

static struct rtmp_session *session_of(void *ctx)
{
	return ((struct player *)ctx)->s;
}

/* ---- what the player says ---- */

static void pause_or_go(struct player *p, bool pause)
{
	struct rtmp_conn *conn = p->s->conn;
	uint32_t id = p->s->want.stream_id;
	p->paused = pause;
	rtmp_put_status(conn, id, "status",
			pause ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify",
			pause ? "Paused stream." : "Unpaused stream.");
	rtmp_put_user_control(conn, pause ? UC_STREAM_EOF : UC_STREAM_BEGIN, id);
	if (p->consumer.source)
		cursor_pause(&p->cursor, pause);
}

static void set_want(struct player *p, uint8_t kind, bool on)
{
	p->want = on ? p->want | kind : p->want & (uint8_t)~kind;
	if (p->consumer.source)
		cursor_want(&p->cursor, p->want);
}

static void take_command(struct player *p, struct rtmp_msg *m)
{
	struct rtmp_event event;
	rtmp_take_command(p->s->conn, &p->s->want, m, &event);
	switch (event.kind) {
	case RTMP_EVENT_CLOSED:
		p->closed = true;
		break;
	case RTMP_EVENT_PAUSE:
		pause_or_go(p, event.on);
		break;
	case RTMP_EVENT_AUDIO:
		set_want(p, WIRE_AUDIO, event.on);
		break;
	case RTMP_EVENT_VIDEO:
		set_want(p, WIRE_VIDEO, event.on);
		break;
	case RTMP_EVENT_CALL:
		if (p->s->is_relay && announce_take_players(&p->s->announce, &event.call))
			consumer_set_behind(&p->consumer, p->s->announce.players);
		break;
	case RTMP_EVENT_NONE:
		break;
	}
	rtmp_event_fini(&event);
}

/* Reads what is there; a player that says a lot is served in turns. */
static err take_input(void *ctx)
{
	struct player *p = ctx;
	struct rtmp_msg m = {0};
	for (int n = 0; !p->closed; n++) {
		if (n == SLICE_MESSAGES) {
			co_wake(co_self());
			return OK;
		}
		err e = rtmp_try_recv(p->s->conn, &m);
		if (e == ERR_AGAIN)
			return OK;
		if (!e && m.type == RTMP_COMMAND)
			take_command(p, &m);
		rtmp_msg_fini(&m);
		TRY(e);
	}
	return OK;
}

/* While the stream is being looked for: input is answered at once. */
static err look(void *ctx)
{
	TRY(take_input(ctx));
	if (((struct player *)ctx)->closed)
		return err_fail(ERR_CLOSED, "the player closed the stream before it began");
	return session_of(ctx)->conn->out.n ? rtmp_flush(session_of(ctx)->conn) : OK;
}

/* ---- what the player gets ---- */

static err send_some(void *ctx)
{
	struct player *p = ctx;
	return send_monitor_send_rtmp(&p->send_monitor, p->conn, &p->cursor,
				      &p->source->send_bytes);
}

static void on_send_slot(struct consumer *consumer)
{
	struct player *p = container_of(consumer, struct player, consumer);
	send_monitor_turn(&p->send_monitor, p->conn->sock, consumer->co, send_some, p);
}

/* A player that takes nothing is given up. */
static err check_alive(struct player *p, int64_t *deadline)
{
	TRY(send_monitor_check_skips(&p->cursor));
	return send_monitor_check(&p->send_monitor, p->s->conn->sock,
				  p->s->vhost->play.stalled_timeout_ms, deadline);
}

static bool is_past_duration(struct player *p)
{
	const struct cursor *c = &p->cursor;
	return p->until_ms > 0 && c->based && c->wire &&
	       p->source->timeline.max - cursor_lag(c) - c->base >= p->until_ms;
}

/* Says that the stream is over, behind everything that is left of it. */
static err send_stop_status(struct player *p, const char *code, const char *sentence)
{
	struct rtmp_session *s = p->s;
	cursor_close(&p->cursor);
	consumer_close(&p->consumer);
	stat_leave(&s->server->stat, &p->client);
	rtmp_put_user_control(s->conn, UC_STREAM_EOF, s->want.stream_id);
	sock_set_deadline(s->conn->sock, clock_after(END_PATIENCE_MS));
	rtmp_end(&s->conn, s->want.stream_id, "status", code, sentence);
	return err_fail(ERR_ENDED, "%s", sentence);
}

/* The stream was closed, the connection goes on: a message that was begun is sent to its end. */
static err finish_message(struct player *p)
{
	int64_t until = clock_after(p->s->vhost->play.stalled_timeout_ms);
	cursor_pause(&p->cursor, true);
	for (;;) {
		TRY(send_some(p));
		if (!cursor_pending(&p->cursor))
			return OK;
		TRY(send_monitor_wait(&p->send_monitor, until));
	}
}

static bool is_over(const struct player *p)
{
	return consumer_ended(&p->consumer) || viewer_is_over(&p->viewer);
}

/* A relay looks by itself where the stream is now. */
static bool goes_on(struct player *p)
{
	return !p->s->is_relay && locate_again(p->where, &p->consumer);
}

static err play_loop(struct player *p)
{
	for (;;) {
		int64_t deadline = CLOCK_NEVER;
		TRY(take_input(p));
		if (p->closed)
			return finish_message(p);
		TRY(send_some(p));
		if (is_over(p) && !cursor_pending(&p->cursor) && !goes_on(p))
			return send_stop_status(p, "NetStream.Play.UnpublishNotify",
						"the stream was unpublished");
		if (is_past_duration(p))
			return send_stop_status(p, "NetStream.Play.Stop",
						"the duration that was asked for is over");
		TRY(check_alive(p, &deadline));
		err e = send_monitor_wait(&p->send_monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

/* Only now is it certain that there is something to play. */
static void start(struct player *p)
{
	struct rtmp_session *s = p->s;
	if (s->conn->out_chunk_size != p->source->opts.chunk_size)
		rtmp_put_chunk_size(s->conn, p->source->opts.chunk_size);
	rtmp_put_play_start(s->conn, s->want.stream_id);
	sock_set_lowat(s->conn->sock, SEND_LOWAT_BYTES);
	sock_keep_alive(s->conn->sock, s->vhost->play.stalled_timeout_ms);
	sock_set_quick(s->conn->sock, false);
	sock_attach(s->conn->sock);
	if (s->is_relay) {
		struct stream_report report = relays_report(s->server->cluster, p->source);
		announce_stream(s->conn, &report);
	}
	source_cursor_open(
		p->source, &p->cursor,
		&(struct cursor_opts){
			.format = &wire_rtmp,
			.stream_id = s->want.stream_id,
			.own_base = !s->is_relay, /* resuming a relay needs exact times */
			/* What was there before a gap would be taken for media that has come back. */
			.from_start = s->vhost->play.gop_cache &&
				      (!s->is_relay || source_is_live(p->source)),
			.first = buf_span(&s->conn->out),
		});
	consumer_open(&p->consumer, p->source,
		      &(struct consumer_opts){
			      .kind = s->is_relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
			      .co = co_self(),
			      .on_send_slot = p->until_ms ? NULL : on_send_slot,
			      .needs = {&p->source, p->conn, p->conn->sock},
		      });
	buf_free(&s->conn->out);
	consumer_set_behind(&p->consumer, s->announce.players);
	cursor_want(&p->cursor, p->want);
	cursor_pause(&p->cursor, p->paused);
}

static void on_stop(struct client *client, err why)
{
	struct player *p = container_of(client, struct player, client);
	p->kicked = why == ERR_KICKED;
	co_stop(p->co);
}

static struct traffic on_count(const struct client *client)
{
	return rtmp_session_traffic(container_of_const(client, struct player, client)->s);
}

static const struct client_ops client_ops = {on_stop, on_count};

static err play_source(struct player *p)
{
	struct request request = rtmp_session_request(p->s, "rtmp-play");
	request_describe(&request, &p->client);
	p->co = co_self();
	p->client.ops = &client_ops;
	p->client.cursor = &p->cursor;
	p->client.source = p->source;
	stat_enter(&p->s->server->stat, &p->client);
	start(p);
	log_info("playing %s, stream is %s", p->source->key,
		 source_is_live(p->source) ? "live" : "not yet there");
	co_trim();
	err e = play_loop(p);
	if (p->cursor.skips)
		log_info("it was moved ahead %u times, being too slow", p->cursor.skips);
	cursor_close(&p->cursor);
	consumer_close(&p->consumer);
	stat_leave(&p->s->server->stat, &p->client);
	if (p->kicked)
		e = err_fail(ERR_KICKED, "%s", err_text(ERR_KICKED));
	return e;
}

/* ---- the story ---- */

static err locate(struct player *p, struct locate *where, enum found *found)
{
	struct rtmp_session *s = p->s;
	p->viewer = (struct viewer){
		.conf = s->conf,
		.target = &s->target,
		.page_url = s->connect.page_url,
		.swf_url = s->connect.swf_url,
		.path = s->path,
		.via = s->via,
		.path_unverified = s->says_relay && !s->is_relay,
		.peer = sock_peer(s->conn->sock),
		.co = co_self(),
	};
	*where = (struct locate){
		.server = s->server,
		.vhost = s->vhost,
		.target = &s->target,
		.viewer = &p->viewer,
		.relay = s->says_relay, /* it follows a redirect: nothing that has to be proven */
		.from_coworker = s->is_coworker,
		.redirected = s->redirected,
		.look = look,
		.ctx = p,
		.patience_ms = -1,
	};
	p->where = where;
	sock_attach(s->conn->sock);
	co_trim(); /* the stream may be long in coming, and handshakes go deep */
	err e = locate_play(where, found);
	p->source = where->source;
	return e;
}

static err send_away(struct player *p, enum found found)
{
	if (found == FOUND_ELSEWHERE) {
		struct outcome *o = mem_new(struct outcome);
		o->code = OUTCOME_ELSEWHERE;
		snprintf(o->rtmp, sizeof(o->rtmp), "%s", p->where->rtmp);
		err e = rtmp_session_tell(p->s, o);
		free(o);
		return e;
	}
	return rtmp_session_refuse(p->s, ERR_NOTFOUND,
				   found == FOUND_NOWHERE ? "NetStream.Play.StreamNotFound"
							  : "NetStream.Play.Failed",
				   "%s", p->where->why);
}

err rtmp_play_run(struct rtmp_session *s)
{
	struct player *p = mem_new(struct player);
	struct locate where;
	enum found found;
	p->s = s;
	p->conn = s->conn;
	p->want = WIRE_ALL;
	/* Whatever a peer sends as a number, NaN included. */
	if (s->want.duration_ms > 0 && s->want.duration_ms < DURATION_MAX_MS)
		p->until_ms = (int64_t)s->want.duration_ms;
	err e = locate(p, &where, &found);
	if (!e)
		e = found == FOUND_HERE ? play_source(p) : send_away(p, found);
	pulls_detach(&p->viewer);
	source_unref(&p->source);
	free(p);
	return e;
}
