#include "api/access.h"
#include "api/api_route.h"
#include "api/credentials.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/url.h"
#include "node/guesses.h"
#include "node/notice.h"
#include "node/signed_request.h"
#include "service/http_origin.h"

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

static bool takes_tokens(const struct conf_http_api *api)
{
	return *api->auth.token || api->auth.tokens.count;
}

static err deny_caller(struct http_session *s)
{
	struct buf extra = {.max = 8192};
	const struct conf_http_api *api = &s->conf->http_api;
	if (*api->auth.username || api->auth.users.count || !takes_tokens(api))
		buf_printf(&extra, "WWW-Authenticate: Basic realm=\"SRS\", charset=\"UTF-8\"\r\n");
	if (takes_tokens(api))
		buf_printf(&extra, "WWW-Authenticate: Bearer realm=\"SRS\"\r\n");
	buf_printf(&extra, "%s", s->cors);
	err e = http_respond(s->sock, s->request, 401, NULL, span_str(""), buf_text(&extra));
	buf_free(&extra);
	return e;
}

/* Answers before the password is compared: the answer must not tell whether it is right. */
static err deny_for_now(struct http_session *s)
{
	struct buf extra = {.max = 8192};
	buf_printf(&extra, "Retry-After: 1\r\n%s", s->cors);
	s->request->keep_alive = false;
	err e = http_respond_text(s->sock, s->request, 429, "Too many wrong passwords.",
				  buf_text(&extra));
	buf_free(&extra);
	return e;
}

static err deny_scope(struct http_session *s, const struct caller *caller, unsigned scope)
{
	char *body = mem_printf("{\"code\":%d,\"why\":\"the caller lacks the scope %s\"}",
				CODE_DENIED, scope_name(scope));
	log_warn("%s %s: %s lacks the scope %s", s->request->method_name,
		 log_quote(s->request->path), log_quote(caller->name), scope_name(scope));
	err e = http_respond(s->sock, s->request, 403, "application/json", span_str(body), s->cors);
	free(body);
	return e;
}

/* *refused: who calls is not said or wrong, or may not do that, which has been answered. */
static err check_caller(struct http_session *s, unsigned scope, bool *refused)
{
	struct guesses *guesses = s->server->guesses;
	const struct addr *peer = sock_peer(s->sock);
	struct caller caller;
	*refused = true;
	if (!http_header_get(s->request, "Authorization"))
		return deny_caller(s);
	if (!guesses_may_try(guesses, peer))
		return deny_for_now(s);
	if (!credentials_check(&caller, &s->conf->http_api, s->request)) {
		note(s, "the name, password or token is wrong");
		guesses_wrong(guesses, peer);
		return deny_caller(s);
	}
	if (!(caller.scopes & scope))
		return deny_scope(s, &caller, scope);
	*refused = false;
	free(s->caller);
	s->caller = mem_strdup(caller.name);
	return OK;
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

/* The reload is one although it is a GET. A query for a stream is none although it is a POST. */
static bool is_write(const struct http_session *s)
{
	const struct http_message *m = s->request;
	const struct api_route *route = s->route->arg;
	bool acts = route && route->flags & ROUTE_ACTS;
	if (m->method == HTTP_METHOD_GET || m->method == HTTP_METHOD_HEAD ||
	    (m->method == HTTP_METHOD_POST && !acts))
		return query_is(s, "rpc", "reload");
	return m->method != HTTP_METHOD_OPTIONS;
}

/* What its caller must be allowed. */
static unsigned scope_of(const struct http_session *s)
{
	const struct api_route *route = s->route->arg;
	if (!is_write(s))
		return SCOPE_READ;
	return route && route->flags & ROUTE_KICKS ? SCOPE_KICK : SCOPE_CONFIG;
}

/* A request that a proxy on this host passes on is from elsewhere, whether or not it is a trusted one. */
static bool is_forwarded(const struct http_message *m)
{
	static const char *const names[] = {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_header_get(m, names[i]))
			return true;
	return false;
}

/* A page that this host's browser shows is a caller from elsewhere. */
static bool is_from_here(const struct http_session *s)
{
	return addr_is_loopback(sock_peer(s->sock)) && !s->proxy && !is_forwarded(s->request) &&
	       !http_header_get(s->request, "Origin");
}

/* A page of another site can make the reader's browser send any simple request. Only with an
 * Authorization header the browser asks first, and then the site has to be a listed one. */
static bool may_page_write(const struct http_session *s)
{
	switch (http_page_kind(s->request, s->conf)) {
	case PAGE_FOREIGN:
		return false;
	case PAGE_LISTED:
		return http_header_get(s->request, "Authorization");
	default:
		return true;
	}
}

static err deny_write(struct http_session *s, const char *why)
{
	s->server->stat.refused_writes++;
	note(s, why);
	char *body = mem_printf("{\"code\":%d,\"why\":\"%s\"}", CODE_DENIED, why);
	err e = http_respond(s->sock, s->request, 403, "application/json", span_str(body), s->cors);
	free(body);
	return e;
}

static err check_write(struct http_session *s, bool *refused)
{
	const struct conf_http_api *api = &s->conf->http_api;
	*refused = true;
	if (!may_page_write(s))
		return deny_write(s, "pages of that site may change nothing "
				     "(http_api.allowed_origins)");
	if (api->writes == WRITES_LOOPBACK && !is_from_here(s))
		return deny_write(s, "changes are accepted from this host only (http_api.writes)");
	*refused = false;
	if (api->writes != WRITES_AUTH || s->caller)
		return OK;
	err e = check_caller(s, scope_of(s), refused);
	s->server->stat.refused_writes += *refused;
	return e;
}

/* ---- all of it ---- */

static bool has_credentials(const struct http_session *s)
{
	const struct conf_http_api *api = &s->conf->http_api;
	bool takes = *api->auth.username || api->auth.users.count || takes_tokens(api);
	return takes && http_header_get(s->request, "Authorization");
}

/* What is for servers of the cluster is for people, too, who say who they are: the secret is no password for
 * them. Only what the secret has signed is exempt from the rules of writes: another server asks from elsewhere. */
err access_check(struct http_session *s, bool *refused)
{
	*refused = false;
	free(s->caller);
	s->caller = NULL;
	bool for_servers = signer_on(s->server->signer) && is_for_servers(s);
	if (for_servers && !has_credentials(s))
		return check_signature(s, refused);
	if (for_servers || s->conf->http_api.auth.enabled)
		TRY(check_caller(s, scope_of(s), refused));
	return !*refused && is_write(s) ? check_write(s, refused) : OK;
}

void access_audit(const struct http_session *s, long long code)
{
	char ip[ADDR_TEXT_MAX];
	const char *who = s->caller ? s->caller
			  : signer_on(s->server->signer) && is_for_servers(s)
				  ? "a server of the cluster"
				  : "anonymous";
	if (!is_write(s))
		return;
	addr_ip(ip, sock_peer(s->sock));
	log_info("audit: %s from %s: %s %s: code %lld", log_quote(who), ip, s->request->method_name,
		 log_quote(s->request->target), code);
}
