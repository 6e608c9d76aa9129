/* The status is always 200: whether it went well says `code`. */
#include "service/rtc_json.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/json.h"
#include "service/rtc_refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { JSON_VALUES_MAX = 64, JSON_TEXT_MAX = 3 * SDP_BYTES_MAX, CODE_JSON = 5019 };

static const char content_type[] = "application/json";

/* ---- answers ---- */

static err respond(struct http_session *s, json_t *answer)
{
	struct buf text = {.max = JSON_TEXT_MAX};
	bool ok = json_write_long(&text, answer);
	err e = http_respond(s->sock, s->request, 200, content_type,
			     ok ? buf_span(&text) : span_str("{\"code\":400}"), s->cors);
	buf_free(&text);
	json_decref(answer);
	return e;
}

static err refuse(struct http_session *s, int code, const char *sentence)
{
	json_t *answer = json_object();
	json_put_int(answer, "code", code);
	json_put_text(answer, "msg", sentence);
	log_info("WebRTC %s: code %d, %s", log_quote(s->request->path), code, sentence);
	return respond(s, answer);
}

static err respond_answer(struct http_session *s, struct rtc_session *session)
{
	json_t *answer = json_object();
	char pid[24];
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	json_put_int(answer, "code", 0);
	json_put_text(answer, "server", s->server->server_id);
	json_put_text(answer, "service", s->server->service_id);
	json_put_text(answer, "pid", pid);
	json_put_text(answer, "sdp", buf_text(&session->answer));
	char *id = mem_printf("%s:%s", rtc_link_ufrag(session->link),
			      rtc_link_peer_ufrag(session->link));
	json_put_text(answer, "sessionid", id);
	json_put_text(answer, "token", session->token);
	free(id);
	return respond(s, answer);
}

static err tell(struct http_session *s, enum rtc_refusal refusal, const struct rtc_session *session,
		err why)
{
	struct rtc_words words = rtc_refusal_words(refusal, session, why);
	return refuse(s, words.code, words.text);
}

/* ---- the request ---- */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static err converse(struct http_session *s, struct rtc_hub *hub, struct rtc_ask *ask)
{
	enum rtc_refusal refusal;
	struct rtc_session *session;
	err e = rtc_session_start(&session, hub, s->conf, ask, &refusal);
	if (e)
		return tell(s, refusal, NULL, e);
	e = rtc_session_wait(session);
	if (!e)
		e = session->link ? respond_answer(s, session)
				  : tell(s, session->refusal, session, OK);
	buf_free(&session->answer); /* nobody asks for it again */
	rtc_session_unref(&session);
	return e;
}

static err take(struct http_session *s, struct rtc_hub *hub, const json_t *body)
{
	struct rtc_ask ask;
	const char *sdp = text_of(body, "sdp"), *url = text_of(body, "streamurl");
	if (!*sdp || !*url)
		return refuse(s, CODE_JSON, "The body needs \"sdp\" and \"streamurl\".");
	err e = rtc_ask_read_url(&ask, s->request, sock_peer(s->sock), sock_local(s->sock), url,
				 sdp, s->route->flags & HTTP_ROUTE_PUBLISH);
	if (e) {
		rtc_ask_fini(&ask);
		return refuse(s, CODE_JSON, err_trail(e));
	}
	ask.tls = sock_is_encrypted(s->sock);
	return converse(s, hub, &ask);
}

static err serve(struct http_session *s, bool *found)
{
	struct rtc_hub *hub = (struct rtc_hub *)(uintptr_t)s->route->arg;
	struct span text = buf_span(&s->request->body);
	(void)found;
	json_t *body = json_count(text) <= JSON_VALUES_MAX ? json_read(text) : NULL;
	err e = body ? take(s, hub, body) : refuse(s, CODE_JSON, "The body is no JSON object.");
	json_decref(body);
	return e;
}

void rtc_json_mount(struct http_router *router, struct rtc_hub *hub)
{
	static const struct {
		const char *pattern;
		unsigned flags;
	} rows[] = {{"/rtc/v1/publish", HTTP_ROUTE_PUBLISH}, {"/rtc/v1/play", 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(router, &(struct http_route){
						.pattern = rows[i].pattern,
						.methods = HTTP_POST,
						.ports = HTTP_PORT_API | HTTP_PORT_FILES,
						.flags = rows[i].flags | HTTP_ROUTE_ANY_SITE,
						.serve = serve,
						.arg = hub,
					});
}
