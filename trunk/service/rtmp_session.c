/* What play and publish share: their request in no protocol's words, and outcomes in those of RTMP. */
#include "service/rtmp_session.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request rtmp_session_request(const struct rtmp_session *s, const char *type)
{
	return (struct request){
		.server = s->server,
		.conf = s->conf,
		.vhost = s->vhost,
		.target = &s->target,
		.peer = &s->peer,
		.type = type,
		.tc_url = s->connect.tc_url,
		.page_url = s->connect.page_url,
		.swf_url = s->connect.swf_url,
		.url = s->url,
		.path_asked = "",
		.proof = s->proof ? s->proof : "",
		.publish = s->want.role != ROLE_PLAY,
		.tls = s->conn && sock_is_encrypted(s->conn->sock),
		.announce = &s->announce,
		.path = s->path,
		.via = s->via,
		.redirected = s->redirected,
		.says_relay = s->says_relay,
		.is_relay = s->is_relay,
		.from_coworker = s->is_coworker,
	};
}

struct traffic rtmp_session_traffic(const struct rtmp_session *s)
{
	if (!s->conn)
		return s->traffic;
	const struct sock *sock = s->conn->sock;
	return (struct traffic){.recv = sock_recv_bytes(sock), .send = sock_send_bytes(sock)};
}

/* The connection ends politely; what it has carried is kept. */
static void end_connection(struct rtmp_session *s, uint32_t stream_id, const char *level,
			   const char *code, const char *sentence)
{
	s->traffic = rtmp_session_traffic(s);
	rtmp_end(&s->conn, stream_id, level, code, sentence);
}

/* SRS's 302: the URL without the stream, and with it. */
static err redirect(struct rtmp_session *s, const char *hostport, bool tls)
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
	char *app = url_name(t->app), *name = url_name(t->stream);
	char *base = mem_printf("rtmp%s://%s/%s", tls ? "s" : "", hostport, app);
	char *full = mem_printf("%s/%s%s", base, name, query);
	free(app);
	free(name);
	log_info("redirecting to %s/%s", base, t->stream); /* the query may hold a secret */
	err e = rtmp_redirect(s->conn, base, full);
	if (!e)
		end_connection(s, 0, NULL, NULL, NULL);
	e = err_fail(ERR_REDIRECT, "redirected to %s/%s", base, t->stream);
	free(query);
	free(base);
	free(full);
	return e;
}

/* NULL: the end of the connection says it. */
static const char *code_of(const struct outcome *o, bool play)
{
	static const struct {
		const char *play, *publish;
	} codes[OUTCOMES] = {
		[OUTCOME_NO_VHOST] = {"NetConnection.Connect.InvalidApp",
				      "NetConnection.Connect.InvalidApp"},
		[OUTCOME_BAD_NAME] = {"NetStream.Failed", "NetStream.Failed"},
		[OUTCOME_RELAY_REFUSED] = {"NetConnection.Connect.Rejected",
					   "NetConnection.Connect.Rejected"},
		[OUTCOME_FULL] = {"NetStream.Play.Failed", "NetStream.Publish.Failed"},
		[OUTCOME_LOOP] = {"NetStream.Play.Failed", "NetStream.Publish.Failed"},
		[OUTCOME_DENIED] = {"NetConnection.Connect.Rejected",
				    "NetConnection.Connect.Rejected"},
		[OUTCOME_NO_ORIGIN] = {"NetStream.Play.Failed", "NetStream.Publish.Failed"},
		[OUTCOME_NOT_FOUND] = {"NetStream.Play.StreamNotFound", NULL},
		[OUTCOME_BUSY] = {NULL, "NetStream.Publish.BadName"},
		[OUTCOME_REPLACED] = {NULL, "NetStream.Publish.BadName"},
		[OUTCOME_RIVAL] = {NULL, "NetStream.Publish.BadName"},
		[OUTCOME_KICKED] = {"NetStream.Play.Denied", "NetStream.Publish.Denied"},
		[OUTCOME_IDLE] = {NULL, "NetStream.Publish.Denied"},
		[OUTCOME_ENDED] = {"NetStream.Play.UnpublishNotify", NULL},
		[OUTCOME_DURATION] = {"NetStream.Play.Stop", NULL},
	};
	const char *code = play ? codes[o->code].play : codes[o->code].publish;
	return *o->word ? o->word : code;
}

err rtmp_session_tell(struct rtmp_session *s, const struct outcome *o)
{
	bool ended = o->code == OUTCOME_ENDED || o->code == OUTCOME_DURATION;
	if (o->code == OUTCOME_ELSEWHERE)
		return redirect(s, o->rtmp, o->tls);
	const char *code = code_of(o, s->want.role == ROLE_PLAY);
	if (!code)
		return outcome_fail(o);
	if (ended)
		rtmp_put_user_control(s->conn, UC_STREAM_EOF, s->want.stream_id);
	end_connection(s, s->want.stream_id, ended ? "status" : "error", code, o->text);
	return ended ? outcome_fail(o) : err_fail(outcome_err(o->code), "%s: %s", code, o->text);
}

err rtmp_session_refuse(struct rtmp_session *s, err e, const char *code, const char *fmt, ...)
{
	char sentence[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	end_connection(s, s->want.stream_id, "error", code, sentence);
	return err_fail(e, "%s: %s", code, sentence);
}
