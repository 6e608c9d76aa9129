/* A WebRTC player: its coroutine looks after the peer, the send slots of the source send the media. */
#include "base/mem.h"
#include "codec/frame.h"
#include "service/rtc_publish.h"
#include "service/rtc_sender.h"
#include "service/rtc_session.h"
#include "service/rtc_sound.h"
#include "session/viewing.h"

#include <stdlib.h>

enum {
	LOOK_MS = 20,    /* while it is waited for what the stream is */
	KNOWN_MS = 1500, /* but no longer */
	BASELINE = 66,
	CONSTRAINTS = 0xe0, /* of a baseline profile, as all encoders have it */
};

struct player {
	struct viewing viewing;
	struct rtc_session *s;
	struct rtc_sender *sender; /* from the connection to the end */
	bool has_needs;
};

static struct player *player_of(struct viewing *v)
{
	return container_of(v, struct player, viewing);
}

static const struct player *player_of_const(const struct viewing *v)
{
	return container_of_const(v, struct player, viewing);
}

/* ---- what the viewing asks ---- */

/* Before there is a link, only DELETE is of interest, for which there is no name yet. */
static err on_input(struct viewing *v)
{
	int64_t unused = CLOCK_NEVER;
	const struct rtc_session *s = player_of(v)->s;
	if (s->link)
		return rtc_session_check(player_of(v)->s, &unused);
	return s->has_left ? err_fail(ERR_CLOSED, "the client waits no longer") : OK;
}

/* Once something was sent: then all is there that sending takes. */
static void note_sent(struct player *p)
{
	const void *way[RTC_LINK_NEEDS];
	_Static_assert((int)RTC_LINK_NEEDS == (int)CONSUMER_WAY);
	if (!rtc_sender_counts(p->sender)->packets)
		return;
	viewing_note_sent(&p->viewing);
	p->has_needs = rtc_link_needs(p->s->link, way);
	if (p->has_needs)
		rtc_sender_note_needs(p->sender, &p->viewing.consumer, way);
}

static void on_send_slot(struct consumer *consumer)
{
	struct player *p = container_of(consumer, struct player, viewing.consumer);
	if (rtc_sender_has_sound(p->sender)) /* pictures mostly wait for the pacer */
		consumer_fetch_way(consumer);
	rtc_sender_turn(p->sender);
	if (!p->has_needs)
		note_sent(p);
}

static void on_join(struct viewing *v)
{
	struct player *p = player_of(v);
	v->has_told = true;
	p->has_needs = false;
	consumer_open(&v->consumer, v->source,
		      &(struct consumer_opts){
			      .kind = CONSUMER_PLAYER,
			      .instant = true,
			      .co = v->co,
			      .on_send_slot = on_send_slot,
		      });
	rtc_sender_join(p->sender, v->source);
}

static void on_leave(struct viewing *v)
{
	rtc_sender_leave(player_of(v)->sender);
}

static err on_send(struct viewing *v)
{
	v->monitor.left = LEFT_NOTHING;
	rtc_sender_turn(player_of(v)->sender);
	return OK;
}

static bool on_pending(const struct viewing *v)
{
	return rtc_sender_pending(player_of_const(v)->sender);
}

static err on_check(struct viewing *v, int64_t *deadline)
{
	return rtc_session_check(player_of(v)->s, deadline);
}

static void on_stop(struct viewing *v)
{
	co_wake(player_of(v)->s->co);
}

static struct traffic on_count(const struct viewing *v)
{
	return rtc_session_traffic(player_of_const(v)->s);
}

static int64_t on_skips(const struct viewing *v)
{
	return rtc_sender_counts(player_of_const(v)->sender)->skips;
}

static const struct viewing_ops ops = {
	.input = on_input,
	.join = on_join,
	.leave = on_leave,
	.send = on_send,
	.pending = on_pending,
	.check = on_check,
	.stop = on_stop,
	.count = on_count,
	.skips = on_skips,
};

/* ---- what the link brings ---- */

static void on_state(void *ctx)
{
	const struct player *p = ctx;
	co_wake(p->s->co);
}

static bool send_rtp(void *link, const struct srtp_packet *packet)
{
	return rtc_link_send_rtp(link, packet);
}

static bool send_rtcp(void *link, struct span compound)
{
	return rtc_link_send_rtcp(link, compound);
}

/* A player sends no media. */
static void on_rtp(void *ctx, struct span packet, int64_t now_us)
{
	(void)ctx;
	(void)packet;
	(void)now_us;
}

static void on_rtcp(void *ctx, struct span compound, int64_t now_us)
{
	const struct player *p = ctx;
	(void)now_us;
	if (p->sender)
		rtc_sender_take_rtcp(p->sender, compound);
}

static const struct rtc_link_ops link_ops = {
	.on_state = on_state, .on_rtp = on_rtp, .on_rtcp = on_rtcp};

static bool want_key(void *ctx)
{
	const struct player *p = ctx;
	const struct source *source = p->viewing.source;
	return rtc_publish_want_key(source) ||
	       generation_want_key(&p->s->request.server->former, source->key);
}

/* ---- what the stream is ---- */

static enum rtc_codec codec_of(const struct source *source)
{
	switch (source->video.codec) {
	case CODEC_AVC:
		return RTC_CODEC_H264;
	case CODEC_HEVC:
		return RTC_CODEC_H265;
	case CODEC_AV1:
		return RTC_CODEC_AV1;
	case CODEC_VP9:
		return RTC_CODEC_VP9;
	default:
		return RTC_CODEC_NONE;
	}
}

static uint32_t profile_of(const struct source *source)
{
	const struct video_info *v = &source->video;
	if (codec_of(source) == RTC_CODEC_VP9)
		return (uint32_t)v->profile;
	if (codec_of(source) != RTC_CODEC_H264 || v->profile <= 0 || v->profile > 255)
		return 0;
	return (uint32_t)v->profile << 16 | (v->profile == BASELINE ? CONSTRAINTS << 8 : 0) |
	       (uint32_t)(v->level & 0xff);
}

/* A stream that is being fetched says soon what it is; one that nobody publishes may say it at any time, and
 * then nobody waits. */
static err wait_until_known(struct player *p)
{
	const struct source *source = p->viewing.source;
	int64_t deadline = clock_after(KNOWN_MS);
	while ((p->viewing.viewer.pull || source_is_live(source)) && !source->video.codec &&
	       clock_ms() < deadline) {
		TRY(on_input(&p->viewing));
		if (p->viewing.outcome)
			return outcome_fail(p->viewing.outcome);
		err e = co_wait(clock_after(LOOK_MS));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	return OK;
}

/* With rtmp_to_rtc off, WebRTC players have WebRTC publishers alone, those of the process before this one among
 * them. */
static err check_bridge(const struct player *p)
{
	const struct source *source = p->viewing.source;
	if (p->s->request.vhost->rtc.rtmp_to_rtc || !source_is_live(source) ||
	    rtc_publish_feeds(source) ||
	    generation_has_rtc(&p->s->request.server->former, source->key))
		return OK;
	return err_fail(ERR_DENIED,
			"the stream is not published by WebRTC, and rtc.rtmp_to_rtc is off");
}

/* ---- the story ---- */

static void open_sender(struct player *p)
{
	const struct conf_rtc *conf = &p->s->request.vhost->rtc;
	struct rtc_sender_opts opts = {
		.media = &p->s->media,
		.out = {.send = send_rtp, .ctx = p->s->link},
		.send_rtcp = send_rtcp,
		.from_start = viewing_from_start(&p->viewing),
		.nack = conf->nack,
		.want_key = want_key,
		.want_key_ctx = p,
		.packets = {.keep_bframe = conf->keep_bframe, .keep_sei = conf->keep_avc_nalu_sei},
	};
	rtc_sound_options(&opts.packets, p->s->request.server, conf->opus_bitrate);
	p->s->sender = p->sender = rtc_sender_new(&opts);
	rtc_sender_open(p->sender);
}

/* One that was answered has a session, which services count from on_play on: it ends for them, too, when its peer never
 * comes. */
static err await_peer(struct player *p)
{
	err e = rtc_session_connect(p->s, p->viewing.outcome);
	if (e)
		viewing_pass(&p->viewing);
	return e;
}

static err meet(struct player *p)
{
	struct rtc_session *s = p->s;
	TRY(wait_until_known(p));
	TRY(check_bridge(p));
	enum rtc_codec codec = codec_of(p->viewing.source);
	TRY(rtc_session_answer(s, codec ? codec : s->ask.video, profile_of(p->viewing.source),
			       &link_ops, p));
	return await_peer(p);
}

static err run(struct player *p)
{
	const struct request *request = &p->s->request;
	TRY(viewing_find(&p->viewing, &ops, request,
			 request->vhost->cluster.upstream_start_timeout_ms));
	err e = meet(p);
	if (e) {
		request_refused(request, p->viewing.client.asked_ms, e, p->viewing.outcome);
		return e;
	}
	open_sender(p);
	return viewing_play(&p->viewing);
}

err rtc_play_run(struct rtc_session *s)
{
	struct player *p = mem_new(struct player);
	p->s = s;
	err e = run(p);
	s->sender = NULL;
	rtc_sender_free(&p->sender); /* which sends by the link */
	rtc_session_close_link(s);
	if (p->viewing.outcome)
		rtc_session_keep_outcome(s, p->viewing.outcome);
	viewing_end(&p->viewing);
	free(p);
	return e;
}
