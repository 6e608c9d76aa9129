#include "cluster/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
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

static err encrypt(struct sock **sock, const struct cluster *cluster,
		   const struct conf_vhost *vhost, const char *host)
{
	const char *name = vhost->cluster.tls_name;
	sock_set_deadline(*sock, clock_after(DIALOGUE_MS));
	err e = tls_connect(*sock, certs_client(cluster->server->certs), *name ? name : host, NULL);
	if (e)
		sock_close(sock);
	return e;
}

/* OK or the origin's refusal; ERR_CONNECT when it cannot be asked. */
static err ask(const struct cluster *cluster, const struct conf_vhost *vhost,
	       const struct token_words *words, const char *name, struct rtmp_refusal *refusal)
{
	struct sock *sock = NULL;
	struct rtmp_conn *conn = NULL;
	uint32_t stream_id;
	struct hostport hp;
	bool tls = link_sends(&vhost->cluster)->tls;
	err e = hostport_parse(&hp, name, tls ? PORT_HTTPS : PORT_RTMP);
	if (!e)
		e = dial_host(&sock, hp.host, hp.port, clock_after(DIAL_MS));
	if (!e && tls)
		e = encrypt(&sock, cluster, vhost, hp.host);
	if (e)
		return e == ERR_STOPPED ? e : ERR_CONNECT;
	e = rtmp_client_connect(&conn, &sock,
				&(struct rtmp_client_opts){
					.app = words->app,
					.tc_url = words->tc_url,
					.page_url = words->page_url,
					.swf_url = words->swf_url,
					.args = copy_of(words->args),
					.deadline = clock_after(DIALOGUE_MS),
				},
				&stream_id, refusal);
	rtmp_conn_free(&conn);
	return e == ERR_TIMEOUT ? ERR_CONNECT : e;
}

err token_ask(struct cluster *cluster, const struct conf_vhost *vhost,
	      const struct token_words *words, struct rtmp_refusal *refusal)
{
	struct member_list members = {0};
	err e = ERR_CONNECT;
	members_list(cluster, link_sends(&vhost->cluster)->members,
		     link_send_origins(&vhost->cluster), &members, clock_after(NAMES_MS));
	for (int i = 0; i < members.count && e == ERR_CONNECT; i++) {
		const char *name = members.v[i].name;
		e = ask(cluster, vhost, words, name, refusal);
		log_info("token_traverse: %s says %s", name, e ? err_trail(e) : "yes");
	}
	member_list_fini(&members);
	return e;
}
