/* One origin of a pull: what it sends goes to the seam, its silence is watched, and the first sign
 * that it is lost ends this. */
#include "cluster/announce.h"
#include "cluster/flv_feed.h"
#include "cluster/pull.h"
#include "codec/metadata.h"

enum {
	WAITING_MS = 1000,   /* accepted but no media for so long: it waits for a publisher */
	QUIET_MIN_MS = 500,  /* silence that is never suspicious */
	QUIET_MAX_MS = 5000, /* silence that always is */
	PONG_MS = 1000,      /* what a living origin needs to answer a ping */
	RHYTHM_MAX_MS = 20000,
	REASK_MS = 300, /* at most so often because of others who wait */
	SLICE_MESSAGES = 64,
};

/* ---- media ---- */

/* The stream's own rhythm, from its times and from arrivals: a burst from a cache says something
 * by its times only, and so does what was left to gather. */
static void note_arrival(struct pull *p, uint32_t raw)
{
	int64_t now = clock_ms(), gap = p->media_ms ? now - p->media_ms : 0;
	if (sock_has_rcvlowat(p->in.sock))
		gap = 0;
	int64_t step = p->media_ms ? (int32_t)(raw - p->media_raw) : 0;
	if (step > gap && step < RHYTHM_MAX_MS)
		gap = step;
	p->rhythm_ms = gap > p->rhythm_ms ? gap : p->rhythm_ms - p->rhythm_ms / 16;
	p->media_ms = now;
	p->media_raw = raw;
	p->lost_ms = 0;
	p->dry_rounds = 0;
	p->fed = true;
	if (p->state != PULL_LIVE)
		pull_set_state(p, PULL_LIVE);
}

static void take_media(struct pull *p, struct msg *m, uint32_t raw)
{
	if (m->type == MSG_VIDEO)
		m->frame = frame_of_video(msg_span(m));
	else if (m->type == MSG_AUDIO)
		m->frame = frame_of_audio(msg_span(m));
	/* Headers alone are no media: an origin keeps those of a publisher that has left. */
	if (m->type != MSG_DATA && !headers_wants(m))
		note_arrival(p, raw);
	resume_take(&p->resume, m, raw);
}

static void take_data(struct pull *p, struct span body, uint32_t raw)
{
	struct msg *data = metadata_read(body);
	if (data)
		take_media(p, data, raw);
}

/* ---- what arrives ---- */

static err take_message(struct pull *p, struct rtmp_msg *m, struct rtmp_refusal *refusal)
{
	struct msg *media = m->media;
	if ((m->type == RTMP_AUDIO || m->type == RTMP_VIDEO) && media) {
		m->media = NULL;
		take_media(p, media, m->ts);
		return OK;
	}
	if (m->type == RTMP_DATA && media) {
		take_data(p, msg_span(media), m->ts);
		return OK;
	}
	return rtmp_client_status(p->up.conn, m, refusal);
}

static err next_rtmp(struct pull *p, struct rtmp_refusal *refusal)
{
	struct rtmp_msg m = {0};
	err e = rtmp_try_recv(p->up.conn, &m);
	if (!e)
		e = take_message(p, &m, refusal);
	rtmp_msg_fini(&m);
	return e;
}

static err next_flv(struct pull *p)
{
	struct msg *m = NULL;
	TRY(flv_feed_next(p->up.feed, &m));
	if (m->type != MSG_DATA) {
		take_media(p, m, (uint32_t)m->ts);
		return OK;
	}
	take_data(p, msg_span(m), (uint32_t)m->ts);
	msg_unref(&m);
	return OK;
}

/* The origin may send without a pause. */
static err let_others_run(struct pull *p)
{
	read_pacing_caught_up(&p->in, p->source, false);
	co_yield ();
	return co_stopping() ? ERR_STOPPED : OK;
}

/* All that has arrived, unless a publisher has come here: none of it is for the source then. The seam is
 * looked for when there is no more at the moment. */
static err receive(struct pull *p, struct rtmp_refusal *refusal)
{
	for (int n = 1;; n++) {
		if (pull_is_published_here(p))
			return err_fail(ERR_ENDED, "the stream is published on this server now");
		err e = p->up.feed ? next_flv(p) : next_rtmp(p, refusal);
		if (e == ERR_AGAIN)
			break;
		if (e)
			return e;
		if (n % SLICE_MESSAGES)
			continue;
		TRY(let_others_run(p));
		if (pull_is_unwanted(p))
			break;
	}
	resume_look(&p->resume);
	read_pacing_caught_up(&p->in, p->source, true);
	read_pacing_pace(&p->in, p->source, !p->resume.open || (p->up.conn && p->up.conn->ping_ms));
	if (!p->up.conn)
		return OK;
	announce_players(&p->telling, p->up.conn, &p->up.peer, p->source);
	return p->up.conn->out.n ? rtmp_flush(p->up.conn) : OK;
}

/* ---- silence ---- */

struct watch {
	int64_t began_ms, patience_ms, deadline;
};

static void look_again_at(struct watch *w, int64_t when)
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
static err check_peer(struct pull *p, struct watch *w)
{
	struct rtmp_conn *conn = p->up.conn;
	int64_t now = clock_ms(), heard = sock_recv_ms(conn->sock);
	if (conn->ping_ms && conn->ping_ms >= heard) {
		look_again_at(w, conn->ping_ms + PONG_MS);
		return now < conn->ping_ms + PONG_MS
			       ? OK
			       : err_fail(ERR_TIMEOUT, "it does not answer a ping (%d ms)",
					  PONG_MS);
	}
	conn->ping_ms = 0;
	if (now < heard + usual_silence(p)) {
		look_again_at(w, heard + usual_silence(p));
		return OK;
	}
	rtmp_put_ping(conn);
	sock_set_rcvlowat(conn->sock, false);
	look_again_at(w, now + PONG_MS);
	return rtmp_flush(conn);
}

/* HTTP knows no ping: what is silent for far longer than usual is lost. */
static err check_feed(struct pull *p, struct watch *w)
{
	int64_t limit = usual_silence(p) + 2 * PONG_MS;
	int64_t until = sock_recv_ms(flv_feed_sock(p->up.feed)) + limit;
	if (!p->fed)
		return OK; /* a publisher is waited for; see check_media() */
	look_again_at(w, until);
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

/* An origin that answers but has no media, or had none for long, may have lost its publisher
 * without telling; another one may have it. */
static err check_media(struct pull *p, struct watch *w)
{
	int64_t now = clock_ms(), media = p->media_ms ? p->media_ms : w->began_ms;
	int64_t patience = p->fed ? QUIET_MAX_MS + 2 * p->rhythm_ms : w->patience_ms;
	bool can_go = w->patience_ms < CLOCK_NEVER;
	if (can_go && now - media >= patience)
		return err_fail(ERR_TIMEOUT, "it has sent no media for %lld ms",
				(long long)patience);
	if (can_go)
		look_again_at(w, media + patience);
	if (p->fed)
		return OK;
	if (p->source->timeline.used && now >= pull_gives_up_at(p))
		return err_fail(ERR_TIMEOUT, "it has sent no media");
	if (p->source->timeline.used)
		look_again_at(w, pull_gives_up_at(p));
	if (now - w->began_ms >= WAITING_MS)
		begin_gap(p);
	else
		look_again_at(w, w->began_ms + WAITING_MS);
	return OK;
}

err pull_relay(struct pull *p, int64_t patience_ms, struct rtmp_refusal *refusal)
{
	struct watch w = {.began_ms = clock_ms(), .patience_ms = patience_ms};
	for (;;) {
		TRY(receive(p, refusal));
		if (pull_is_unwanted(p))
			return err_fail(ERR_ENDED, "nobody watches any more");
		if (p->reask && !p->fed && clock_ms() >= w.began_ms + REASK_MS)
			return err_fail(ERR_TIMEOUT, "another server waits for the stream too");
		w.deadline = resume_due(&p->resume);
		if (p->reask && !p->fed)
			look_again_at(&w, w.began_ms + REASK_MS);
		look_again_at(&w, pull_unwanted_at(p));
		TRY(check_media(p, &w));
		TRY(p->up.feed ? check_feed(p, &w) : check_peer(p, &w));
		err e = co_wait(w.deadline);
		if (e == ERR_TIMEOUT)
			sock_force_read(p->in.sock); /* no verdict before what has come is read */
		else if (e)
			return e;
	}
}
