/* Outcomes of plays and publications in the words of RTMP. */
#include "service/rtmp_session.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { TELL_MS = 5000 };

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
		const char *vhost = strcmp(s->request.vhost->name, DEFAULT_VHOST)
					    ? s->request.vhost->name
				    : addr_literal(&literal, t->host, 0) ? ""
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

enum moment { AT_CONNECT, AT_PLAY, AT_PUBLISH, MOMENTS };

/* NULL: the end of the connection says it. */
static const char *code_of(const struct outcome *o, enum moment moment)
{
	static const char rejected[] = "NetConnection.Connect.Rejected";
	static const char invalid_app[] = "NetConnection.Connect.InvalidApp";
	static const char failed[] = "NetStream.Failed";
	static const char play_failed[] = "NetStream.Play.Failed";
	static const char publish_failed[] = "NetStream.Publish.Failed";
	static const char denied[] = "NetStream.Publish.Denied";
	static const char bad_name[] = "NetStream.Publish.BadName";
	static const char *const codes[OUTCOMES][MOMENTS] = {
		[OUTCOME_NO_VHOST] = {invalid_app, invalid_app, invalid_app},
		[OUTCOME_BAD_NAME] = {rejected, failed, failed},
		[OUTCOME_RELAY_REFUSED] = {rejected, rejected, rejected},
		[OUTCOME_FULL] = {rejected, play_failed, publish_failed},
		[OUTCOME_LOOP] = {rejected, play_failed, publish_failed},
		[OUTCOME_DENIED] = {rejected, rejected, rejected},
		[OUTCOME_UNDECIDED] = {rejected, rejected, rejected},
		[OUTCOME_NO_ORIGIN] = {rejected, play_failed, publish_failed},
		[OUTCOME_NOT_FOUND] = {NULL, "NetStream.Play.StreamNotFound", publish_failed},
		[OUTCOME_BUSY] = {NULL, NULL, bad_name},
		[OUTCOME_REPLACED] = {NULL, NULL, bad_name},
		[OUTCOME_RIVAL] = {NULL, NULL, bad_name},
		[OUTCOME_DRAINING] = {rejected, rejected, rejected},
		[OUTCOME_KICKED] = {NULL, "NetStream.Play.Denied", denied},
		[OUTCOME_IDLE] = {NULL, NULL, denied},
		[OUTCOME_TOO_MUCH] = {NULL, NULL, denied},
		[OUTCOME_ENDED] = {NULL, "NetStream.Play.UnpublishNotify", NULL},
		[OUTCOME_DURATION] = {NULL, "NetStream.Play.Stop", NULL},
	};
	return *o->word ? o->word : codes[o->code][moment];
}

/* The connection goes on: the client may ask for something else. */
static err tell_duration(struct rtmp_session *s, const char *code, const char *text)
{
	rtmp_put_status(s->conn, s->want.stream_id, "status", code, text);
	sock_set_deadline(s->conn->sock, clock_after(TELL_MS));
	return rtmp_flush(s->conn);
}

err rtmp_session_tell(struct rtmp_session *s, const struct outcome *o)
{
	bool ended = o->code == OUTCOME_ENDED || o->code == OUTCOME_DURATION;
	if (o->code == OUTCOME_ELSEWHERE)
		return redirect(s, o->rtmp, o->tls);
	const char *code = code_of(o, s->want.role == ROLE_PLAY ? AT_PLAY : AT_PUBLISH);
	if (!code)
		return outcome_fail(o);
	if (o->absent_at && s->request.says_relay)
		announce_stream(s->conn, &(struct stream_report){.absent_at = o->absent_at});
	if (ended)
		rtmp_put_user_control(s->conn, UC_STREAM_EOF, s->want.stream_id);
	if (o->code == OUTCOME_DURATION)
		return tell_duration(s, code, o->text);
	end_connection(s, s->want.stream_id, ended ? "status" : "error", code, o->text);
	return ended ? outcome_fail(o) : err_fail(outcome_err(o->code), "%s: %s", code, o->text);
}

err rtmp_session_reject(struct rtmp_session *s, const struct outcome *o)
{
	const char *code = code_of(o, AT_CONNECT);
	if (rtmp_reject(s->conn, code, o->text) == OK)
		end_connection(s, 0, NULL, NULL, NULL);
	return err_fail(outcome_err(o->code), "%s: %s", code, o->text);
}
