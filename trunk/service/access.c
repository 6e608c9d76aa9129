#include "service/access.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "node/notice.h"
#include "node/signed_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* As SRS numbers a refused authentication. */
enum { CODE_DENIED = 1102 };

static const char clusters[] = "/api/v1/clusters";

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_api(const struct http_session *s)
{
	return strstr(s->request->path, "/api/") != NULL;
}

static err deny(struct http_session *s, int status, const char *why, const char *extra)
{
	char *body = mem_printf("{\"code\":%d,\"why\":\"%s\"}", CODE_DENIED, why);
	err e = http_respond(s->sock, s->request, status, "application/json", span_str(body),
			     extra);
	free(body);
	return e;
}

static void note(const struct http_session *s, const char *why)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, &s->sock->peer);
	if (notice_is_due(s->server->notices, ip))
		log_warn("%s %s from %s is refused: %s", s->request->method_name,
			 log_quote(s->request->path), ip, why);
}

/* As SRS does it: no words. */
static err deny_caller(struct http_session *s)
{
	struct buf extra = {.max = 1024};
	buf_printf(&extra, "WWW-Authenticate: Basic\r\n%s", s->cors);
	err e = http_respond(s->sock, s->request, 401, NULL, span_str(""), buf_text(&extra));
	buf_free(&extra);
	return e;
}

/* ---- signatures ---- */

enum sign_verdict access_verdict(struct http_session *s, struct span what)
{
	const struct http_message *m = s->request;
	return sign_check(
		s->server->signer,
		&(struct sign_said){
			.to = http_header_get(m, "X-Srs-To"),
			.time = http_header_get(m, "X-Srs-Time"),
			.nonce = http_header_get(m, "X-Srs-Nonce"),
			.mac = http_header_get(m, "X-Srs-Sign"),
		},
		&(struct sign_what){.method = m->method_name, .target = m->target, .body = what},
		clock_wall_ms());
}

/* One that knows a secret of ours learns who we are; that is no line in the log, since each server
 * that has not asked us before does so. */
err access_challenge(struct http_session *s)
{
	struct buf extra = {.max = 1024};
	http_write_header(&extra, SIGN_RECEIVER, s->server->service_id);
	buf_printf(&extra, "%s", s->cors);
	err e = deny(s, 401, sign_why(SIGN_MISDIRECTED), buf_text(&extra));
	buf_free(&extra);
	return e;
}

static err deny_stranger(struct http_session *s, enum sign_verdict v)
{
	if (v == SIGN_MISDIRECTED)
		return access_challenge(s);
	note(s, sign_why(v));
	return deny(s, 401, sign_why(v), s->cors);
}

/* ---- writes ---- */

static bool query_is(const struct http_session *s, const char *name, const char *value)
{
	char text[32];
	return param_get(text, sizeof(text), s->request->query, name) && strcmp(text, value) == 0;
}

/* DELETE also as a parameter of JSONP, and the reload, which is a GET. A query for a stream is no
 * write although it is a POST. */
static bool is_write(const struct http_session *s)
{
	const struct http_message *m = s->request;
	if (!is_api(s))
		return false;
	if (m->method == HTTP_METHOD_GET || m->method == HTTP_METHOD_HEAD ||
	    m->method == HTTP_METHOD_POST)
		return query_is(s, "method", "DELETE") || query_is(s, "rpc", "reload");
	return m->method != HTTP_METHOD_OPTIONS;
}

/* A page that this host's browser shows is a caller from elsewhere. */
static bool is_from_here(const struct http_session *s)
{
	return addr_is_loopback(&s->sock->peer) && !http_header_get(s->request, "Origin") &&
	       !strstr(s->request->query, "callback=");
}

static err check_write(struct http_session *s, bool *refused)
{
	const struct conf_http_api *api = &s->conf->http_api;
	*refused = api->writes == WRITES_LOOPBACK ? !is_from_here(s)
		   : api->writes == WRITES_AUTH
			   ? !http_basic_ok(s->request, api->auth.username, api->auth.password)
			   : false;
	if (!*refused)
		return OK;
	s->server->stat.refused_writes++;
	note(s, "http_api.writes does not allow it");
	if (api->writes == WRITES_AUTH)
		return deny_caller(s);
	return deny(s, 403, "changes are accepted from this host only", s->cors);
}

/* ---- all of it ---- */

err access_check(struct http_session *s, bool *refused)
{
	const struct conf_http_api *api = &s->conf->http_api;
	*refused = true;
	if (signer_on(s->server->signer) && starts(s->request->path, clusters)) {
		enum sign_verdict v = access_verdict(s, buf_span(&s->request->body));
		*refused = v != SIGN_GOOD;
		return *refused ? deny_stranger(s, v) : OK;
	}
	if (api->auth.enabled && is_api(s) &&
	    !http_basic_ok(s->request, api->auth.username, api->auth.password))
		return deny_caller(s);
	*refused = false;
	return is_write(s) ? check_write(s, refused) : OK;
}
