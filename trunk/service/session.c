/* What play and publish share: their entry in the statistics, and the two ways to tell a client no. */
#include "service/session.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void session_enter(struct session *s, const char *type, struct source *source)
{
	s->client.type = type;
	s->client.relay = s->is_relay;
	s->client.page_url = s->connect.page_url;
	s->client.swf_url = s->connect.swf_url;
	s->client.tc_url = s->connect.tc_url;
	s->client.url = s->url;
	s->client.source = source;
	s->client.announce = s->is_relay ? &s->announce : NULL;
	s->client.sock = &s->conn->sock;
	addr_ip(s->client.ip, sock_peer(s->conn->sock));
	stat_enter(&s->server->stat, &s->client);
}

err session_refuse(struct session *s, err e, const char *code, const char *fmt, ...)
{
	char sentence[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	stat_leave(&s->server->stat, &s->client);
	rtmp_end(&s->conn, s->want.stream_id, "error", code, sentence);
	return err_fail(e, "%s: %s", code, sentence);
}

/* SRS's 302: the URL without the stream, and with it. */
err session_redirect(struct session *s, const char *hostport)
{
	const struct target *t = &s->target;
	struct addr literal;
	char *query = mem_strdup(t->param);
	char named[256];
	if (!param_get(named, sizeof(named), t->param, "vhost")) {
		const char *vhost = strcmp(s->vhost->name, DEFAULT_VHOST) ? s->vhost->name
				    : addr_literal(&literal, t->host, 0)  ? ""
									  : t->host;
		if (*vhost) {
			free(query);
			query = mem_printf("%s%svhost=%s", t->param, *t->param ? "&" : "?", vhost);
		}
	}
	char *base = mem_printf("rtmp://%s/%s", hostport, t->app);
	char *full = mem_printf("%s/%s%s", base, t->stream, query);
	log_info("redirecting to %s/%s", base, t->stream); /* the query may hold a secret */
	stat_leave(&s->server->stat, &s->client);
	err e = rtmp_redirect(s->conn, base, full);
	if (!e)
		rtmp_end(&s->conn, 0, NULL, NULL, NULL);
	e = err_fail(ERR_REDIRECT, "redirected to %s/%s", base, t->stream);
	free(query);
	free(base);
	free(full);
	return e;
}
