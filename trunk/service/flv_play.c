/* One loop and one gate: media, the end of the client, room in the socket, a deadline, a stop. The head
 * of the answer waits for the first media, so that a stream that turns out not to exist can still be a
 * 404; but not for long. The head of the file waits until it is known what it has to say. From then on
 * the turns of the source send (on_send_slot), as over RTMP, see play.c. */
#include "service/flv_play.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/relays.h"
#include "codec/flv.h"
#include "node/send_monitor.h"
#include "service/flv_answer.h"
#include "service/flv_chunks.h"
#include "service/flv_kinds.h"

#include <stdlib.h>

enum {
	DRAIN_MS = 1500,   /* for what is left when the stream has ended */
	INPUT_STEPS = 16,  /* reads, before others have a turn */
	INPUT_BYTES = 512, /* of what nobody wants to know */
};

/* What each of thousands of turns touches stands together. */
struct player {
	struct consumer consumer;
	struct cursor cursor;
	struct source *source;
	struct sock *sock;  /* the session's */
	bool has_file_head; /* is on its way */
	bool has_head;      /* of the answer, likewise */
	struct send_monitor send_monitor;
	struct chunks out;
	struct flv_play_opts asked;
	const struct conf_vhost *vhost;
	const struct viewer *viewer;
	struct client client;
	int64_t over_ms;
	struct co *co;
	bool kicked;
};

/* ---- what the client says ---- */

err flv_drop_input(void *ctx)
{
	struct sock *sock = ctx;
	char unwanted[INPUT_BYTES];
	for (int i = 0; i < INPUT_STEPS; i++) {
		size_t n;
		err e = sock_try_recv(sock, unwanted, sizeof(unwanted), &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

/* ---- the two heads ---- */

static void put_file_head(struct player *p, uint8_t kinds)
{
	struct buf head = {.max = FLV_HEADER_SIZE};
	flv_write_header(&head, kinds & WIRE_AUDIO, kinds & WIRE_VIDEO);
	chunks_put(&p->out, buf_span(&head));
	buf_free(&head);
	if (p->vhost->http_remux.drop_if_not_match)
		cursor_want(&p->cursor, kinds | WIRE_DATA);
	p->has_file_head = true;
}

static void put_heads(struct player *p, int64_t *deadline)
{
	uint8_t kinds = 0;
	bool known = !p->has_file_head && source_is_live(p->source) && cursor_pending(&p->cursor) &&
		     flv_kinds(&kinds, p->source, &p->vhost->http_remux, deadline);
	if (!p->has_head && (known || clock_ms() >= p->asked.head_due_ms)) {
		struct stream_report report = relays_report(p->asked.s->server->cluster, p->source);
		flv_answer_stream(p->asked.s, p->asked.is_relay ? &report : NULL, &p->out);
		p->has_head = true;
	}
	if (known)
		put_file_head(p, kinds);
	if (!p->has_head && p->asked.head_due_ms < *deadline)
		*deadline = p->asked.head_due_ms;
}

/* ---- what the client gets ---- */

static err send_some(void *ctx)
{
	struct player *p = ctx;
	struct cursor *cursor = &p->cursor;
	struct iovec iov[CHUNKS_FRONT + SEND_IOV + 1];
	size_t total = 0;
	p->send_monitor.left = LEFT_NOTHING;
	for (int sends = 0; total < SEND_SLICE_BYTES && sends < SEND_SLICE_SENDS; sends++) {
		size_t sent = 0, room = chunks_room(&p->out, SEND_SLICE_BYTES);
		int n = 0;
		if (p->has_file_head)
			n = cursor_gather(cursor, iov + CHUNKS_FRONT, SEND_IOV, room);
		int count = chunks_frame(&p->out, iov, n);
		if (count == 0)
			return OK;
		err e = sock_try_sendv(p->sock, iov, count, &sent);
		if (e == ERR_AGAIN) {
			p->send_monitor.left = LEFT_BLOCKED;
			return OK;
		}
		TRY(e);
		cursor_advance(cursor, chunks_sent(&p->out, sent));
		p->source->send_bytes += (int64_t)sent;
		total += sent;
	}
	p->send_monitor.left = LEFT_MORE;
	return OK;
}

/* Before the heads are out, the answer is made by the player's own coroutine. */
static void on_send_slot(struct consumer *consumer)
{
	struct player *p = container_of(consumer, struct player, consumer);
	if (p->has_file_head)
		send_monitor_turn(&p->send_monitor, p->sock, consumer->co, send_some, p);
	else
		co_wake(consumer->co);
}

/* ---- its end ---- */

static bool is_over(const struct player *p)
{
	return consumer_ended(&p->consumer) || viewer_is_over(p->viewer);
}

/* All is sent, or the client does not take it in time. */
static bool is_drained(struct player *p, int64_t *deadline)
{
	if (!p->over_ms)
		p->over_ms = clock_ms();
	int64_t patience = p->over_ms + DRAIN_MS;
	if (p->send_monitor.left != LEFT_BLOCKED &&
	    (!p->has_file_head || !cursor_pending(&p->cursor)))
		return true;
	*deadline = patience < *deadline ? patience : *deadline;
	return clock_ms() >= patience;
}

/* A relay looks by itself where the stream is now; and who was told nothing yet can be redirected. */
static bool goes_on(struct player *p)
{
	return !p->asked.is_relay && p->has_head && locate_again(p->asked.where, &p->consumer);
}

/* The end of the body, if the client can be told; else the end of the connection says it. */
static void put_end(struct player *p)
{
	struct iovec iov[CHUNKS_FRONT + 1];
	size_t sent;
	if (!p->has_head || chunks_is_open(&p->out))
		return;
	chunks_end(&p->out);
	int count = chunks_frame(&p->out, iov, 0);
	if (count)
		(void)sock_try_sendv(p->sock, iov, count, &sent);
}

/* Nothing of it has come. */
static err refuse(struct player *p)
{
	bool is_over = viewer_is_over(p->viewer);
	bool nowhere = !is_over || viewer_state(p->viewer) == PULL_NOWHERE;
	char *why = mem_strdup(is_over ? viewer_why(p->viewer) : "The stream has ended.");
	err e = flv_refuse(p->asked.s, nowhere ? 404 : 503, why);
	free(why);
	return e;
}

/* ---- the loop ---- */

static err step(struct player *p, int64_t *deadline)
{
	TRY(flv_drop_input(p->sock));
	if (is_over(p) && !p->over_ms)
		goes_on(p);
	if (!is_over(p))
		put_heads(p, deadline);
	if (p->has_head)
		TRY(send_some(p));
	if (is_over(p) && (!p->has_head || is_drained(p, deadline)))
		return err_fail(ERR_ENDED, "%s",
				viewer_is_over(p->viewer) ? viewer_why(p->viewer)
							  : "the stream was unpublished");
	TRY(send_monitor_check_skips(&p->cursor));
	return send_monitor_check(&p->send_monitor, p->sock, p->vhost->play.stalled_timeout_ms,
				  deadline);
}

static err play_loop(struct player *p)
{
	for (;;) {
		int64_t deadline = CLOCK_NEVER;
		TRY(step(p, &deadline));
		err e = send_monitor_wait(&p->send_monitor, deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void open_consumer(struct player *p)
{
	sock_set_lowat(p->sock, SEND_LOWAT_BYTES);
	sock_keep_alive(p->sock, p->vhost->play.stalled_timeout_ms);
	sock_attach(p->sock);
	source_cursor_open(p->source, &p->cursor,
			   &(struct cursor_opts){
				   .format = &wire_flv,
				   /* As for a relay over RTMP. */
				   .from_start = p->vhost->play.gop_cache &&
						 (!p->asked.is_relay || source_is_live(p->source)),
			   });
	consumer_open(&p->consumer, p->source,
		      &(struct consumer_opts){
			      .kind = p->asked.is_relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
			      .co = co_self(),
			      .on_send_slot = on_send_slot,
			      .needs = {&p->source, p->sock},
		      });
}

static void on_stop(struct client *client, err why)
{
	struct player *p = container_of(client, struct player, client);
	p->kicked = why == ERR_KICKED;
	co_stop(p->co);
}

static struct traffic on_count(const struct client *client)
{
	const struct sock *sock = container_of_const(client, struct player, client)->sock;
	return (struct traffic){.recv = sock_recv_bytes(sock), .send = sock_send_bytes(sock)};
}

static const struct client_ops client_ops = {on_stop, on_count};

static void enter_statistics(struct player *p)
{
	p->client.type = "flv-play";
	p->client.relay = p->asked.is_relay;
	p->client.page_url = p->asked.request->page_url;
	p->client.swf_url = "";
	p->client.tc_url = p->asked.request->tc_url;
	p->client.url = p->asked.request->url;
	p->client.source = p->source;
	p->client.ops = &client_ops;
	p->co = co_self();
	addr_ip(p->client.ip, sock_peer(p->sock));
	stat_enter(&p->asked.s->server->stat, &p->client);
}

static err play(struct player *p)
{
	enter_statistics(p);
	open_consumer(p);
	log_info("playing %s over HTTP to %s, stream is %s", p->source->key, p->client.ip,
		 source_is_live(p->source) ? "live" : "not yet there");
	err e = play_loop(p);
	if (e == ERR_ENDED && !p->has_head)
		e = refuse(p);
	else if (e == ERR_ENDED || e == ERR_STOPPED)
		put_end(p);
	if (p->kicked)
		e = err_fail(ERR_KICKED, "%s", err_text(ERR_KICKED));
	if (err_severity(e) == ERR_QUIET)
		log_info("playing %s over HTTP to %s ended: %s", p->source->key, p->client.ip,
			 err_trail(e));
	cursor_close(&p->cursor);
	consumer_close(&p->consumer);
	stat_leave(&p->asked.s->server->stat, &p->client);
	return e;
}

/* The coroutine's stack stays as large as it was at its deepest: what is large is allocated. */
err flv_play(const struct flv_play_opts *opts)
{
	struct player *p = mem_new(struct player);
	p->asked = *opts;
	p->sock = opts->s->sock;
	p->source = opts->where->source;
	p->vhost = opts->request->vhost;
	p->viewer = opts->where->viewer;
	chunks_init(&p->out);
	err e = play(p);
	chunks_fini(&p->out);
	free(p);
	return e;
}
