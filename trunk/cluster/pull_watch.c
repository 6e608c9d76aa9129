/* When the silence of an origin is a loss: of its connection, or of its publisher. */
#include "cluster/pull.h"

enum {
	WAITING_MS = 1000,   /* accepted but no media for so long: it waits for a publisher */
	QUIET_MIN_MS = 500,  /* silence that is never suspicious */
	QUIET_MAX_MS = 5000, /* silence that always is */
	PONG_MS = 1000,      /* what a living origin needs to answer a ping */
};

void pull_look_again_at(struct pull_watch *w, int64_t when)
{
	w->deadline = when < w->deadline ? when : w->deadline;
}

static int64_t usual_silence(const struct pull *p)
{
	if (!p->media_ms)
		return QUIET_MAX_MS;
	int64_t limit = 3 * p->rhythm_ms;
	return limit < QUIET_MIN_MS ? QUIET_MIN_MS : limit > QUIET_MAX_MS ? QUIET_MAX_MS : limit;
}

/* Longer silence than usual is answered by a ping, a missing pong is a loss. */
static err check_pong(struct pull *p, struct pull_watch *w)
{
	struct link *l = p->link;
	int64_t now = clock_ms(), heard = sock_recv_ms(l->sock);
	if (l->ping_ms && l->ping_ms >= heard) {
		pull_look_again_at(w, l->ping_ms + PONG_MS);
		return now < l->ping_ms + PONG_MS
			       ? OK
			       : err_fail(ERR_TIMEOUT, "it does not answer a ping (%d ms)",
					  PONG_MS);
	}
	if (now < heard + usual_silence(p)) {
		pull_look_again_at(w, heard + usual_silence(p));
		return OK;
	}
	l->ops->ping(l);
	pull_look_again_at(w, now + PONG_MS);
	return l->ops->flush(l);
}

/* A protocol without pings: what is silent for far longer than usual is lost. */
static err check_arrival(struct pull *p, struct pull_watch *w)
{
	int64_t limit = usual_silence(p) + 2 * PONG_MS;
	int64_t until = sock_recv_ms(p->link->sock) + limit;
	if (p->origin != ORIGIN_FEEDS)
		return OK; /* a publisher is waited for; see check_media() */
	pull_look_again_at(w, until);
	return clock_ms() < until
		       ? OK
		       : err_fail(ERR_TIMEOUT, "it was silent for %lld ms", (long long)limit);
}

/* The stream is interrupted, not only the connection: whoever hears of gaps does now. */
static void begin_gap(struct pull *p)
{
	if (p->source->feeder == &p->in.feeder)
		source_leave(p->source, &p->in.feeder, p->vhost->cluster.upstream_timeout_ms);
	if (p->state == PULL_TRYING)
		pull_set_state(p, PULL_WAITING);
}

/* The link is there, and nothing has come over it. */
static err check_waiting(struct pull *p, struct pull_watch *w)
{
	int64_t now = clock_ms();
	if (p->source->timeline.used && now >= pull_gives_up_at(p))
		return err_fail(ERR_TIMEOUT, "it has sent no media");
	if (p->source->timeline.used)
		pull_look_again_at(w, pull_gives_up_at(p));
	if (now - w->began_ms >= WAITING_MS)
		begin_gap(p);
	else
		pull_look_again_at(w, w->began_ms + WAITING_MS);
	return OK;
}

/* An origin that answers but has no media, or had none for long, may have lost its publisher
 * without telling; another one may have it. */
static err check_media(struct pull *p, struct pull_watch *w)
{
	bool feeds = p->origin == ORIGIN_FEEDS;
	int64_t now = clock_ms(), media = p->media_ms ? p->media_ms : w->began_ms;
	int64_t patience = feeds ? QUIET_MAX_MS + 2 * p->rhythm_ms : w->patience_ms;
	bool can_go = w->patience_ms < CLOCK_NEVER;
	if (can_go && now - media >= patience)
		return err_fail(ERR_TIMEOUT, "it has sent no media for %lld ms",
				(long long)patience);
	if (can_go)
		pull_look_again_at(w, media + patience);
	return feeds ? OK : check_waiting(p, w);
}

err pull_check_silence(struct pull *p, struct pull_watch *w)
{
	TRY(check_media(p, w));
	return p->link->ops->ping ? check_pong(p, w) : check_arrival(p, w);
}
