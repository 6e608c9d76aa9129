#include "rtc/answer.h"
#include "rtc/formats.h"

#include <stdio.h>
#include <strings.h>

enum {
	DISCARD_PORT = 9, /* of a section whose address the candidates say */
	EXT_ID_MAX = 255,
	SSRC_MAX = 0xffffffff,
	/* Of candidates (RFC 8445, 5.1.2, RFC 6544, 4.2): UDP first, then in our order. */
	PREFERENCE_HOST_UDP = 126,
	PREFERENCE_HOST_TCP = 90,
	PREFERENCE_PASSIVE = 4 << 13,
	PREFERENCE_LOCAL_MAX = 65535,
};

static const char ext_mid[] = "urn:ietf:params:rtp-hdrext:sdes:mid";
static const char ext_twcc[] =
	"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
static const char ext_playout_delay[] =
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

/* The answer to one section. */
struct section {
	const struct sdp_section *of;
	struct rtc_track *track;
	struct rtc_format format, rtx;
};

struct answer {
	struct buf *out;
	const struct rtc_offer *offer;
	const struct rtc_answer_opts *opts;
	struct section audio, video;
};

void rtc_candidates_add(struct rtc_candidates *list, const char *host, int port, bool tcp)
{
	for (int i = 0; i < list->count; i++) {
		const struct rtc_candidate *c = &list->v[i];
		if (c->port == port && c->tcp == tcp && strcasecmp(c->host, host) == 0)
			return;
	}
	if (list->count == RTC_CANDIDATES_MAX || strlen(host) >= HOST_MAX)
		return;
	struct rtc_candidate *c = &list->v[list->count++];
	*c = (struct rtc_candidate){.port = port, .tcp = tcp};
	memcpy(c->host, host, strlen(host) + 1);
}

bool rtc_answer_is_active(const struct rtc_offer *offer, bool active)
{
	return offer->setup == RTC_SETUP_PASSIVE || (offer->setup == RTC_SETUP_ACTPASS && active);
}

/* ---- what is taken ---- */

/* "a=extmap:3/sendonly uri": its id; 0: it is not offered. */
static uint8_t ext_id(const struct sdp_section *s, const char *uri)
{
	const struct sdp_attr *a = NULL;
	while ((a = sdp_attr_next(&s->attrs, a, "extmap"))) {
		struct span value = a->value, head = sdp_word(&value);
		int64_t id = span_number(sdp_until(&head, '/'), EXT_ID_MAX);
		if (id > 0 && span_is(sdp_word(&value), uri))
			return (uint8_t)id;
	}
	return 0;
}

static uint32_t read_ssrc(struct span *text)
{
	int64_t v = span_number(sdp_word(text), SSRC_MAX);
	return v > 0 ? (uint32_t)v : 0;
}

/* The SSRCs that the peer sends with, if it says so. */
static void take_ssrcs(struct rtc_track *t, const struct sdp_section *s)
{
	const struct sdp_attr *a = sdp_attr_next(&s->attrs, NULL, "ssrc");
	if (a) {
		struct span value = a->value;
		t->ssrc = read_ssrc(&value);
	}
	for (a = NULL; t->has_rtx && (a = sdp_attr_next(&s->attrs, a, "ssrc-group"));) {
		struct span value = a->value;
		if (!span_is(sdp_word(&value), "FID"))
			continue;
		t->ssrc = read_ssrc(&value);
		t->rtx_ssrc = read_ssrc(&value);
		return;
	}
}

static void take_feedback(const struct answer *a, struct section *s)
{
	struct rtc_track *t = s->track;
	const struct rtc_answer_opts *opts = a->opts;
	int pt = s->format.pt;
	t->ext.mid = ext_id(s->of, ext_mid);
	if (opts->publish && opts->twcc && rtc_format_feedback(s->of, pt, "transport-cc"))
		t->ext.twcc = ext_id(s->of, ext_twcc);
	if (!opts->publish && s == &a->video)
		t->ext.playout_delay = ext_id(s->of, ext_playout_delay);
	t->feedback = (struct rtc_feedback){
		.nack = opts->nack && rtc_format_feedback(s->of, pt, "nack"),
		.pli = opts->nack && rtc_format_feedback(s->of, pt, "nack pli"),
		.fir = !opts->publish && rtc_format_feedback(s->of, pt, "ccm fir"),
		.twcc = t->ext.twcc != 0,
		.remb = !t->ext.twcc && rtc_format_feedback(s->of, pt, "goog-remb"),
	};
}

static err take_mid(struct rtc_track *t, const struct sdp *sdp, const struct sdp_section *s)
{
	struct span mid = sdp_value(sdp, s, "mid");
	if (mid.n >= RTC_MID_MAX)
		return err_fail(ERR_LIMIT, "a mid of %zu bytes", mid.n);
	memcpy(t->mid, mid.p, mid.n);
	t->mid[mid.n] = '\0';
	return OK;
}

static err take(const struct answer *a, struct section *s, enum rtc_codec codec)
{
	struct rtc_track *t = s->track;
	bool video = s == &a->video;
	t->codec = codec;
	t->pt = (uint8_t)s->format.pt;
	t->channels = (uint8_t)s->format.channels;
	t->profile_level_id = codec == RTC_CODEC_H264 ? rtc_format_profile(&s->format) : 0;
	t->has_rtx = a->opts->nack && rtc_format_rtx(&s->rtx, s->of, s->format.pt);
	t->rtx_pt = t->has_rtx ? (uint8_t)s->rtx.pt : 0;
	t->reduced_rtcp = sdp_has(&s->of->attrs, "rtcp-rsize");
	take_feedback(a, s);
	if (a->opts->publish) {
		take_ssrcs(t, s->of);
	} else {
		t->ssrc = a->opts->ssrc[video];
		t->rtx_ssrc = t->has_rtx ? a->opts->ssrc[2 + video] : 0;
	}
	return take_mid(t, &a->offer->sdp, s->of);
}

static err take_audio(struct answer *a)
{
	struct section *s = &a->audio;
	if (!s->of)
		return OK;
	if (!rtc_format_choose(&s->format, s->of, RTC_CODEC_OPUS, 0))
		return err_fail(ERR_NOTFOUND, "the sound is not offered as Opus");
	return take(a, s, RTC_CODEC_OPUS);
}

static err take_video(struct answer *a)
{
	static const enum rtc_codec any[] = {RTC_CODEC_H264, RTC_CODEC_H265, RTC_CODEC_AV1,
					     RTC_CODEC_VP9};
	const struct rtc_answer_opts *opts = a->opts;
	struct section *s = &a->video;
	if (!s->of)
		return OK;
	for (int i = 0; i < 4; i++) {
		if (opts->video != RTC_CODEC_NONE && opts->video != any[i])
			continue;
		if (rtc_format_choose(&s->format, s->of, any[i], opts->profile))
			return take(a, s, any[i]);
	}
	return opts->video == RTC_CODEC_NONE
		       ? err_fail(ERR_NOTFOUND, "the video is offered in no codec that is known "
						"here (H.264, H.265, AV1, VP9)")
		       : err_fail(ERR_NOTFOUND, "the video is %s, which is not offered",
				  rtc_codec_name(opts->video));
}

/* ---- the session ---- */

static void write_session(const struct answer *a)
{
	const struct sdp *sdp = &a->offer->sdp;
	struct buf *out = a->out;
	sdp_write(out, "v=0");
	sdp_write(out, "o=- %llu 2 IN IP4 0.0.0.0", (unsigned long long)a->opts->session);
	sdp_write(out, "s=-");
	sdp_write(out, "t=0 0");
	sdp_write(out, "a=ice-lite");
	if (sdp_has(&sdp->attrs, "extmap-allow-mixed"))
		sdp_write(out, "a=extmap-allow-mixed");
	buf_printf(out, "a=group:BUNDLE");
	for (int i = 0; i < sdp->count; i++) {
		const struct sdp_section *s = &sdp->sections[i];
		if (s == a->audio.of)
			buf_printf(out, " %s", a->audio.track->mid);
		else if (s == a->video.of)
			buf_printf(out, " %s", a->video.track->mid);
	}
	buf_printf(out, "\r\n");
	sdp_write(out, "a=msid-semantic: WMS *");
}

/* ---- a section ---- */

static void write_transport(const struct answer *a)
{
	const struct rtc_answer_opts *opts = a->opts;
	sdp_write(a->out, "a=ice-ufrag:%s", opts->ufrag);
	sdp_write(a->out, "a=ice-pwd:%s", opts->pwd);
	if (opts->trickle)
		sdp_write(a->out, "a=ice-options:trickle");
	sdp_write(a->out, "a=fingerprint:%s", opts->fingerprint);
	sdp_write(a->out, "a=setup:%s",
		  rtc_answer_is_active(a->offer, opts->active) ? "active" : "passive");
}

static void write_candidates(const struct answer *a)
{
	const struct rtc_candidates *list = a->opts->candidates;
	for (int i = 0; i < list->count; i++) {
		const struct rtc_candidate *c = &list->v[i];
		unsigned local = c->tcp ? PREFERENCE_PASSIVE + (unsigned)(RTC_CANDIDATES_MAX - i)
					: PREFERENCE_LOCAL_MAX - (unsigned)i;
		unsigned type = c->tcp ? PREFERENCE_HOST_TCP : PREFERENCE_HOST_UDP;
		sdp_write(a->out, "a=candidate:%d 1 %s %u %s %d typ host%s", i + 1,
			  c->tcp ? "tcp" : "udp", type << 24 | local << 8 | 255, c->host, c->port,
			  c->tcp ? " tcptype passive" : "");
	}
	sdp_write(a->out, "a=end-of-candidates");
}

static void write_ext(struct buf *out, uint8_t id, const char *uri)
{
	if (id)
		sdp_write(out, "a=extmap:%u %s", id, uri);
}

static void write_format(struct buf *out, const struct rtc_format *f, const char *name)
{
	if (f->channels > 1)
		sdp_write(out, "a=rtpmap:%d %s/%d/%d", f->pt, name, f->clock, f->channels);
	else
		sdp_write(out, "a=rtpmap:%d %s/%d", f->pt, name, f->clock);
}

/* H.264 repeats no parameter sets: those in the stream count. */
static void write_fmtp(struct buf *out, const struct rtc_track *t, const struct rtc_format *f)
{
	if (t->codec != RTC_CODEC_H264) {
		if (f->fmtp.n)
			sdp_write(out, "a=fmtp:%d %.*s", f->pt, (int)f->fmtp.n, f->fmtp.p);
		return;
	}
	struct span level = sdp_parameter(f->fmtp, "profile-level-id");
	bool asymmetry = span_is(sdp_parameter(f->fmtp, "level-asymmetry-allowed"), "1");
	sdp_write(out, "a=fmtp:%d %spacketization-mode=%d%s%.*s", f->pt,
		  asymmetry ? "level-asymmetry-allowed=1;" : "", rtc_format_mode(f),
		  level.n ? ";profile-level-id=" : "", (int)level.n, level.p);
}

static void write_formats(const struct answer *a, const struct section *s)
{
	const struct rtc_track *t = s->track;
	struct buf *out = a->out;
	char name[32];
	snprintf(name, sizeof(name), "%.*s", (int)s->format.name.n, s->format.name.p);
	write_format(out, &s->format, name);
	if (t->feedback.twcc)
		sdp_write(out, "a=rtcp-fb:%u transport-cc", t->pt);
	if (t->feedback.remb)
		sdp_write(out, "a=rtcp-fb:%u goog-remb", t->pt);
	if (t->feedback.fir)
		sdp_write(out, "a=rtcp-fb:%u ccm fir", t->pt);
	if (t->feedback.nack)
		sdp_write(out, "a=rtcp-fb:%u nack", t->pt);
	if (t->feedback.pli)
		sdp_write(out, "a=rtcp-fb:%u nack pli", t->pt);
	write_fmtp(out, t, &s->format);
	if (t->has_rtx) {
		write_format(out, &s->rtx, "rtx");
		sdp_write(out, "a=fmtp:%u apt=%u", t->rtx_pt, t->pt);
	}
}

/* Sound and pictures of one name are played in step. */
static void write_ssrcs(const struct answer *a, const struct section *s)
{
	const struct rtc_track *t = s->track;
	const char *cname = a->opts->cname;
	if (a->opts->publish)
		return;
	if (t->has_rtx)
		sdp_write(a->out, "a=ssrc-group:FID %u %u", t->ssrc, t->rtx_ssrc);
	sdp_write(a->out, "a=ssrc:%u cname:%s", t->ssrc, cname);
	if (t->has_rtx)
		sdp_write(a->out, "a=ssrc:%u cname:%s", t->rtx_ssrc, cname);
}

static void write_section_head(const struct answer *a, const struct section *s)
{
	const struct rtc_track *t = s->track;
	struct buf *out = a->out;
	char kind[8], rtx[8] = "";
	snprintf(kind, sizeof(kind), "%s", s == &a->audio ? "audio" : "video");
	if (t->has_rtx)
		snprintf(rtx, sizeof(rtx), " %u", t->rtx_pt);
	sdp_write(out, "m=%s %d UDP/TLS/RTP/SAVPF %u%s", kind, DISCARD_PORT, t->pt, rtx);
	sdp_write(out, "c=IN IP4 0.0.0.0");
	sdp_write(out, "a=rtcp:9 IN IP4 0.0.0.0");
	write_transport(a);
	sdp_write(out, "a=mid:%s", t->mid);
}

static void write_section(const struct answer *a, const struct section *s)
{
	const struct rtc_track *t = s->track;
	struct buf *out = a->out;
	write_section_head(a, s);
	write_ext(out, t->ext.twcc, ext_twcc);
	write_ext(out, t->ext.mid, ext_mid);
	write_ext(out, t->ext.playout_delay, ext_playout_delay);
	sdp_write(out, "a=%s", a->opts->publish ? "recvonly" : "sendonly");
	if (!a->opts->publish)
		sdp_write(out, "a=msid:%s %s", a->opts->cname, s == &a->audio ? "audio" : "video");
	sdp_write(out, "a=rtcp-mux");
	if (sdp_has(&s->of->attrs, "rtcp-mux-only"))
		sdp_write(out, "a=rtcp-mux-only");
	if (t->reduced_rtcp)
		sdp_write(out, "a=rtcp-rsize");
	write_formats(a, s);
	write_ssrcs(a, s);
	write_candidates(a);
}

/* A section that is not taken keeps its place (RFC 3264, 6). */
static void refuse_section(const struct answer *a, const struct sdp_section *s)
{
	struct span formats = s->formats, format = sdp_word(&formats);
	struct span mid = sdp_value(&a->offer->sdp, s, "mid");
	sdp_write(a->out, "m=%.*s 0 %.*s %.*s", (int)s->kind.n, s->kind.p, (int)s->protocol.n,
		  s->protocol.p, (int)format.n, format.p);
	sdp_write(a->out, "c=IN IP4 0.0.0.0");
	if (mid.n)
		sdp_write(a->out, "a=mid:%.*s", (int)mid.n, mid.p);
	sdp_write(a->out, "a=inactive");
}

err rtc_answer_write(struct buf *out, struct rtc_media *media, const struct rtc_offer *offer,
		     const struct rtc_answer_opts *opts)
{
	struct answer a = {
		.out = out,
		.offer = offer,
		.opts = opts,
		.audio = {.of = offer->audio, .track = &media->audio},
		.video = {.of = offer->video, .track = &media->video},
	};
	*media = (struct rtc_media){.publish = opts->publish};
	snprintf(media->cname, sizeof(media->cname), "%s", opts->cname);
	TRY(take_audio(&a));
	TRY(take_video(&a));
	write_session(&a);
	for (int i = 0; i < offer->sdp.count; i++) {
		const struct sdp_section *s = &offer->sdp.sections[i];
		if (s == a.audio.of)
			write_section(&a, &a.audio);
		else if (s == a.video.of)
			write_section(&a, &a.video);
		else
			refuse_section(&a, s);
	}
	return buf_ok(out) ? OK : err_fail(ERR_LIMIT, "the answer would be too long");
}
