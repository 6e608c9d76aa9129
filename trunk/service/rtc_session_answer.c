/* The answer to an offer, and the link that it promises. */
#include "base/mem.h"
#include "rtc/random.h"
#include "service/rtc_candidates.h"
#include "service/rtc_session.h"

#include <stdio.h>
#include <stdlib.h>

enum { CANDIDATES_TEXT_MAX = 4096 };

static err fill_random(struct rtc_answer_opts *opts, char cname[static 17])
{
	uint8_t bytes[8];
	TRY(rtc_random(opts->ssrc, sizeof(opts->ssrc)));
	TRY(rtc_random(&opts->session, sizeof(opts->session)));
	TRY(rtc_random(bytes, sizeof(bytes)));
	opts->session >>= 1;
	for (int i = 0; i < 4; i++)
		opts->ssrc[i] = (opts->ssrc[i] & ~3u) | (unsigned)i; /* no two are the same */
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(cname + 2 * i, 3, "%02x", bytes[i]);
	return OK;
}

static void describe_candidates(struct rtc_session *s, const struct rtc_candidates *list)
{
	struct buf b = {.max = CANDIDATES_TEXT_MAX};
	for (int i = 0; i < list->count; i++) {
		const struct rtc_candidate *c = &list->v[i];
		bool v6 = strchr(c->host, ':') != NULL;
		buf_printf(&b, "%s%s %s%s%s:%d", i ? "," : "", c->tcp ? "tcp" : "udp",
			   v6 ? "[" : "", c->host, v6 ? "]" : "", c->port);
	}
	s->candidates = mem_strdup(buf_text(&b));
	buf_free(&b);
}

static err write_answer(struct rtc_session *s, struct rtc_answer_opts *opts)
{
	char cname[17] = "";
	opts->cname = cname;
	err e = fill_random(opts, cname);
	if (!e)
		e = rtc_answer_write(&s->answer, &s->media, &s->offer, opts);
	if (!e)
		describe_candidates(s, opts->candidates);
	if (e == ERR_NOTFOUND)
		s->refusal = RTC_UNACCEPTABLE;
	else if (e)
		s->refusal = e == ERR_LIMIT ? RTC_MALFORMED : RTC_FAILED;
	return e;
}

static err make_words(struct rtc_session *s, struct ice_word_pair *out)
{
	if (!*s->ask.ufrag)
		return ice_words_new(out);
	*out = (struct ice_word_pair){mem_strdup(s->ask.ufrag), mem_strdup(s->ask.pwd)};
	return OK;
}

/* Nothing here waits: the certificate of the link is the one whose fingerprint the answer has. */
static err open_link(struct rtc_session *s, struct rtc_link_opts *link,
		     struct rtc_answer_opts *opts)
{
	TRY(rtc_hub_identity(s->hub, &link->identity));
	TRY(make_words(s, &link->words));
	opts->ufrag = link->words.ufrag;
	opts->pwd = link->words.pwd;
	opts->fingerprint = dtls_identity_fingerprint(link->identity);
	err e = write_answer(s, opts);
	if (!e)
		return rtc_link_open(&s->link, link);
	ice_words_free(&link->words);
	return e;
}

/* Names may have to be looked up, and a reload meanwhile may have moved the port: nobody reads the former one then. */
static err answer_at(struct rtc_session *s, struct rtc_link_opts *link,
		     struct rtc_answer_opts *opts)
{
	err e;
	struct rtc_candidates *list = mem_new(struct rtc_candidates);
	rtc_candidates_find(list, s->hub, s->conf, &s->ask, link->port);
	opts->candidates = list;
	if (rtc_hub_port(s->hub) == link->port)
		e = open_link(s, link, opts);
	else
		e = err_fail(ERR_DENIED, "the WebRTC port has just moved: ask again");
	free(list);
	return e;
}

err rtc_session_answer(struct rtc_session *s, enum rtc_codec video, uint32_t profile,
		       const struct rtc_link_ops *ops, void *ctx)
{
	const struct conf_rtc *conf = &s->request.vhost->rtc;
	struct rtc_port *current = rtc_hub_port(s->hub);
	if (!current)
		return err_fail(ERR_DENIED, "WebRTC is not listened on any more");
	bool active = rtc_answer_is_active(&s->offer, conf->dtls_role == DTLS_ROLE_ACTIVE);
	struct rtc_answer_opts opts = {
		.publish = s->ask.publish,
		.video = video,
		.profile = profile,
		.nack = conf->nack,
		.twcc = conf->twcc,
		.trickle = s->ask.trickle,
		.active = active,
	};
	struct rtc_link_opts link = {
		.port = rtc_port_ref(current),
		.peer_ufrag = s->offer.ufrag,
		.active = active,
		.fingerprint = &s->offer.fingerprint,
		.drop_pt = (uint8_t)conf->drop_for_pt,
		.ops = ops,
		.ctx = ctx,
	};
	err e = answer_at(s, &link, &opts);
	rtc_port_unref(&link.port);
	TRY(e);
	rtc_offer_fini(&s->offer);
	free(s->ask.offer);
	s->ask.offer = NULL;
	map_set(s->hub->tokens, s->token, s);
	s->answered_ms = clock_ms();
	s->is_half_open = true;
	s->hub->half_open++;
	rtc_session_set_stage(s, RTC_ANSWERED);
	return OK;
}
