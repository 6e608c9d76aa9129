#include "service/rtc_session.h"
#include "base/log.h"
#include "base/mem.h"
#include "rtc/random.h"
#include "service/rtc_past.h"
#include "session/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { ANSWER_MS = 30000 };

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
	static const struct place_share share = {"WebRTC", RTC_HALF_OPEN_PER_ADDRESS};
	struct rtc_hub *h = s->hub;
	if (h->half_open >= RTC_HALF_OPEN_MAX)
		return err_fail(ERR_FULL, "%d peers were answered and have not connected yet",
				RTC_HALF_OPEN_MAX);
	if (!server_take_share(s->conf, &s->connecting, &h->connecting, &share, &s->ask.peer))
		return err_fail(ERR_FULL, "%d peers of that address have not connected yet",
				RTC_HALF_OPEN_PER_ADDRESS);
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
		request_refused(&s->request, s->since_ms, e, NULL);
		place_give(&s->connecting);
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

void rtc_session_set_stage(struct rtc_session *s, enum rtc_stage stage)
{
	s->stage = stage;
	if (s->waiter)
		co_wake(s->waiter);
}

/* ---- its life ---- */

static void no_longer_half_open(struct rtc_session *s)
{
	s->hub->half_open -= s->is_half_open;
	s->is_half_open = false;
	place_give(&s->connecting);
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
	rtc_session_set_stage(s, RTC_CONNECTED);
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
	rtc_session_set_stage(s, RTC_OVER);
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
