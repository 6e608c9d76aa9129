#include "cluster/upstream_request.h"
#include "base/mem.h"
#include "base/version.h"
#include "cluster/announce.h"
#include "cluster/link.h"
#include "codec/list.h"
#include "net/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *upstream_vhost(const struct upstream_request *r)
{
	if (r->tc_vhost)
		return mem_strdup(r->tc_vhost);
	const char *own = strcmp(r->vhost->name, DEFAULT_VHOST) ? r->vhost->name : r->target->vhost;
	const char *pattern = r->vhost->cluster.vhost;
	const char *hole = strstr(pattern, "[vhost]");
	if (!hole)
		return mem_strdup(*pattern ? pattern : own);
	return mem_printf("%.*s%s%s", (int)(hole - pattern), pattern, own,
			  hole + strlen("[vhost]"));
}

const char *upstream_tls_name(const struct upstream_request *r)
{
	return r->tls_name ? r->tls_name : r->vhost->cluster.tls_name;
}

char *upstream_tc_url(const struct upstream_request *r, int port)
{
	char *vhost = upstream_vhost(r), *app = url_name(r->target->app), port_text[8] = "";
	bool v6 = strchr(vhost, ':') != NULL;
	bool tls = r->tc_vhost && r->protocol->tls; /* origins hear no more than the vhost */
	if (port != (tls ? PORT_HTTPS : PORT_RTMP))
		snprintf(port_text, sizeof(port_text), ":%d", port);
	char *url = mem_printf("%s://%s%s%s%s/%s", tls ? "rtmps" : "rtmp", v6 ? "[" : "", vhost,
			       v6 ? "]" : "", port_text, app);
	free(app);
	free(vhost);
	return url;
}

char *upstream_stream_name(const struct upstream_request *r)
{
	char *param = mem_alloc(URL_MAX);
	param_remove(param, r->target->param, "vhost");
	char *name = url_name(r->target->stream);
	char *text = mem_printf("%s%s", name, param);
	free(name);
	free(param);
	return text;
}

char *upstream_path(const struct upstream_request *r)
{
	return mem_printf("%s,%s", r->path, r->server->path_id);
}

int64_t upstream_resume_ms(const struct upstream_request *r)
{
	int64_t ago = clock_ms() - r->had_ms;
	return !r->had_ms ? 0 : ago > 1 ? ago : 1;
}

/* The identity of this server, in the words of SRS. Members that SRS does not know are ignored by it: the servers
 * that this request came by (srs_path) and all that wait for its answer (srs_via), so that none of them is asked
 * again; those that have redirected it (srs_redirected), so that none sends it back; for whom it is (srs_trace); where
 * the stream is to go on (srs_resume); and that an origin asks the coworker which has said that it has the stream
 * (srs_mesh). */
struct amf *upstream_identity(const struct upstream_request *r)
{
	struct amf *args = amf_object();
	if (r->vhost->cluster.debug_srs_upnode) {
		amf_set(args, "srs_sig", amf_string(SERVER_SIG));
		amf_set(args, "srs_server", amf_string(SERVER_NAME));
		amf_set(args, "srs_license", amf_string("MIT"));
		amf_set(args, "srs_version", amf_string(SRS_VERSION));
		amf_set(args, "srs_pid", amf_number(getpid()));
		amf_set(args, "srs_id", amf_string(co_id()));
		announce_put(args, r->server);
	}
	char *path = upstream_path(r);
	amf_set(args, "srs_path", amf_string(path));
	if (r->via && *r->via)
		amf_set(args, "srs_via", amf_string(r->via));
	if (r->redirected && *r->redirected)
		amf_set(args, "srs_redirected", amf_string(r->redirected));
	if (r->trace && *r->trace)
		amf_set(args, "srs_trace", amf_string(r->trace));
	if (r->had_ms)
		amf_set(args, "srs_resume", amf_number((double)upstream_resume_ms(r)));
	if (r->from_coworker)
		amf_set(args, "srs_mesh", amf_number(1));
	free(path);
	return args;
}

err upstream_check_path(const struct server *server, const struct conf_vhost *vhost,
			const char *path, const char *via)
{
	int hops = list_count(path);
	if (list_has(path, server->path_id) || list_has(via, server->path_id))
		return err_fail(ERR_LOOP,
				"the request has come back to where it was (by %d servers, seen "
				"by %s): the origins of these servers form a circle",
				hops, server->service_id);
	if (hops > vhost->cluster.hop_limit)
		return err_fail(ERR_LOOP, "the request came by %d servers, hop_limit is %d", hops,
				vhost->cluster.hop_limit);
	return OK;
}

bool upstream_redirect_target(char *out, size_t cap, const char *url)
{
	struct target t = {0};
	struct hostport hp = {0};
	char text[HOST_MAX + 8];
	bool ok = target_parse(&t, url, "") == OK && t.is_rtmp && *t.host &&
		  strlen(t.host) < HOST_MAX;
	if (ok) {
		snprintf(hp.host, sizeof(hp.host), "%s", t.host);
		hp.port = t.port;
		hostport_text(text, &hp);
		ok = (size_t)snprintf(out, cap, "%s", text) < cap;
	}
	target_fini(&t);
	return ok;
}
