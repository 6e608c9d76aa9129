#include "service/rtc_session.h"
#include "base/log.h"
#include "base/mem.h"
#include "rtc/random.h"
#include "service/rtc_candidates.h"
#include "service/rtc_past.h"
#include "session/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { ANSWER_MS = 30000, CANDIDATES_TEXT_MAX = 4096 };

/* ---- its memory ---- */

void rtc_session_unref(struct rtc_session **session)
{
	struct rtc_session *s = *session;
	*session = NULL;
	if (!s || --s->refs > 0)
		return;
	rtc_offer_fini(&s->offer);
	rtc_ask_fini(&s->ask);
	buf_free(&s->answer);
	free(s->candidates);
	free(s->outcome);
	free(s->why);
	conf_unref(&s->conf);
	free(s);
}

/* ---- what it is asked for ---- */

static void make_request(struct rtc_session *s)
{
	const struct rtc_ask *a = &s->ask;
	s->request = (struct request){
		.server = s->hub->server,
		.conf = s->conf,
		.vhost = conf_vhost_find(s->conf, a->target.vhost),
		.target = &a->target,
		.peer = &a->peer,
		.type = a->publish ? "rtc-publish" : "rtc-play",
		.tc_url = a->tc_url,
		.page_url = a->page_url,
		.swf_url = "",
		.url = a->url,
		.path_asked = "",
		.proof = "",
		.http = true,
		.tls = a->tls,
		.publish = a->publish,
		.path = a->path,
		.via = a->via,
		.redirected = "",
		.says_relay = *a->path != '\0',
	};
}

/* Servers do not fetch from each other by WebRTC, so none of them can sign for it. */
static enum sign_verdict verify(void *ctx)
{
	(void)ctx;
	return SIGN_MISSING;
}

static err admit(struct rtc_session *s)
{
	const struct target *t = &s->ask.target;
	char *tc_url = mem_printf("rtmp://%s/%s%s", t->vhost, t->app, t->param);
	s->outcome = mem_new(struct outcome);
	err e = admit_stream(&(struct admission){
		.request = &s->request,
		.place = &s->place,
		.verify = verify,
		.token = &(struct token_words){.app = t->app,
					       .tc_url = tc_url,
					       .page_url = s->ask.page_url,
					       .swf_url = ""},
		.outcome = s->outcome,
	});
	free(tc_url);
	if (!e) {
		free(s->outcome); /* it is large, and nobody needs it while all goes well */
		s->outcome = NULL;
	}
	return e;
}

void rtc_session_keep_outcome(struct rtc_session *s, const struct outcome *outcome)
{
	if (!s->outcome)
		s->outcome = mem_new(struct outcome);
	*s->outcome = *outcome;
}

/* ---- beginning ---- */

static err check_enabled(const struct rtc_session *s)
{
	const struct conf_vhost *vhost = s->request.vhost;
	if (!s->conf->rtc_server.enabled)
		return err_fail(ERR_DENIED, "WebRTC is off (rtc_server.enabled)");
	if (vhost && !vhost->rtc.enabled)
		return err_fail(ERR_DENIED, "WebRTC is off for the vhost %s (rtc.enabled)",
				vhost->name);
	if (!rtc_hub_port(s->hub))
		return err_fail(ERR_DENIED,
				"WebRTC is not listened on: the server ends, or begins");
	return OK;
}

static err check_room(struct rtc_session *s)
{
	struct rtc_hub *h = s->hub;
	if (h->half_open >= RTC_HALF_OPEN_MAX)
		return err_fail(ERR_FULL, "%d peers were answered and have not connected yet",
				RTC_HALF_OPEN_MAX);
	return server_take_place(h->server, &s->place, "WebRTC", &s->ask.peer)
		       ? OK
		       : err_fail(ERR_FULL, "the server is full (max_connections)");
}

static err begin(struct rtc_session *s, enum rtc_refusal *refusal)
{
	*refusal = RTC_DISABLED;
	TRY(check_enabled(s));
	err e = rtc_offer_read(&s->offer, span_str(s->ask.offer), s->ask.publish);
	*refusal = e == ERR_NOTFOUND ? RTC_UNACCEPTABLE : RTC_MALFORMED;
	TRY(e);
	*refusal = RTC_NO_ROOM;
	return check_room(s);
}

static err make_token(struct rtc_session *s)
{
	uint8_t random[16];
	TRY(rtc_random(random, sizeof(random)));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(s->token + 2 * i, 3, "%02x", random[i]);
	return OK;
}

static void session_main(void *arg);

static err start(struct rtc_session *s, enum rtc_refusal *refusal)
{
	TRY(begin(s, refusal));
	*refusal = RTC_FAILED;
	TRY(make_token(s));
	return co_start_in(&s->hub->server->sessions, "rtc", session_main, s)
		       ? OK
		       : err_fail(ERR_SYSTEM, "there is no memory for a session");
}

err rtc_session_start(struct rtc_session **out, struct rtc_hub *hub, struct conf *conf,
		      struct rtc_ask *ask, enum rtc_refusal *refusal)
{
	struct rtc_session *s = mem_new(struct rtc_session);
	s->refs = 1;
	s->hub = hub;
	s->conf = conf_ref(conf);
	s->ask = *ask;
	*ask = (struct rtc_ask){0};
	s->answer.max = SDP_BYTES_MAX;
	s->since_ms = clock_ms();
	make_request(s);
	err e = start(s, refusal);
	if (e) {
		place_give(&s->place);
		rtc_session_unref(&s);
		*out = NULL;
		return e;
	}
	s->refs++;
	DL_APPEND(hub->sessions, s);
	hub->count++;
	hub->opened++;
	*out = s;
	return OK;
}

err rtc_session_wait(struct rtc_session *s)
{
	int64_t deadline = clock_after(ANSWER_MS);
	err e = OK;
	s->waiter = co_self();
	while (s->stage == RTC_ASKED && !e)
		e = co_wait(deadline);
	s->waiter = NULL;
	if (s->stage != RTC_ASKED)
		return OK;
	rtc_session_leave(s);
	return e == ERR_TIMEOUT ? err_fail(e, "no answer could be made in time") : e;
}

struct rtc_session *rtc_session_find(const struct rtc_hub *hub, const char *token)
{
	return map_get(hub->tokens, token);
}

void rtc_session_leave(struct rtc_session *s)
{
	s->has_left = true;
	if (s->co)
		co_wake(s->co);
}

static void set_stage(struct rtc_session *s, enum rtc_stage stage)
{
	s->stage = stage;
	if (s->waiter)
		co_wake(s->waiter);
}

/* ---- the answer ---- */

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

static err write_answer(struct rtc_session *s, struct rtc_answer_opts *opts,
			const struct rtc_port *port)
{
	char cname[17] = "";
	struct rtc_candidates *list = mem_new(struct rtc_candidates);
	rtc_candidates_find(list, s->hub, s->conf, &s->ask, port);
	opts->candidates = list;
	opts->cname = cname;
	err e = fill_random(opts, cname);
	if (!e)
		e = rtc_answer_write(&s->answer, &s->media, &s->offer, opts);
	if (!e)
		describe_candidates(s, list);
	free(list);
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

/* The port may be another one after a reload: the session holds the one that its answer names. */
static err open_link(struct rtc_session *s, struct rtc_link_opts *link,
		     struct rtc_answer_opts *opts)
{
	TRY(rtc_hub_identity(s->hub, &link->identity));
	TRY(make_words(s, &link->words));
	opts->ufrag = link->words.ufrag;
	opts->pwd = link->words.pwd;
	char *fingerprint = mem_strdup(dtls_identity_fingerprint(link->identity));
	opts->fingerprint = fingerprint;
	err e = write_answer(s, opts, link->port);
	free(fingerprint);
	if (!e) /* waiting for names may have taken long enough for another certificate */
		e = rtc_hub_identity(s->hub, &link->identity);
	if (!e)
		return rtc_link_open(&s->link, link);
	ice_words_free(&link->words);
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
	err e = open_link(s, &link, &opts);
	rtc_port_unref(&link.port);
	TRY(e);
	rtc_offer_fini(&s->offer);
	map_set(s->hub->tokens, s->token, s);
	s->answered_ms = clock_ms();
	s->is_half_open = true;
	s->hub->half_open++;
	set_stage(s, RTC_ANSWERED);
	return OK;
}

/* ---- its life ---- */

static void no_longer_half_open(struct rtc_session *s)
{
	s->hub->half_open -= s->is_half_open;
	s->is_half_open = false;
}

static err check_link(const struct rtc_session *s)
{
	if (s->has_left)
		return err_fail(ERR_CLOSED, "the client has ended the session over HTTP");
	switch (rtc_link_state(s->link)) {
	case LINK_LEFT:
		return err_fail(ERR_CLOSED, "%s", rtc_link_why(s->link));
	case LINK_FAILED:
		return err_fail(ERR_PROTOCOL, "%s", rtc_link_why(s->link));
	default:
		return OK;
	}
}

static void connected(struct rtc_session *s)
{
	char peer[ADDR_TEXT_MAX];
	const struct rtc_path *path = rtc_link_path(s->link);
	no_longer_half_open(s);
	s->connected_ms = clock_ms();
	s->hub->connected++;
	addr_text(peer, &path->peer);
	log_info("%s of %s is connected with %s over %s by %s after %lld ms", s->request.type,
		 s->ask.target.stream, peer, path->stream ? "TCP" : "UDP", rtc_link_cipher(s->link),
		 (long long)(s->connected_ms - s->answered_ms));
	set_stage(s, RTC_CONNECTED);
}

err rtc_session_connect(struct rtc_session *s, const struct outcome *outcome)
{
	int64_t deadline = s->answered_ms + RTC_HALF_OPEN_MS;
	while (rtc_link_state(s->link) != LINK_OPEN) {
		if (outcome && outcome->code)
			return outcome_fail(outcome);
		TRY(check_link(s));
		err e = co_wait(deadline);
		if (e == ERR_TIMEOUT)
			return err_fail(e, "the peer has not connected within %d s: %s",
					RTC_HALF_OPEN_MS / 1000, rtc_link_why(s->link));
		TRY(e);
	}
	connected(s);
	return OK;
}

err rtc_session_check(struct rtc_session *s, int64_t *deadline)
{
	TRY(check_link(s));
	int64_t due = rtc_link_heard_ms(s->link) + s->request.vhost->rtc.stun_timeout_ms;
	if (clock_ms() >= due)
		return err_fail(ERR_TIMEOUT,
				"nothing has come from the peer for %lld s (stun_timeout)",
				(long long)s->request.vhost->rtc.stun_timeout_ms / 1000);
	*deadline = due < *deadline ? due : *deadline;
	return OK;
}

struct traffic rtc_session_traffic(const struct rtc_session *s)
{
	if (!s->link)
		return s->traffic;
	const struct rtc_link_counts *c = rtc_link_counts(s->link);
	return (struct traffic){.recv = c->recv_bytes, .send = c->send_bytes};
}

int64_t rtc_session_heard_ms(const struct rtc_session *s)
{
	return s->link ? rtc_link_heard_ms(s->link) : s->since_ms;
}

void rtc_session_close_link(struct rtc_session *s)
{
	s->traffic = rtc_session_traffic(s);
	if (s->link)
		s->checks = *rtc_link_ice_counts(s->link);
	rtc_link_close(&s->link);
}

/* ---- its end ---- */

static void keep_reason(struct rtc_session *s, err e)
{
	s->why = mem_strdup(e ? err_trail(e) : "the stream has ended");
	if (s->refusal)
		return;
	if (s->outcome && s->outcome->code)
		s->refusal = RTC_BY_OUTCOME;
	else
		s->refusal = e == ERR_DENIED ? RTC_DISABLED : RTC_FAILED;
}

static void log_session_end(const struct rtc_session *s, err e)
{
	if (e && err_severity(e) != ERR_QUIET)
		log_end(e, "%s of %s ended", s->request.type, s->ask.target.stream);
	else
		log_info("%s of %s ended: %s", s->request.type, s->ask.target.stream, s->why);
}

static void finish(struct rtc_session *s, err e)
{
	keep_reason(s, e);
	log_session_end(s, e);
	rtc_session_close_link(s);
	rtc_past_add(s);
	no_longer_half_open(s);
	if (s->answered_ms && !s->connected_ms)
		s->hub->never_connected++;
	if (map_get(s->hub->tokens, s->token) == s)
		map_remove(s->hub->tokens, s->token);
	DL_DELETE(s->hub->sessions, s);
	s->hub->count--;
	place_give(&s->place);
	s->co = NULL;
	set_stage(s, RTC_OVER);
	rtc_hub_reap(s->hub);
	rtc_session_unref(&s);
}

static void session_main(void *arg)
{
	struct rtc_session *s = arg;
	s->co = co_self();
	co_new_id(s->id);
	co_set_id(s->id);
	err e = admit(s);
	if (!e && !s->request.vhost)
		e = ERR_NOTFOUND;
	if (!e)
		e = s->ask.publish ? rtc_publish_run(s) : rtc_play_run(s);
	finish(s, e);
}
