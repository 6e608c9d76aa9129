#include "service/srt_session.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/notice.h"
#include "session/admit.h"
#include "session/hooks.h"

#include <stdlib.h>

/* A caller that has just connected does not hear yet that the connection ends. */
enum { SETTLE_MS = 200 };

struct traffic srt_session_traffic(const struct srt_session *s)
{
	return (struct traffic){.recv = srt_link_recv_bytes(s->link),
				.send = srt_link_send_bytes(s->link)};
}

/* ---- what it asks for ---- */

/* The texts of a URL are decoded, those of a stream id are not encoded. */
static char *escaped(const char *plain)
{
	struct buf b = {.max = URL_MAX};
	url_escape(&b, plain);
	char *text = mem_strdup(buf_text(&b));
	buf_free(&b);
	return text;
}

static err name_stream(struct srt_session *s, const struct stream_id *id)
{
	char *app = escaped(id->app), *stream = escaped(id->stream);
	char *name = mem_printf("%s%s%s", stream, *id->query ? "?" : "", id->query);
	s->tc_url = mem_printf("srt://%s/%s", *id->vhost ? id->vhost : DEFAULT_VHOST, app);
	err e = target_parse(&s->target, s->tc_url, name);
	free(name);
	free(stream);
	free(app);
	TRY(e);
	s->url = mem_printf("/%s/%s", s->target.app, s->target.stream);
	return OK;
}

static void make_request(struct srt_session *s, bool publish)
{
	struct request *r = &s->request;
	request_init(r, s->hub->server, s->conf, &s->target);
	r->peer = &s->peer;
	r->type = publish ? "srt-publish" : "srt-play";
	r->tc_url = s->tc_url;
	r->url = s->url;
	r->stays = true;
	r->publish = publish;
}

static err read_request(struct srt_session *s)
{
	struct stream_id_defaults defaults = srt_gate_defaults(s->conf);
	struct stream_id *id = mem_new(struct stream_id);
	enum stream_id_fault fault = stream_id_parse(id, srt_link_stream_id(s->link), &defaults);
	err e = fault ? err_fail(ERR_PROTOCOL, "the stream id %s", stream_id_fault_text(fault))
		      : name_stream(s, id);
	if (!e)
		make_request(s, id->mode == STREAM_ID_PUBLISH);
	s->taken = (struct ts_demux_opts){.program = (unsigned)id->program,
					  .audio = (unsigned)id->audio};
	free(id);
	return e;
}

/* ---- whether it may ---- */

/* Servers do not fetch from each other by SRT, so none of them can sign for it. */
static enum sign_verdict verify(void *ctx)
{
	(void)ctx;
	return SIGN_MISSING;
}

static err check_enabled(const struct srt_session *s)
{
	if (s->request.vhost->srt.enabled)
		return OK;
	err e = err_fail(ERR_DENIED, "SRT is off for the vhost %s (srt.enabled)",
			 s->request.vhost->name);
	request_refused(&s->request, s->since_ms, e, NULL);
	return e;
}

static err admit(struct srt_session *s)
{
	struct outcome *outcome = mem_new(struct outcome);
	char *tc_url =
		mem_printf("rtmp://%s/%s%s", s->target.vhost, s->target.app, s->target.param);
	struct admission a = {
		.request = &s->request,
		.place = &s->place,
		.verify = verify,
		.token = &(struct token_words){.app = s->target.app,
					       .tc_url = tc_url,
					       .page_url = "",
					       .swf_url = ""},
		.outcome = outcome,
	};
	err e = admit_stream(&a);
	s->was_asked_about = a.has_asked;
	free(tc_url);
	free(outcome);
	return e ? e : check_enabled(s);
}

/* ---- its life ---- */

static void session_free(struct srt_session *s)
{
	srt_hub_leave(s->hub, s);
	place_give(&s->place);
	srt_link_close(&s->link);
	target_fini(&s->target);
	conf_unref(&s->conf);
	free(s->tc_url);
	free(s->url);
	free(s);
}

/* Logs figures of the line: operators need them when something was not seen. */
static void tell_line(struct srt_session *s)
{
	const struct srt_figures *f = &s->figures;
	srt_hub_look(s->hub, s);
	log_info("its line: round trip %.1f ms; received %lld packets, %lld lost, %lld sent again, "
		 "%lld "
		 "dropped; sent %lld, %lld lost, %lld sent again, %lld dropped",
		 f->rtt_ms, (long long)f->recv_packets, (long long)f->recv_lost,
		 (long long)f->recv_retransmitted, (long long)f->recv_dropped,
		 (long long)f->send_packets, (long long)f->send_lost,
		 (long long)f->send_retransmitted, (long long)f->send_dropped);
}

static err run(struct srt_session *s)
{
	TRY(read_request(s));
	srt_link_attach(s->link);
	err e = admit(s);
	s->hub->refused += e != OK;
	TRY(e);
	return s->request.publish ? srt_publish_run(s) : srt_play_run(s);
}

static void session_main(void *arg)
{
	struct srt_session *s = arg;
	char peer[ADDR_TEXT_MAX];
	s->co = co_self();
	co_set_id(s->id);
	co_set_muted(!notice_rate_take(s->hub->server->notices, NOTICE_CONNECTIONS));
	addr_text(peer, &s->peer);
	log_info("SRT connection from %s for '%s'", peer, log_quote(srt_link_stream_id(s->link)));
	err e = run(s);
	if (clock_ms() < s->since_ms + SETTLE_MS)
		(void)co_sleep(SETTLE_MS);
	log_end(e, "SRT connection from %s ended", peer);
	tell_line(s);
	if (s->was_asked_about) {
		struct traffic traffic = srt_session_traffic(s);
		hooks_tell(&s->request, HOOK_ON_CLOSE, &traffic);
	}
	session_free(s);
}

void srt_session_start(struct srt_hub *h, struct srt_link **link)
{
	struct conn_place place = {0};
	const struct addr *peer = srt_link_peer(*link);
	srt_gate_taken(h->gate, peer);
	if (!server_take_place(h->server, &place, "SRT", peer)) {
		srt_gate_set_full(h->gate);
		srt_link_close(link);
		return;
	}
	struct srt_session *s = mem_new(struct srt_session);
	s->hub = h;
	s->conf = conf_ref(h->server->conf);
	s->peer = *peer;
	s->link = *link;
	s->place = place;
	s->since_ms = clock_ms();
	*link = NULL;
	co_new_id(s->id);
	srt_hub_enter(h, s);
	if (!co_start_in(&h->server->sessions, "srt", session_main, s))
		session_free(s);
}

struct srt_session *srt_session_find(const struct srt_hub *h, const char *id)
{
	return map_get(h->by_id, id);
}
