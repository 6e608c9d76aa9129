/* An RTMP player. It waits on one gate for everything: its own input, room in the socket, a deadline,
 * the end. Media goes out as it lies in the wire; what belongs to this conversation alone (statuses,
 * pongs, acknowledgements) is put between two messages. */
#include "base/mem.h"
#include "cluster/relays.h"
#include "node/rtmp_send.h"
#include "service/rtmp_session.h"
#include "session/viewing.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE_MESSAGES = 64,       /* taken from the player before others have a turn */
	DURATION_MAX_MS = 1 << 30, /* a longer one has no end */
};

/* Members that each of thousands of send slots touches stand together in front. */
struct rtmp_player {
	struct rtmp_conn *conn; /* the session's */
	struct viewing viewing;
	struct rtmp_session *s;
	uint8_t want; /* WIRE_ bits */
	bool paused;
	int64_t reported_ms; /* to a relay: the change of the source that it was told of last */
};

static struct rtmp_player *player_of(struct viewing *v)
{
	return container_of(v, struct rtmp_player, viewing);
}

static bool is_joined(const struct rtmp_player *p)
{
	return p->viewing.consumer.source;
}

/* ---- what the player says ---- */

static void pause_or_go(struct rtmp_player *p, bool pause)
{
	struct rtmp_conn *conn = p->s->conn;
	uint32_t id = p->s->want.stream_id;
	p->paused = pause;
	rtmp_put_status(conn, id, "status",
			pause ? "NetStream.Pause.Notify" : "NetStream.Unpause.Notify",
			pause ? "Paused stream." : "Unpaused stream.");
	rtmp_put_user_control(conn, pause ? UC_STREAM_EOF : UC_STREAM_BEGIN, id);
	if (is_joined(p))
		cursor_pause(&p->viewing.cursor, pause);
}

static void set_want(struct rtmp_player *p, uint8_t kind, bool on)
{
	p->want = on ? p->want | kind : p->want & (uint8_t)~kind;
	if (is_joined(p))
		cursor_want(&p->viewing.cursor, p->want);
}

static void take_command(struct rtmp_player *p, struct rtmp_msg *m)
{
	struct rtmp_event event;
	rtmp_take_command(p->conn, &p->s->want, m, &event);
	switch (event.kind) {
	case RTMP_EVENT_CLOSED:
		viewing_close(&p->viewing);
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
		if (p->s->request.is_relay && announce_take_players(p->s->announce, &event.call))
			consumer_set_behind(&p->viewing.consumer, p->s->announce->players);
		break;
	case RTMP_EVENT_NONE:
		break;
	}
	rtmp_event_fini(&event);
}

/* A player that says a lot is served in slices. */
static err take_messages(struct rtmp_player *p)
{
	struct rtmp_msg m = {0};
	for (int n = 0; p->viewing.state < VIEWING_CLOSING; n++) {
		if (n == SLICE_MESSAGES) {
			co_wake(co_self());
			return OK;
		}
		err e = rtmp_try_recv(p->conn, &m);
		if (e == ERR_AGAIN)
			return OK;
		if (!e && m.type == RTMP_COMMAND)
			take_command(p, &m);
		rtmp_msg_fini(&m);
		TRY(e);
	}
	return OK;
}

/* While the stream is being looked for, input is answered at once. */
static err on_input(struct viewing *v)
{
	struct rtmp_player *p = player_of(v);
	TRY(take_messages(p));
	return v->state == VIEWING_LOOKING && p->conn->out.n ? rtmp_flush(p->conn) : OK;
}

/* ---- what the player gets ---- */

/* Another server is told which run of the stream follows, and since when there is none: as it joins, and at
 * each change, before the media. */
static void report(struct rtmp_player *p)
{
	struct source *source = p->viewing.source;
	struct stream_report said = relays_report(p->viewing.request->server->cluster, source);
	announce_stream(p->conn, &said);
	p->reported_ms = source->since_ms;
}

static err on_send(struct viewing *v)
{
	if (v->consumer.kind == CONSUMER_RELAY && player_of(v)->reported_ms != v->source->since_ms)
		report(player_of(v));
	return rtmp_send_wire(&v->monitor, player_of(v)->conn, &v->cursor, &v->source->send_bytes);
}

static void on_send_slot(struct consumer *consumer)
{
	struct rtmp_player *p = container_of(consumer, struct rtmp_player, viewing.consumer);
	viewing_send_slot(&p->viewing, p->conn->sock);
}

static bool on_pending(const struct viewing *v)
{
	return cursor_pending(&v->cursor);
}

/* A player that takes nothing is given up. */
static err on_check(struct viewing *v, int64_t *deadline)
{
	return send_monitor_check(&v->monitor, player_of(v)->conn->sock,
				  v->request->vhost->play.stalled_timeout_ms, deadline);
}

/* Tells the client that it plays: there is certainly something to play now. */
static void on_join(struct viewing *v)
{
	struct rtmp_player *p = player_of(v);
	struct rtmp_session *s = p->s;
	if (p->conn->out_chunk_size != v->source->opts.chunk_size)
		rtmp_put_chunk_size(p->conn, v->source->opts.chunk_size);
	rtmp_put_play_start(p->conn, s->want.stream_id);
	if (s->request.is_relay)
		report(p);
	v->has_told = true;
	sock_set_lowat(p->conn->sock, SEND_LOWAT_BYTES);
	sock_keep_alive(p->conn->sock, s->request.vhost->play.stalled_timeout_ms);
	sock_set_quick(p->conn->sock, false);
	sock_attach(p->conn->sock);
	source_cursor_open(
		v->source, &v->cursor,
		&(struct cursor_opts){
			.format = &wire_rtmp,
			.stream_id = s->want.stream_id,
			.own_base = !s->request.is_relay, /* resuming a relay needs exact times */
			.for_server = s->request.is_relay && s->announce && s->announce->node[0],
			.from_start = viewing_from_start(v),
			.until_ms = viewing_until(v),
			.first = buf_span(&p->conn->out),
		});
	consumer_open(&v->consumer, v->source,
		      &(struct consumer_opts){
			      .kind = s->request.is_relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
			      .co = v->co,
			      .on_send_slot = v->duration_ms ? NULL : on_send_slot,
			      .needs = {&v->source, p->conn, p->conn->sock},
		      });
	buf_free(&p->conn->out);
	consumer_set_behind(&v->consumer, s->announce ? s->announce->players : 0);
	cursor_want(&v->cursor, p->want);
	cursor_pause(&v->cursor, p->paused);
}

/* ---- the story ---- */

/* Ends a send that is under way: the player does not take what was sent. */
static void on_stop(struct viewing *v)
{
	sock_set_deadline(player_of(v)->conn->sock, clock_ms());
	co_wake(v->co);
}

static bool on_reconnect(struct viewing *v, const char *url)
{
	struct rtmp_player *p = player_of(v);
	if (!p->s->connect.reconnects)
		return false;
	rtmp_put_reconnect(p->conn, url);
	co_wake(v->co);
	return true;
}

static struct traffic on_count(const struct viewing *v)
{
	return rtmp_session_traffic(container_of_const(v, struct rtmp_player, viewing)->s);
}

static const struct viewing_ops ops = {
	.input = on_input,
	.join = on_join,
	.send = on_send,
	.pending = on_pending,
	.check = on_check,
	.reconnect = on_reconnect,
	.stop = on_stop,
	.count = on_count,
};

/* Whatever a peer sends as a number, NaN included. */
static int64_t duration_of(const struct rtmp_session *s)
{
	double ms = s->want.duration_ms;
	return ms > 0 && ms < DURATION_MAX_MS ? (int64_t)ms : 0;
}

err rtmp_play_run(struct rtmp_session *s)
{
	struct rtmp_player *p = mem_new(struct rtmp_player);
	p->s = s;
	p->conn = s->conn;
	p->want = WIRE_ALL;
	p->viewing.duration_ms = duration_of(s);
	sock_attach(s->conn->sock);
	err e = viewing_find(&p->viewing, &ops, &s->request, -1);
	if (!e)
		e = viewing_play(&p->viewing);
	if (p->viewing.outcome)
		e = rtmp_session_tell(s, p->viewing.outcome);
	viewing_end(&p->viewing);
	free(p);
	return e;
}
