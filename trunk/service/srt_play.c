/* An SRT player: MPEG-TS as it is made once for all who take it, cut into messages. The send slots of the source
 * send; the session's own coroutine looks after the peer. */
#include "base/mem.h"
#include "codec/ts.h"
#include "output/live_format.h"
#include "service/srt_session.h"
#include "session/viewing.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE_MESSAGES = 256, /* then others have a turn */
	INPUT_MESSAGES = 16,  /* of a player, which are dropped */
};

struct player {
	struct viewing viewing;
	struct srt_session *s;
	size_t message; /* bytes of one, whole packets */
};

static struct player *player_of(struct viewing *v)
{
	return container_of(v, struct player, viewing);
}

static const struct player *player_of_const(const struct viewing *v)
{
	return container_of_const(v, struct player, viewing);
}

/* ---- what the client gets ---- */

/* What comes next as one piece: mostly it lies together already. One buffer for all: nothing switches while it is
 * used. */
static struct span next_message(struct player *p)
{
	static uint8_t joined[SRT_PAYLOAD_MAX];
	struct iovec iov[SEND_IOV];
	size_t n = 0;
	int count = cursor_gather(&p->viewing.cursor, iov, SEND_IOV, p->message);
	if (count == 0)
		return (struct span){0};
	if (count == 1)
		return span_of(iov[0].iov_base, iov[0].iov_len);
	for (int i = 0; i < count; i++) {
		memcpy(joined + n, iov[i].iov_base, iov[i].iov_len);
		n += iov[i].iov_len;
	}
	return span_of(joined, n);
}

static err on_send(struct viewing *v)
{
	struct player *p = player_of(v);
	v->monitor.left = LEFT_NOTHING;
	for (int i = 0; i < SLICE_MESSAGES; i++) {
		struct span message = next_message(p);
		if (message.n == 0)
			return OK;
		err e = srt_link_send(p->s->link, message.p, message.n);
		if (e == ERR_AGAIN) {
			v->monitor.left = LEFT_BLOCKED;
			return OK;
		}
		TRY(e);
		cursor_advance(&v->cursor, message.n);
		v->source->send_bytes += (int64_t)message.n;
	}
	v->monitor.left = LEFT_MORE;
	return OK;
}

/* Whatever is not plain sending is left to the player's own coroutine. */
static void on_send_slot(struct consumer *consumer)
{
	struct viewing *v = container_of(consumer, struct viewing, consumer);
	viewing_send_turn(v);
}

static bool on_pending(const struct viewing *v)
{
	return v->monitor.left == LEFT_BLOCKED || cursor_pending(&v->cursor);
}

/* ---- the peer ---- */

/* What a player sends is dropped; ERR_CLOSED when it has left. */
static err on_input(struct viewing *v)
{
	struct srt_link *link = player_of(v)->s->link;
	static uint8_t unwanted[SRT_PAYLOAD_MAX];
	for (int i = 0; i < INPUT_MESSAGES; i++) {
		size_t n;
		err e = srt_link_recv(link, unwanted, sizeof(unwanted), &n);
		if (e)
			return e == ERR_AGAIN ? OK : e;
	}
	co_wake(co_self());
	return OK;
}

/* A peer that is there takes what is sent: libsrt ends the connection of others. One whose window stays closed is
 * too slow for ever. */
static err on_check(struct viewing *v, int64_t *deadline)
{
	const struct srt_link *link = player_of(v)->s->link;
	if (v->monitor.left != LEFT_BLOCKED || srt_link_is_writable(link))
		return OK;
	int64_t due = srt_link_sent_ms(link) + v->request->vhost->play.stalled_timeout_ms;
	if (clock_ms() >= due)
		return err_fail(ERR_STALLED, "took nothing for %lld ms",
				(long long)v->request->vhost->play.stalled_timeout_ms);
	*deadline = due < *deadline ? due : *deadline;
	return OK;
}

static void on_join(struct viewing *v)
{
	v->has_told = true;
	source_cursor_open(v->source, &v->cursor,
			   &(struct cursor_opts){
				   .format = &wire_ts,
				   .from_start = viewing_from_start(v),
			   });
	consumer_open(&v->consumer, v->source,
		      &(struct consumer_opts){
			      .kind = CONSUMER_PLAYER,
			      .co = v->co,
			      .on_send_slot = on_send_slot,
			      .needs = {&v->source},
		      });
}

static void on_stop(struct viewing *v)
{
	co_wake(v->co);
}

static struct traffic on_count(const struct viewing *v)
{
	return srt_session_traffic(player_of_const(v)->s);
}

static const struct viewing_ops ops = {
	.input = on_input,
	.join = on_join,
	.send = on_send,
	.pending = on_pending,
	.check = on_check,
	.stop = on_stop,
	.count = on_count,
};

err srt_play_run(struct srt_session *s)
{
	struct player *p = mem_new(struct player);
	size_t packets = (size_t)srt_link_payload_size(s->link) / TS_PACKET;
	p->s = s;
	p->message = (packets ? packets : 1) * TS_PACKET;
	err e = viewing_find(&p->viewing, &ops, &s->request,
			     s->request.vhost->cluster.upstream_start_timeout_ms);
	if (!e)
		e = viewing_play(&p->viewing);
	viewing_end(&p->viewing);
	free(p);
	return e;
}
