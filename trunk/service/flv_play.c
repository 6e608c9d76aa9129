/* A player of FLV over HTTP. The head of the answer waits for the first media, so that a stream that turns
 * out not to exist can still be a 404; but not for long. The head of the file waits until it is known what
 * it has to say. From then on the send slots of the source send. */
#include "service/flv_play.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/relays.h"
#include "codec/flv.h"
#include "http/websocket.h"
#include "service/flv_answer.h"
#include "service/flv_chunks.h"
#include "service/flv_kinds.h"
#include "service/live_output.h"
#include "session/viewing.h"

#include <stdlib.h>

enum {
	FILE_HEAD_MAX = 64,
	ANSWERS_MAX = 4096, /* to a client of a WebSocket, until they are sent */
	HEAD_MS = 1000,     /* the head of the answer does not wait longer for media */
	INPUT_STEPS = 16,   /* reads, before others have a turn */
	INPUT_BYTES = 512,  /* of what nobody wants to know */
};
_Static_assert(CHUNKS_FRONT + SEND_IOV + 1 <= SEND_IOV_MAX);

enum stage {
	WITHOUT_HEAD, /* nothing is said yet: the client can still be told no */
	ANSWERED,     /* the head of the answer is on its way */
	PLAYING,      /* that of the file too: media may follow */
};

/* The frames of a WebSocket's client, and the answers to them. */
struct talk {
	struct websocket_reader reader;
	struct buf answers;
};

/* Members that each of thousands of send slots touches stand together in front. */
struct flv_player {
	struct sock *sock; /* the session's */
	enum stage stage;
	struct viewing viewing;
	struct chunks out;
	struct http_session *s;
	const struct live_output *output;
	struct talk *talk; /* of a WebSocket; NULL */
	int64_t head_due_ms;
	int64_t begun_ms; /* another server: since when the source has the publisher that it is sent; 0: none yet */
};

static struct flv_player *player_of(struct viewing *v)
{
	return container_of(v, struct flv_player, viewing);
}

/* ---- what the client says ---- */

/* Input of a player is dropped; ERR_CLOSED when it has left. */
static err on_input(struct viewing *v)
{
	char unwanted[INPUT_BYTES];
	for (int i = 0; i < INPUT_STEPS; i++) {
		size_t n;
		err e = sock_try_recv(player_of(v)->sock, unwanted, sizeof(unwanted), &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
		struct talk *talk = player_of(v)->talk;
		if (talk)
			TRY(websocket_read(&talk->reader, span_of(unwanted, n), &talk->answers));
	}
	co_wake(co_self());
	return OK;
}

/* ---- the two heads ---- */

static void put_file_head(struct flv_player *p, uint8_t kinds)
{
	const struct conf_http_remux *conf = &p->viewing.request->vhost->http_remux;
	struct buf head = {.max = FILE_HEAD_MAX};
	if (p->output->is_flv)
		flv_write_header(&head, kinds & WIRE_AUDIO, kinds & WIRE_VIDEO);
	buf_put(&head, p->output->head.p, p->output->head.n);
	if (head.n > 0)
		chunks_put(&p->out, buf_span(&head));
	buf_free(&head);
	/* Kinds that the configuration leaves out are not sent; those of a guess are, since it may be wrong. */
	if (p->output->is_flv && conf->drop_if_not_match && !conf->guess_has_av)
		cursor_want(&p->viewing.cursor, kinds | WIRE_DATA);
	p->stage = PLAYING;
}

static void put_answer_head(struct flv_player *p)
{
	const struct request *r = p->viewing.request;
	struct stream_report report = relays_report(r->server->cluster, p->viewing.source);
	flv_answer_stream(p->s, r->is_relay ? &report : NULL, &p->out);
	if (p->out.mode == CHUNKS_WEBSOCKET) {
		p->talk = mem_new(struct talk);
		p->talk->answers.max = ANSWERS_MAX;
	}
	p->viewing.has_told = true;
	p->stage = ANSWERED;
}

static void on_prepare(struct viewing *v, int64_t *deadline)
{
	struct flv_player *p = player_of(v);
	uint8_t kinds = 0;
	bool known = p->stage != PLAYING && source_is_live(v->source) &&
		     cursor_pending(&v->cursor) &&
		     flv_kinds(&kinds, v->source, &v->request->vhost->http_remux, deadline);
	if (p->stage == WITHOUT_HEAD && (known || clock_ms() >= p->head_due_ms))
		put_answer_head(p);
	if (known)
		put_file_head(p, kinds);
	if (p->stage == WITHOUT_HEAD && p->head_due_ms < *deadline)
		*deadline = p->head_due_ms;
}

/* ---- what the client gets ---- */

/* At its end it is sent what it was announced, and the rest of the message that this has begun. */
static bool may_gather(const struct flv_player *p)
{
	return p->viewing.state != VIEWING_CLOSING || p->viewing.cursor.paused ||
	       chunks_is_open(&p->out);
}

static bool on_within(const struct viewing *v)
{
	return chunks_is_open(&container_of_const(v, struct flv_player, viewing)->out);
}

static int gather(void *ctx, struct iovec *iov)
{
	struct flv_player *p = ctx;
	int n = 0;
	if (p->talk && p->talk->answers.n && !chunks_is_open(&p->out)) {
		chunks_put_raw(&p->out, buf_span(&p->talk->answers));
		buf_clear(&p->talk->answers);
	}
	if (p->stage == PLAYING && may_gather(p))
		n = cursor_gather(&p->viewing.cursor, iov + CHUNKS_FRONT, SEND_IOV,
				  chunks_room(&p->out, SEND_SLICE_BYTES));
	return chunks_frame(&p->out, iov, n);
}

static void sent(void *ctx, size_t n)
{
	struct flv_player *p = ctx;
	cursor_advance(&p->viewing.cursor, chunks_sent(&p->out, n));
	p->viewing.source->send_bytes += (int64_t)n;
}

static err on_send(struct viewing *v)
{
	struct flv_player *p = player_of(v);
	return send_monitor_slice(&v->monitor, p->sock, p, gather, sent);
}

/* Another server keeps headers and facts of a publisher; that there is another one can be told only by an answer
 * of its own. */
static bool has_other_publisher(struct flv_player *p)
{
	const struct source *s = p->viewing.source;
	if (p->viewing.consumer.kind != CONSUMER_RELAY || !source_is_live(s))
		return false;
	if (!p->begun_ms)
		p->begun_ms = s->since_ms;
	return p->begun_ms != s->since_ms;
}

/* The player's own coroutine makes the heads; send slots send what follows. */
static void on_send_slot(struct consumer *consumer)
{
	struct flv_player *p = container_of(consumer, struct flv_player, viewing.consumer);
	if (p->stage == PLAYING && !has_other_publisher(p))
		viewing_send_slot(&p->viewing, p->sock);
	else
		co_wake(consumer->co);
}

static bool on_pending(const struct viewing *v)
{
	const struct flv_player *p = container_of_const(v, struct flv_player, viewing);
	return v->monitor.left == LEFT_BLOCKED ||
	       (p->stage == PLAYING && cursor_pending(&v->cursor));
}

static err on_check(struct viewing *v, int64_t *deadline)
{
	if (has_other_publisher(player_of(v)))
		return outcome_refuse(viewing_outcome(v), OUTCOME_ENDED,
				      "the stream has another publisher");
	return send_monitor_check(&v->monitor, player_of(v)->sock,
				  v->request->vhost->play.stalled_timeout_ms, deadline);
}

static void on_join(struct viewing *v)
{
	struct flv_player *p = player_of(v);
	sock_set_lowat(p->sock, SEND_LOWAT_BYTES);
	sock_keep_alive(p->sock, v->request->vhost->play.stalled_timeout_ms);
	sock_attach(p->sock);
	source_cursor_open(v->source, &v->cursor,
			   &(struct cursor_opts){
				   .format = p->output->format,
				   .for_server = v->request->is_relay,
				   .from_start = viewing_from_start(v),
				   .until_ms = viewing_until(v),
			   });
	consumer_open(&v->consumer, v->source,
		      &(struct consumer_opts){
			      .kind = v->request->is_relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
			      .co = v->co,
			      .on_send_slot = on_send_slot,
			      .needs = {&v->source, p->sock},
		      });
}

/* ---- its end ---- */

static void on_stop(struct viewing *v)
{
	co_wake(v->co);
}

/* Another server hears it behind the last chunk, and asks elsewhere; a player knows no such words. */
static bool on_reconnect(struct viewing *v, const char *url)
{
	(void)url;
	if (!v->request->says_relay || player_of(v)->out.mode != CHUNKS_HTTP)
		return false;
	viewing_stop(v, OUTCOME_DRAINED, err_text(ERR_DRAINED));
	return true;
}

static struct traffic on_count(const struct viewing *v)
{
	const struct sock *sock = container_of_const(v, struct flv_player, viewing)->sock;
	return (struct traffic){.recv = sock_recv_bytes(sock), .send = sock_send_bytes(sock)};
}

static const struct viewing_ops ops = {
	.input = on_input,
	.join = on_join,
	.prepare = on_prepare,
	.send = on_send,
	.pending = on_pending,
	.within = on_within,
	.check = on_check,
	.reconnect = on_reconnect,
	.stop = on_stop,
	.count = on_count,
};

/* Another server is told which end is meant: it would take it for ours, and ask again; or for that of the stream. */
static const char *trailer_of(const struct flv_player *p)
{
	const struct outcome *o = p->viewing.outcome;
	if (!o || !p->viewing.request->says_relay)
		return "";
	if (o->code == OUTCOME_KICKED)
		return ANNOUNCE_END_TRAILER ": " ANNOUNCE_KICKED "\r\n";
	return o->code == OUTCOME_DRAINED ? ANNOUNCE_END_TRAILER ": " ANNOUNCE_RECONNECT "\r\n"
					  : "";
}

/* The end of the body, if the client can be told; else the end of the connection says it. */
static void put_end(struct flv_player *p)
{
	struct iovec iov[CHUNKS_FRONT + 1];
	size_t sent;
	if (chunks_is_open(&p->out))
		return;
	chunks_end(&p->out, trailer_of(p));
	int count = chunks_frame(&p->out, iov, 0);
	if (count)
		(void)sock_try_sendv(p->sock, iov, count, &sent);
}

static err tell_end(struct flv_player *p, err e)
{
	const struct outcome *o = p->viewing.outcome;
	if (p->stage == WITHOUT_HEAD && o)
		return flv_tell(p->s, p->viewing.request->vhost, o);
	if (p->stage != WITHOUT_HEAD && (o || e == ERR_STOPPED))
		put_end(p);
	if (err_severity(e) == ERR_QUIET)
		log_info("playing over HTTP ended: %s", err_trail(e));
	/* The connection ends in any case; one that has ended its stream has ended well. */
	return e == ERR_ENDED ? OK : e;
}

static err answer_head(struct flv_player *p)
{
	err e = flv_answer_head(p->s);
	viewing_pass(&p->viewing);
	return e;
}

/* The coroutine's stack stays as large as it was at its deepest: what is large is allocated. */
err flv_play(struct http_session *s, const struct request *request)
{
	struct flv_player *p = mem_new(struct flv_player);
	p->s = s;
	p->sock = s->sock;
	p->output = live_output_of(s->request->path);
	p->head_due_ms = clock_after(HEAD_MS);
	chunks_init(&p->out);
	sock_attach(p->sock);
	err e = viewing_find(&p->viewing, &ops, request,
			     request->vhost->cluster.upstream_start_timeout_ms);
	if (!e)
		e = s->request->method == HTTP_METHOD_HEAD ? answer_head(p)
							   : viewing_play(&p->viewing);
	e = tell_end(p, e);
	viewing_end(&p->viewing);
	chunks_fini(&p->out);
	if (p->talk)
		buf_free(&p->talk->answers);
	free(p->talk);
	free(p);
	return e;
}
