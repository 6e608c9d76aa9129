#include "service/announce.h"
#include "base/log.h"
#include "conf/endpoint.h"
#include "service/notice.h"
#include "service/sign.h"

#include <stdio.h>
#include <string.h>

int announce_port(const struct server *server)
{
	struct endpoint at;
	const struct conf_http_api *api = &server->conf->http_api;
	return api->enabled && endpoint_listen(&at, api->listen) ? at.port : 0;
}

/* What is signed in place of a path. */
static void subject(char out[static 64], const char *node, int port)
{
	snprintf(out, 64, "%.32s/%d", node, port);
}

void announce_put(struct amf *args, const struct server *server, const char *vhost)
{
	char text[64];
	struct sign_mark m;
	int port = announce_port(server);
	amf_set(args, "srs_node", amf_string(server->service_id));
	if (!port)
		return;
	amf_set(args, "srs_api", amf_number(port));
	subject(text, server->service_id, port);
	if (!sign_make(server->signer, &m, vhost, "RELAY", text, span_str(""), clock_wall_ms()))
		return;
	amf_set(args, "srs_time", amf_string(m.time));
	amf_set(args, "srs_nonce", amf_string(m.nonce));
	amf_set(args, "srs_sign", amf_string(m.mac));
}

static bool is_believed(struct server *server, const struct amf *args, const char *node, int port,
			const char *ip)
{
	char text[64];
	if (!signer_on(server->signer))
		return true;
	subject(text, node, port);
	enum sign_verdict v = sign_check(server->signer, amf_get_string(args, "srs_time", NULL),
					 amf_get_string(args, "srs_nonce", NULL),
					 amf_get_string(args, "srs_sign", NULL), "RELAY", text,
					 span_str(""), clock_wall_ms());
	if (v != SIGN_GOOD && notice_is_due(server->notices, ip))
		log_warn("the relay at %s is not asked about its viewers: %s", ip, sign_why(v));
	return v == SIGN_GOOD;
}

/* Part of paths and questions later: a name that does not look like one is none. */
static void read_id(char *out, size_t cap, const struct amf *args, const char *key)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *text = amf_get_string(args, key, "");
	bool sane = strlen(text) < cap && strspn(text, letters) == strlen(text);
	snprintf(out, cap, "%s", sane ? text : "");
}

static void at_port(char out[static ADDR_TEXT_MAX], const struct addr *peer, int port)
{
	struct addr addr = *peer;
	addr_set_port(&addr, port);
	addr_text(out, &addr);
}

void announce_read(struct announce *out, struct server *server, const struct amf *args,
		   const struct addr *peer)
{
	char ip[ADDR_TEXT_MAX];
	double port = amf_get_number(args, "srs_api", 0);
	*out = (struct announce){0};
	read_id(out->node, sizeof(out->node), args, "srs_node");
	read_id(out->relay, sizeof(out->relay), args, "srs_id");
	addr_ip(ip, peer);
	if (*out->node && port >= 1 && port <= 65535 &&
	    is_believed(server, args, out->node, (int)port, ip))
		at_port(out->api, peer, (int)port);
}

void announce_api(char out[static ADDR_TEXT_MAX], const struct rtmp_peer *said,
		  const struct addr *peer)
{
	*out = '\0';
	if (said->api_port)
		at_port(out, peer, said->api_port);
}
