/* An SRT player: MPEG-TS as it is made once for all who take it, cut into messages. The send slots of the source
 * send; the session's own coroutine looks after the peer. */
#include "base/mem.h"
#include "output/live_format.h"
#include "service/srt_session.h"
#include "session/srt_sender.h"
#include "session/viewing.h"

#include <stdlib.h>
#include <string.h>

struct player {
	struct viewing viewing;
	struct srt_session *s;
	struct srt_sender sender;
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

static err on_send(struct viewing *v)
{
	return srt_sender_send(&player_of(v)->sender, &v->cursor, &v->monitor,
			       &v->source->send_bytes);
}

/* Everything but plain sending is left to the player's own coroutine. */
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

/* Drops the player's input; ERR_CLOSED when it has left. */
static err on_input(struct viewing *v)
{
	return srt_sender_take(&player_of(v)->sender);
}

static err on_check(struct viewing *v, int64_t *deadline)
{
	return srt_sender_check(&player_of(v)->sender, &v->monitor,
				v->request->vhost->play.stalled_timeout_ms, deadline);
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
	p->s = s;
	srt_sender_init(&p->sender, s->link);
	err e = viewing_find(&p->viewing, &ops, &s->request,
			     s->request.vhost->cluster.upstream_start_timeout_ms);
	if (!e)
		e = viewing_play(&p->viewing);
	viewing_end(&p->viewing);
	free(p);
	return e;
}
