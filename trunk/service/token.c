#include "service/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/link.h"
#include "cluster/members.h"
#include "net/dial.h"
#include "node/certs.h"
#include "rtmp/client.h"

#include <stdlib.h>

enum {
	NAMES_MS = 2000,
	DIAL_MS = 3000,
	DIALOGUE_MS = 5000,
	ARGS_MAX = 65536,
};

static struct amf *copy_of(const struct amf *value)
{
	struct amf *copy = NULL;
	struct buf b = {.max = ARGS_MAX};
	if (!value)
		return NULL;
	amf_write(&b, value);
	struct cur c = cur_of(b.p, b.n);
	if (!buf_ok(&b) || amf_read(&copy, &c) != OK)
		copy = NULL;
	buf_free(&b);
	return copy;
}

/* OK or the origin's refusal; ERR_CONNECT when it cannot be asked. */
static err ask(const struct rtmp_session *s, const char *name, struct rtmp_refusal *refusal)
{
	struct sock *sock = NULL;
	struct rtmp_conn *conn = NULL;
	uint32_t stream_id;
	struct hostport hp;
	const struct conf_cluster *conf = &s->vhost->cluster;
	err e = hostport_parse(&hp, name, link_sends(conf)->tls ? PORT_HTTPS : PORT_RTMP);
	if (!e)
		e = dial_host(&sock, hp.host, hp.port, clock_after(DIAL_MS));
	if (!e && link_sends(conf)->tls) {
		sock_set_deadline(sock, clock_after(DIALOGUE_MS));
		e = tls_connect(sock, certs_client(s->server->certs),
				*conf->tls_name ? conf->tls_name : hp.host, NULL);
		if (e)
			sock_close(&sock);
	}
	if (e)
		return e == ERR_STOPPED ? e : ERR_CONNECT;
	e = rtmp_client_connect(&conn, &sock,
				&(struct rtmp_client_opts){
					.app = s->connect.app,
					.tc_url = s->connect.tc_url,
					.page_url = s->connect.page_url,
					.swf_url = s->connect.swf_url,
					.args = copy_of(s->connect.args),
					.deadline = clock_after(DIALOGUE_MS),
				},
				&stream_id, refusal);
	rtmp_conn_free(&conn);
	return e == ERR_TIMEOUT ? ERR_CONNECT : e;
}

static err ask_in_turn(const struct rtmp_session *s, struct rtmp_refusal *refusal)
{
	struct member *members = mem_zalloc(MEMBERS_MAX * sizeof(members[0]));
	int n = members_list(s->server->cluster, link_sends(&s->vhost->cluster)->members,
			     &s->vhost->cluster.origin, members, clock_after(NAMES_MS));
	err e = ERR_CONNECT;
	for (int i = 0; i < n && e == ERR_CONNECT; i++) {
		e = ask(s, members[i].name, refusal);
		log_info("token_traverse: %s says %s", members[i].name, e ? err_trail(e) : "yes");
	}
	free(members);
	return e;
}

err token_check(struct rtmp_session *s)
{
	const struct conf_cluster *conf = &s->vhost->cluster;
	if (conf->mode != MODE_REMOTE || !conf->token_traverse)
		return OK;
	struct rtmp_refusal *refusal = mem_new(struct rtmp_refusal);
	err e = ask_in_turn(s, refusal);
	if (e == ERR_CONNECT)
		e = rtmp_session_refuse(s, ERR_UPSTREAM, "NetConnection.Connect.Rejected",
					"no origin can be asked whether this is allowed");
	else if (e && e != ERR_STOPPED)
		e = rtmp_session_refuse(
			s, ERR_DENIED,
			*refusal->code ? refusal->code : "NetConnection.Connect.Rejected", "%s",
			*refusal->description ? refusal->description
					      : "the origin does not allow it");
	free(refusal);
	return e;
}
