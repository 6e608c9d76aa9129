/* Packets come in the port's coroutine, messages are published by the session's own. */
#include "service/rtc_publish.h"
#include "base/mem.h"
#include "rtc/rx.h"
#include "service/rtc_session.h"
#include "service/rtc_sound.h"
#include "session/publication.h"

#include <stdlib.h>

struct publisher {
	struct publication publication;
	struct rtc_session *s;
	struct rx *rx;         /* from the answer to the end */
	struct aac_maker *aac; /* for everybody but browsers; NULL: the sound stays Opus */
	struct timer timer;    /* wakes it when rx has something to do */
};

static struct publisher *publisher_of(struct publication *p)
{
	return container_of(p, struct publisher, publication);
}

static const struct publisher *publisher_of_const(const struct publication *p)
{
	return container_of_const(p, struct publisher, publication);
}

/* ---- what the publication asks ---- */

/* There is no question that a WebRTC peer has to answer: reports and checks come by themselves. */
static void on_probe(struct publication *p)
{
	(void)p;
}

static int64_t on_last_heard(const struct publication *p)
{
	return rtc_session_heard_ms(publisher_of_const(p)->s);
}

static int64_t on_arrived(const struct publication *p)
{
	return rtc_session_traffic(publisher_of_const(p)->s).recv;
}

static bool on_has_left(const struct publication *p)
{
	return publisher_of_const(p)->s->has_left;
}

static int64_t on_patience(const struct publication *p)
{
	return p->request->vhost->rtc.stun_timeout_ms;
}

static void on_stop(struct publication *p)
{
	co_wake(publisher_of(p)->s->co);
}

static struct traffic on_count(const struct publication *p)
{
	return rtc_session_traffic(publisher_of_const(p)->s);
}

static const struct publication_ops ops = {
	.probe = on_probe,
	.last_heard_ms = on_last_heard,
	.arrived = on_arrived,
	.has_left = on_has_left,
	.patience_ms = on_patience,
	.stop = on_stop,
	.count = on_count,
};

/* ---- what the link brings ---- */

static void on_state(void *ctx)
{
	const struct publisher *p = ctx;
	co_wake(p->s->co);
}

static void on_rtp(void *ctx, struct span packet, int64_t now_us)
{
	const struct publisher *p = ctx;
	rx_take(p->rx, packet, now_us);
	co_wake(p->s->co);
}

static void on_rtcp(void *ctx, struct span compound, int64_t now_us)
{
	const struct publisher *p = ctx;
	rx_take_rtcp(p->rx, compound, now_us);
}

static const struct rtc_link_ops link_ops = {
	.on_state = on_state, .on_rtp = on_rtp, .on_rtcp = on_rtcp};

static void send_rtcp(void *ctx, struct span compound)
{
	const struct publisher *p = ctx;
	if (p->s->link)
		(void)rtc_link_send_rtcp(p->s->link, compound);
}

static void on_timer(struct timer *timer)
{
	co_wake(container_of(timer, struct publisher, timer)->s->co);
}

/* ---- media ---- */

static err publish_one(struct publisher *p, struct msg *m, uint32_t ts)
{
	struct publication *publication = &p->publication;
	(void)source_publish(publication->source, &publication->in.feeder, &m, ts);
	return publication_took(publication);
}

static err publish_all(struct publisher *p)
{
	struct msg *m;
	uint32_t ts;
	while (p->aac && aac_maker_next(p->aac, &m, &ts))
		TRY(publish_one(p, m, ts));
	while (rx_next(p->rx, &m, &ts)) {
		if (p->aac)
			rtc_aac_take(p->aac, &m, ts);
		if (m)
			TRY(publish_one(p, m, ts));
	}
	publication_caught_up(&p->publication);
	return OK;
}

static err publish_loop(struct publisher *p)
{
	for (;;) {
		int64_t silence = CLOCK_NEVER;
		TRY(rtc_session_check(p->s, &silence));
		if (clock_ms() >= rx_deadline(p->rx))
			rx_tick(p->rx, clock_us());
		TRY(publish_all(p));
		timer_set(&p->timer, rx_deadline(p->rx));
		TRY(publication_wait(&p->publication));
	}
}

/* ---- the story ---- */

static void open_rx(struct publisher *p)
{
	const struct conf_rtc *conf = &p->s->request.vhost->rtc;
	p->rx = rx_new(&p->s->media,
		       &(struct rx_opts){
			       .send_rtcp = send_rtcp,
			       .ctx = p,
			       .nack = conf->nack,
			       .key_ms = conf->rtc_to_rtmp ? conf->pli_for_rtmp_ms : 0,
		       });
	p->s->rx = p->rx;
	if (conf->rtc_to_rtmp && p->s->media.audio.codec == RTC_CODEC_OPUS)
		p->aac = rtc_aac_new(p->s->request.server, p->publication.source->key,
				     conf->aac_bitrate, p->s->co);
}

/* The slot is taken before the client is answered: it hears of a refusal by HTTP. */
static err run(struct publisher *p)
{
	struct rtc_session *s = p->s;
	TRY(publication_begin(&p->publication, &ops, &s->request));
	TRY(rtc_session_answer(s, s->ask.video, 0, &link_ops, p));
	open_rx(p);
	TRY(rtc_session_connect(s, &p->publication.outcome));
	return publish_loop(p);
}

err rtc_publish_run(struct rtc_session *s)
{
	struct publisher *p = mem_new(struct publisher);
	p->s = s;
	p->timer.fn = on_timer;
	err e = run(p);
	timer_cancel(&p->timer);
	rtc_session_close_link(s);
	e = publication_end(&p->publication, e);
	if (p->publication.outcome.code)
		rtc_session_keep_outcome(s, &p->publication.outcome);
	s->rx = NULL;
	rx_free(&p->rx);
	aac_maker_free(&p->aac);
	free(p);
	return e;
}

/* ---- for players ---- */

static struct publisher *feeding(const struct source *source)
{
	struct publication *p = publication_of(source);
	return p && p->ops == &ops ? publisher_of(p) : NULL;
}

bool rtc_publish_feeds(const struct source *source)
{
	return feeding(source) != NULL;
}

bool rtc_publish_want_key(const struct source *source)
{
	struct publisher *p = feeding(source);
	if (p && p->rx)
		rx_want_key(p->rx, clock_us());
	return p != NULL;
}
