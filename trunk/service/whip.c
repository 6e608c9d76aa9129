/* A POST makes a session, whose URL is a secret: who knows it may end the session (DELETE) or tell it of another
 * network (PATCH). */
#include "service/whip.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/http.h"
#include "service/rtc_json.h"
#include "service/rtc_refusal.h"
#include "service/whip_link.h"
#include "service/whip_pass.h"
#include "service/whip_patch.h"
#include "session/outcome.h"

#include <stdlib.h>
#include <strings.h>

enum { LINES_MAX = 16384 };

#define RETRY_AFTER_S "5"

static const char sdp_type[] = "application/sdp";

/* ---- answers ---- */

static err refuse(struct http_session *s, int status, const char *sentence)
{
	struct buf lines = {.max = LINES_MAX};
	buf_printf(&lines, "%s", s->cors);
	if (status == 503)
		http_write_header(&lines, "Retry-After", RETRY_AFTER_S);
	if (status == 415)
		http_write_header(&lines, "Accept-Post", sdp_type);
	log_info("WebRTC %s: %d, %s", log_quote(s->request->path), status, sentence);
	err e = http_respond_text(s->sock, s->request, status, sentence, buf_text(&lines));
	buf_free(&lines);
	return e;
}

/* Relative, and without a query: some clients put that into the path (RFC 9725, 4.2). */
static void put_location(struct buf *lines, const struct rtc_session *session, const char *row)
{
	char *url = mem_printf("%s/%s", row, session->token);
	http_write_header(lines, "Location", url);
	free(url);
}

static err respond(struct http_session *s, const struct rtc_session *session, const char *row)
{
	struct buf lines = {.max = LINES_MAX};
	char *tag = mem_printf("\"%s\"", rtc_link_ufrag(session->link));
	buf_printf(&lines, "%s", s->cors);
	put_location(&lines, session, row);
	http_write_header(&lines, "ETag", tag);
	http_write_header(&lines, "Accept-Patch", "application/trickle-ice-sdpfrag");
	whip_link_put(&lines, &s->conf->rtc_server, session->id);
	err e = http_respond(s->sock, s->request, 201, sdp_type, buf_span(&session->answer),
			     buf_text(&lines));
	free(tag);
	buf_free(&lines);
	return e;
}

/* The same path and query at the server that has the stream; 307 keeps the method and the body. */
static err redirect(struct http_session *s, const struct outcome *o)
{
	struct buf lines = {.max = LINES_MAX + HTTP_HEAD_MAX};
	const char *path = s->request->target;
	char *url =
		mem_printf("http%s://%s%s", o->tls ? "s" : "", o->http, *path == '/' ? path : "/");
	buf_printf(&lines, "%s", s->cors);
	http_write_header(&lines, "Location", url);
	log_info("redirecting to %s", log_quote(url));
	err e = http_respond(s->sock, s->request, 307, NULL, span_str(""), buf_text(&lines));
	free(url);
	buf_free(&lines);
	return e;
}

static err tell(struct http_session *s, enum rtc_refusal refusal, const struct rtc_session *session,
		err why)
{
	const struct outcome *o = session ? session->outcome : NULL;
	struct rtc_words words = rtc_refusal_words(refusal, session, why);
	if (refusal == RTC_BY_OUTCOME && o && o->code == OUTCOME_ELSEWHERE && *o->http)
		return whip_is_to_pass(s->request) ? whip_pass(s, session->request.vhost, o)
						   : redirect(s, o);
	return refuse(s, words.status, words.text);
}

/* ---- a session begins ---- */

static err converse(struct http_session *s, struct rtc_session *session, const char *row)
{
	TRY(rtc_session_wait(session));
	if (session->link) {
		err e = respond(s, session, row);
		buf_free(&session->answer); /* nobody asks for it again */
		return e;
	}
	return tell(s, session->refusal, session, OK);
}

/* An empty type is that of many a script. */
static bool is_sdp(const struct http_message *m)
{
	const char *type = http_header_get(m, "Content-Type");
	return !type || !*type || strncasecmp(type, sdp_type, sizeof(sdp_type) - 1) == 0;
}

/* SRS plays at its WHIP address, too, when asked to. */
static bool is_to_publish(const struct http_session *s)
{
	char action[16];
	return s->route->flags & HTTP_ROUTE_PUBLISH &&
	       !(param_get(action, sizeof(action), s->request->query, "action") &&
		 strcmp(action, "play") == 0);
}

static err begin(struct http_session *s, struct rtc_hub *hub)
{
	struct rtc_ask ask;
	enum rtc_refusal refusal;
	char *row = mem_strndup(s->route->pattern, strcspn(s->route->pattern, "<") - 1);
	err e = rtc_ask_read(&ask, s->request, sock_peer(s->sock), sock_local(s->sock),
			     is_to_publish(s));
	if (e) {
		rtc_ask_fini(&ask);
		free(row);
		return refuse(s, 400, err_trail(e));
	}
	ask.tls = sock_is_encrypted(s->sock);
	struct rtc_session *session;
	e = rtc_session_start(&session, hub, s->conf, &ask, &refusal);
	e = e ? tell(s, refusal, NULL, e) : converse(s, session, row);
	rtc_session_unref(&session);
	free(row);
	return e;
}

static err serve_post(struct http_session *s, struct rtc_hub *hub)
{
	if (*s->tail)
		return refuse(s, 404, "There is no such session.");
	if (!is_sdp(s->request))
		return refuse(s, 415, "An offer is of the type application/sdp.");
	if (s->request->body.n == 0)
		return refuse(s, 400, "The offer is missing; offers of the server are not made.");
	return begin(s, hub);
}

/* ---- it ends ---- */

/* As RFC 9725 has it by the path, as SRS has it by the query, where a session that has gone is no error. */
static err serve_delete(struct http_session *s, struct rtc_hub *hub)
{
	char token[64] = "";
	const char *name = s->tail;
	if (!*name) {
		(void)param_get(token, sizeof(token), s->request->query, "token");
		name = token;
	}
	struct rtc_session *session = rtc_session_find(hub, name);
	err e;
	if (!session && *name && whip_pass_to_former(s, &e))
		return e;
	if (!session && *s->tail)
		return refuse(s, 404, "There is no such session.");
	if (!session && !*token)
		return refuse(s, 400, "The session is not named.");
	if (session)
		rtc_session_leave(session);
	return http_respond(s->sock, s->request, 200, NULL, span_str(""), s->cors);
}

static err serve(struct http_session *s, bool *found)
{
	struct rtc_hub *hub = (struct rtc_hub *)(uintptr_t)s->route->arg;
	err e;
	(void)found;
	switch (s->request->method) {
	case HTTP_METHOD_DELETE:
		return serve_delete(s, hub);
	case HTTP_METHOD_PATCH:
		if (!rtc_session_find(hub, s->tail) && whip_pass_to_former(s, &e))
			return e;
		return whip_patch(s, rtc_session_find(hub, s->tail));
	default:
		return serve_post(s, hub);
	}
}

void whip_mount(struct http_router *router, struct rtc_hub *hub)
{
	static const struct {
		const char *pattern;
		unsigned flags;
	} rows[] = {
		{"/rtc/v1/whip/<id>", HTTP_ROUTE_PUBLISH},
		{"/rtc/v1/whep/<id>", 0},
		{"/rtc/v1/whip-play/<id>", 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		http_router_add(router, &(struct http_route){
						.pattern = rows[i].pattern,
						.methods = HTTP_POST | HTTP_PATCH | HTTP_DELETE,
						.ports = HTTP_PORT_API | HTTP_PORT_FILES,
						.flags = rows[i].flags | HTTP_ROUTE_ANY_SITE,
						.serve = serve,
						.arg = hub,
					});
	rtc_json_mount(router, hub);
}
