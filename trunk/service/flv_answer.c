#include "service/flv_answer.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/websocket.h"
#include "node/signed_request.h"
#include "service/live_output.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 4096, EXTRA_MAX = 2048 };

#define RETRY_AFTER_S "5"

void flv_answer_stream(struct http_session *s, const struct stream_report *report,
		       struct chunks *out)
{
	struct buf head = {.max = HEAD_MAX};
	struct buf extra = {.max = EXTRA_MAX};
	buf_printf(&extra, "Cache-Control: no-cache\r\n%s", s->cors);
	if (report)
		announce_stream_lines(&extra, report);
	bool is_websocket = websocket_asked(s->request) == WEBSOCKET_GOOD;
	if (is_websocket)
		websocket_write_head(&head, s->request, buf_text(&extra));
	else
		http_write_head(&head, s->request, 200, live_output_of(s->request->path)->type, -1,
				buf_text(&extra));
	chunks_put_raw(out, buf_span(&head));
	out->mode = is_websocket            ? CHUNKS_WEBSOCKET
		    : s->request->minor > 0 ? CHUNKS_HTTP
					    : CHUNKS_NONE;
	buf_free(&head);
	buf_free(&extra);
	http_message_free(&s->request);
	http_conn_free(&s->conn);
}

err flv_answer_head(struct http_session *s)
{
	struct buf head = {.max = HEAD_MAX};
	http_write_head(&head, s->request, 200, live_output_of(s->request->path)->type, -1,
			s->cors);
	err e = sock_send(s->sock, head.p, head.n);
	buf_free(&head);
	return e;
}

/* The vhost that the host of this request has chosen must be named there, where the host is
 * another one. */
static bool must_name(const struct conf_vhost *vhost, const char *query)
{
	char *named = mem_zalloc(URL_MAX);
	bool is_named = param_get(named, URL_MAX, query, "vhost") ||
			param_get(named, URL_MAX, query, "domain");
	free(named);
	return !is_named && strcmp(vhost->name, DEFAULT_VHOST) != 0;
}

/* Path and query, as they were sent. */
static const char *target_of(const struct http_message *m)
{
	const char *front = strstr(m->target, "://");
	if (*m->target == '/')
		return m->target;
	const char *path = front ? strchr(front + 3, '/') : NULL;
	return path ? path : "/";
}

/* The same path and query there. */
static void put_url(struct buf *url, const struct http_message *m, const struct conf_vhost *vhost,
		    const char *hostport, bool tls)
{
	buf_printf(url, "http%s://%s%s", tls ? "s" : "", hostport, target_of(m));
	if (must_name(vhost, m->query))
		buf_printf(url, "%svhost=%s", *m->query ? "&" : "?", vhost->name);
}

static err send_to(struct http_session *s, struct buf *url)
{
	struct buf extra = {.max = HTTP_HEAD_MAX + 2 * URL_MAX};
	http_write_header(&extra, "Location", buf_text(url));
	buf_printf(&extra, "%s", s->cors);
	log_info("redirecting to %s", log_quote(buf_text(url)));
	s->request->keep_alive = false;
	err e = http_respond(s->sock, s->request, 302, NULL, span_str(""), buf_text(&extra));
	buf_free(&extra);
	buf_free(url);
	return e;
}

err flv_redirect(struct http_session *s, const struct conf_vhost *vhost, const char *hostport)
{
	struct buf url = {.max = HTTP_HEAD_MAX + URL_MAX};
	put_url(&url, s->request, vhost, hostport, sock_is_encrypted(s->sock));
	return send_to(s, &url);
}

err flv_redirect_stream(struct http_session *s, const char *from, const char *to)
{
	struct buf url = {.max = HTTP_HEAD_MAX + URL_MAX};
	const char *target = target_of(s->request), *at = strstr(target, from);
	if (!at)
		return flv_refuse(s, 404, "The stream is here under another name.");
	buf_printf(&url, "%.*s%s%s", (int)(at - target), target, to, at + strlen(from));
	return send_to(s, &url);
}

static err refuse(struct http_session *s, int status, const char *sentence,
		  const struct stream_report *report)
{
	struct buf lines = {.max = EXTRA_MAX};
	buf_printf(&lines, "%s", s->cors);
	announce_stream_lines(&lines, report);
	if (status == 503)
		http_write_header(&lines, "Retry-After", RETRY_AFTER_S);
	log_info("HTTP %s: %d, %s", log_quote(s->request->path), status, sentence);
	s->request->keep_alive = false;
	err e = http_respond_text(s->sock, s->request, status, sentence, buf_text(&lines));
	buf_free(&lines);
	return e;
}

err flv_refuse(struct http_session *s, int status, const char *sentence)
{
	return refuse(s, status, sentence, &(struct stream_report){0});
}

static int status_of(enum outcome_code code)
{
	static const int statuses[OUTCOMES] = {
		[OUTCOME_NO_VHOST] = 404,  [OUTCOME_BAD_NAME] = 400,  [OUTCOME_RELAY_REFUSED] = 403,
		[OUTCOME_FULL] = 503,      [OUTCOME_LOOP] = 403,      [OUTCOME_DENIED] = 403,
		[OUTCOME_NO_ORIGIN] = 503, [OUTCOME_UNDECIDED] = 503, [OUTCOME_NOT_FOUND] = 404,
		[OUTCOME_KICKED] = 403,    [OUTCOME_ENDED] = 404,     [OUTCOME_DRAINING] = 503,
		[OUTCOME_DRAINED] = 503,
	};
	return statuses[code] ? statuses[code] : 500;
}

err flv_tell(struct http_session *s, const struct conf_vhost *vhost, const struct outcome *o)
{
	if (o->code == OUTCOME_ELSEWHERE && *o->http)
		return flv_redirect(s, vhost, o->http);
	if (o->code == OUTCOME_ELSEWHERE)
		return flv_refuse(s, 404,
				  "The stream is on another server that has no HTTP address.");
	if (o->code == OUTCOME_MISDIRECTED)
		return signed_request_refuse(s->sock, s->request, SIGN_MISDIRECTED,
					     s->server->service_id, s->cors);
	/* Another server need not ask all others, too. */
	bool says_relay = http_header_get(s->request, ANNOUNCE_PATH_HEADER) != NULL;
	return refuse(s, status_of(o->code), o->text,
		      &(struct stream_report){.absent_at = says_relay ? o->absent_at : 0});
}
