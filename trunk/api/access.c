#include "api/access.h"
#include "api/api_route.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "node/notice.h"
#include "node/signed_request.h"

#include <stdlib.h>
#include <string.h>

static void note(const struct http_session *s, const char *why)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, sock_peer(s->sock));
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

/* ---- servers of the cluster ---- */

static bool is_for_servers(const struct http_session *s)
{
	const struct api_route *route = s->route->arg;
	return route && route->flags & ROUTE_SIGNED;
}

/* A misdirected one is no line in the log, since each server that has not asked us before is one. */
static err check_signature(struct http_session *s, bool *refused)
{
	enum sign_verdict v =
		signed_request_check(s->server->signer, s->request, buf_span(&s->request->body));
	*refused = v != SIGN_GOOD;
	if (!*refused)
		return OK;
	if (v != SIGN_MISDIRECTED)
		note(s, sign_why(v));
	return signed_request_refuse(s->sock, s->request, v, s->server->service_id, s->cors);
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
	if (m->method == HTTP_METHOD_GET || m->method == HTTP_METHOD_HEAD ||
	    m->method == HTTP_METHOD_POST)
		return query_is(s, "method", "DELETE") || query_is(s, "rpc", "reload");
	return m->method != HTTP_METHOD_OPTIONS;
}

/* A page that this host's browser shows is a caller from elsewhere. */
static bool is_from_here(const struct http_session *s)
{
	return addr_is_loopback(sock_peer(s->sock)) && !http_header_get(s->request, "Origin") &&
	       !strstr(s->request->query, "callback=");
}

static err deny_write(struct http_session *s)
{
	char *body = mem_printf("{\"code\":%d,\"why\":\"%s\"}", CODE_DENIED,
				"changes are accepted from this host only");
	err e = http_respond(s->sock, s->request, 403, "application/json", span_str(body), s->cors);
	free(body);
	return e;
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
	return deny_write(s);
}

/* ---- all of it ---- */

err access_check(struct http_session *s, bool *refused)
{
	const struct conf_http_api *api = &s->conf->http_api;
	if (signer_on(s->server->signer) && is_for_servers(s))
		return check_signature(s, refused);
	*refused = api->auth.enabled &&
		   !http_basic_ok(s->request, api->auth.username, api->auth.password);
	if (*refused)
		return deny_caller(s);
	return is_write(s) ? check_write(s, refused) : OK;
}
