/* Rules over several directives: each a function that knows its sentence. A rule that is broken
 * points at the line that is wrong, or at the block where something is missing. */
#include "conf/check.h"
#include "base/addr.h"
#include "base/log.h"
#include "conf/check_casters.h"

#include <sys/resource.h>

enum { DESCRIPTORS_BESIDE = 128, CHUNK_SIZE_LEAST = 128, CHUNK_SIZE_MOST = 65536 };

struct subject {
	const struct conf *conf;
	const struct conf_vhost *vhost; /* NULL for the rules of the whole */
	const struct conf_tree *tree;   /* the root, respectively the vhost's block */
	struct conf_report *report;
};

static struct conf_place at(const struct subject *s, const char *path)
{
	bool whole;
	return place_of(tree_walk(s->tree, path, &whole));
}

static void max_connections_fit(const struct subject *s)
{
	struct rlimit limit;
	rlim_t needed = (rlim_t)s->conf->max_connections + DESCRIPTORS_BESIDE;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY ||
	    needed <= limit.rlim_max)
		return;
	report_error(s->report, at(s, "max_connections"),
		     "'max_connections %d' needs %llu open files, but the system allows this "
		     "process %llu; "
		     "lower it, or raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd)",
		     s->conf->max_connections, (unsigned long long)needed,
		     (unsigned long long)limit.rlim_max);
}

static void warn_chunk_size(const struct subject *s, int size)
{
	if (size < CHUNK_SIZE_LEAST || size > CHUNK_SIZE_MOST)
		report_warning(
			s->report, at(s, "chunk_size"),
			"'chunk_size %d' is outside of %d to %d, which some players do not accept",
			size, CHUNK_SIZE_LEAST, CHUNK_SIZE_MOST);
}

static void chunk_size_is_usual(const struct subject *s)
{
	warn_chunk_size(s, s->conf->chunk_size);
}

/* Of two that clients cannot tell apart, one would serve nobody. */
static void vhost_has_its_own_name(const struct subject *s)
{
	const struct conf_vhost *first = conf_vhost_named(s->conf, s->vhost->name);
	if (first != s->vhost)
		report_error(
			s->report, place_of(s->tree),
			"vhost '%s' is the host of vhost '%s' too: case and a dot at the end make "
			"no difference",
			log_quote(s->vhost->name), log_quote(first->name));
}

static void vhost_chunk_size_is_usual(const struct subject *s)
{
	if (s->vhost->chunk_size != s->conf->chunk_size)
		warn_chunk_size(s, s->vhost->chunk_size);
}

static void there_is_a_vhost(const struct subject *s)
{
	if (s->conf->vhost_count == 0)
		report_warning(s->report, place_of(s->tree),
			       "there is no vhost, so every client will be refused; add 'vhost "
			       "__defaultVhost__ { }'");
}

/* Two addresses of RTMP that are one are only said twice, as SRS's own samples do; those of different
 * services cannot both be had. */
static void listens_differ(const struct subject *s)
{
	const struct text_list *listen = &s->conf->listen;
	struct hostport mine, other;

	for (int i = 0; i < listen->count; i++) {
		for (int j = 0; j < listen->count; j++) {
			bool both = hostport_listen(&mine, listen->v[i]) &&
				    hostport_listen(&other, listen->v[j]);
			bool covered = both && i != j && hostport_covers(&other, &mine);
			if (!covered || (i < j && hostport_covers(&mine, &other)))
				continue;
			report_warning(s->report, at(s, "listen"),
				       "'listen %s' has no effect: 'listen %s' listens there "
				       "already",
				       log_quote(listen->v[i]), log_quote(listen->v[j]));
			break;
		}
	}
}

/* A directive that listens, and for what. */
struct listen_address {
	const char *path;
	const char *text;
	bool http;
};

enum { LISTENING_MAX = 5 };

static int http_listening(struct listen_address out[static LISTENING_MAX], const struct conf *c)
{
	int n = 0;
	if (c->http_server.enabled)
		out[n++] =
			(struct listen_address){"http_server.listen", c->http_server.listen, true};
	if (c->http_api.enabled)
		out[n++] = (struct listen_address){"http_api.listen", c->http_api.listen, true};
	if (c->exporter.enabled)
		out[n++] = (struct listen_address){"exporter.listen", c->exporter.listen, true};
	if (c->http_server.enabled && c->http_server.https.enabled)
		out[n++] = (struct listen_address){"http_server.https.listen",
						   c->http_server.https.listen, true};
	if (c->http_api.enabled && c->http_api.https.enabled)
		out[n++] = (struct listen_address){"http_api.https.listen",
						   c->http_api.https.listen, true};
	return n;
}

/* The same address for two services of one protocol is meant: both are served there. */
static void differ(const struct subject *s, const struct listen_address *a,
		   const struct listen_address *b)
{
	struct hostport mine, other;
	if (!hostport_listen(&mine, a->text) || !hostport_listen(&other, b->text) ||
	    !hostport_clash(&mine, &other))
		return;
	if (a->http != b->http)
		report_error(s->report, at(s, a->path), "'%s %s' is taken by '%s %s' already",
			     a->path, log_quote(a->text), b->path, log_quote(b->text));
	else if (!hostport_covers(&mine, &other) || !hostport_covers(&other, &mine))
		report_error(s->report, at(s, a->path),
			     "'%s %s' overlaps '%s %s'; write the same text to share the port",
			     a->path, log_quote(a->text), b->path, log_quote(b->text));
}

static void differ_from_rtmp(const struct subject *s, const struct listen_address *a)
{
	const struct conf *c = s->conf;
	for (int i = 0; i < c->listen.count; i++)
		differ(s, a, &(struct listen_address){"listen", c->listen.v[i], false});
	for (int i = 0; a->http && c->rtmps.enabled && i < c->rtmps.listen.count; i++)
		differ(s, a, &(struct listen_address){"rtmps.listen", c->rtmps.listen.v[i], false});
}

static void endpoints_differ(const struct subject *s)
{
	const struct conf *c = s->conf;
	struct listen_address http[LISTENING_MAX];
	int count = http_listening(http, c);
	for (int i = 0; i < count; i++) {
		differ_from_rtmp(s, &http[i]);
		for (int k = 0; k < i; k++)
			differ(s, &http[i], &http[k]);
	}
	for (int i = 0; c->rtmps.enabled && i < c->rtmps.listen.count; i++)
		differ_from_rtmp(
			s, &(struct listen_address){"rtmps.listen", c->rtmps.listen.v[i], false});
	const struct listen_address rtc = {"rtc_server.tcp.listen", c->rtc_server.tcp.listen, true};
	if (!c->rtc_server.enabled || !c->rtc_server.tcp.enabled)
		return;
	differ_from_rtmp(s, &rtc);
	for (int i = 0; i < count; i++)
		differ(s, &(struct listen_address){rtc.path, rtc.text, false}, &http[i]);
}

static void keys_fit(const struct subject *s, const struct conf_certs *certs, const char *path)
{
	if (certs->key.count != certs->cert.count)
		report_error(s->report, at(s, path),
			     "'%s' has %d certificates and %d keys: each certificate needs its key "
			     "at the same place",
			     path, certs->cert.count, certs->key.count);
}

static void tls_has_keys(const struct subject *s)
{
	const struct conf *c = s->conf;
	keys_fit(s, &c->rtmps.certs, "rtmps");
	keys_fit(s, &c->http_server.https.certs, "http_server.https");
	keys_fit(s, &c->http_api.https.certs, "http_api.https");
	if (c->rtmps.enabled && c->rtmps.listen.count == 0)
		report_error(
			s->report, at(s, "rtmps"),
			"'rtmps' is enabled without 'listen': say where, as in 'listen 1443;'");
	if (c->http_server.https.enabled && !c->http_server.enabled)
		report_warning(s->report, at(s, "http_server.https"),
			       "'https' has no effect without 'enabled on' in http_server");
	if (c->http_api.https.enabled && !c->http_api.enabled)
		report_warning(s->report, at(s, "http_api.https"),
			       "'https' has no effect without 'enabled on' in http_api");
}

static void vhost_has_keys(const struct subject *s)
{
	keys_fit(s, &s->vhost->tls, "tls");
}

static void auth_has_a_password(const struct subject *s)
{
	const struct conf_http_api *api = &s->conf->http_api;
	bool half = !*api->auth.username != !*api->auth.password;
	bool any = *api->auth.username || *api->auth.token || api->auth.users.count ||
		   api->auth.tokens.count;
	if (api->auth.enabled && (half || !any))
		report_error(s->report, at(s, "http_api.auth"),
			     "'http_api.auth' is enabled but lacks username or password");
	else if (api->writes == WRITES_AUTH && (half || !any))
		report_error(s->report, at(s, "http_api.writes"),
			     "'writes auth' needs 'username' and 'password' in http_api.auth");
}

static void origins_do_not_share_ports(const struct subject *s)
{
	if (s->conf->reuse_port == CONF_ON && !conf_is_edge(s->conf))
		report_warning(s->report, at(s, "reuse_port"),
			       "'reuse_port on' with an origin: servers that share a port hold "
			       "different streams, "
			       "and a player may meet the wrong one");
}

static void edge_has_an_origin(const struct subject *s)
{
	if (s->vhost->cluster.mode == MODE_REMOTE && s->vhost->cluster.origin.count == 0)
		report_error(s->report, at(s, "cluster.mode"),
			     "'mode remote' needs 'origin host[:port] …' in the same block");
}

static void origin_does_not_pull(const struct subject *s)
{
	if (s->vhost->cluster.mode == MODE_LOCAL && s->vhost->cluster.origin.count > 0)
		report_warning(s->report, at(s, "cluster.origin"),
			       "'origin' has no effect without 'mode remote'");
}

static void recordings_are_made_at_the_origin(const struct subject *s)
{
	if (s->vhost->dvr.enabled && s->vhost->cluster.mode == MODE_REMOTE)
		report_error(s->report, at(s, "dvr.enabled"),
			     "an edge does not record: use 'dvr' at the origin, where each stream "
			     "is once");
}

static void what_grows_stays_fragmented(const struct subject *s)
{
	const struct conf_dvr *dvr = &s->vhost->dvr;
	if (dvr->enabled && dvr->mp4_progressive && dvr->plan == DVR_PLAN_APPEND)
		report_error(s->report, at(s, "dvr.dvr_mp4_progressive"),
			     "a progressive MP4 cannot be gone on with: 'dvr_plan append' needs "
			     "'dvr_mp4_progressive off'");
}

static void an_edge_knows_where_hls_is(const struct subject *s)
{
	const struct conf_cluster *c = &s->vhost->cluster;
	bool is_http = c->protocol == PROTOCOL_FLV || c->protocol == PROTOCOL_FLVS;
	if (s->vhost->hls.enabled && c->mode == MODE_REMOTE && !is_http &&
	    !s->vhost->hls.origin.count)
		report_error(
			s->report, at(s, "hls.enabled"),
			"an edge does not cut streams into segments, it fetches them: name the "
			"HTTP servers of its origins by 'hls_origin', or 'protocol flv'");
}

static void parts_are_not_encrypted(const struct subject *s)
{
	if (s->vhost->hls.enabled && s->vhost->hls.low_latency && s->vhost->hls.keys)
		report_error(
			s->report, at(s, "hls.hls_low_latency"),
			"'hls_low_latency' and 'hls_keys' exclude each other: keys are for whole "
			"segments");
}

static void clustered_origin_is_asked(const struct subject *s)
{
	if (s->vhost->cluster.origin_cluster && !s->conf->http_api.enabled)
		report_warning(s->report, at(s, "cluster.origin_cluster"),
			       "'origin_cluster on' without 'http_api { enabled on; }': coworkers "
			       "cannot ask this server");
}

static void clustered_is_an_origin(const struct subject *s)
{
	if (s->vhost->cluster.origin_cluster && s->vhost->cluster.mode == MODE_REMOTE)
		report_warning(s->report, at(s, "cluster.origin_cluster"),
			       "'origin_cluster' has no effect with 'mode remote'");
}

static void coworkers_are_used(const struct subject *s)
{
	const struct conf_cluster *c = &s->vhost->cluster;
	if (c->coworkers.count > 0 && !c->origin_cluster)
		report_warning(s->report, at(s, "cluster.coworkers"),
			       "'coworkers' has no effect without 'origin_cluster on'");
	if (c->origin_cluster && c->mode == MODE_LOCAL && c->coworkers.count == 0)
		report_warning(s->report, at(s, "cluster.origin_cluster"),
			       "'origin_cluster on' without 'coworkers': there is nobody to ask");
}

static void one_secret(const struct subject *s)
{
	if (*s->vhost->cluster.secret && *s->vhost->cluster.secret_file)
		report_error(s->report, at(s, "cluster.secret_file"),
			     "'secret' and 'secret_file' are both set; which one is meant?");
}

static void remux_has_a_server(const struct subject *s)
{
	if (s->vhost->http_remux.enabled && !s->conf->http_server.enabled)
		report_warning(s->report, at(s, "http_remux"),
			       "'http_remux' is enabled without 'http_server { enabled on; }': "
			       "nobody serves it");
}

static void signed_links_have_keys(const struct subject *s)
{
	if (s->vhost->signed_links.enabled && s->vhost->signed_links.keys.count == 0)
		report_error(s->report, at(s, "signed_links.enabled"),
			     "'signed_links' needs 'keys id:secret' in the same block");
}

/* Files are served to everybody: a rule for players does not reach what HLS has written there. */
static void rules_reach_segments(const struct subject *s)
{
	const struct conf_vhost *v = s->vhost;
	size_t n = strlen(s->conf->http_server.dir);
	bool has_rules = v->security.enabled || v->refer.enabled ||
			 (v->signed_links.enabled && v->signed_links.play) ||
			 (v->http_hooks.enabled && v->http_hooks.on_play.urls.count);
	if (v->hls.enabled && has_rules && s->conf->http_server.enabled &&
	    strncmp(v->hls.path, s->conf->http_server.dir, n) == 0)
		report_warning(
			s->report, at(s, "hls.hls_path"),
			"'hls_path %s' is below 'http_server.dir': segments that have left the "
			"memory are served from there without the rules of this vhost",
			log_quote(v->hls.path));
}

static void hooks_have_urls(const struct subject *s)
{
	const struct conf_http_hooks *h = &s->vhost->http_hooks;
	if (h->enabled && !h->on_connect.urls.count && !h->on_publish.urls.count &&
	    !h->on_play.urls.count && !h->on_close.count && !h->on_unpublish.count &&
	    !h->on_stop.count && !h->on_dvr.count && !h->on_hls.count)
		report_warning(s->report, at(s, "http_hooks.enabled"),
			       "'http_hooks' is enabled without a URL: nobody is asked");
}

static void forward_has_a_destination(const struct subject *s)
{
	const struct conf_vhost *v = s->vhost;
	if (!v->forward.enabled)
		return;
	if (!v->forward.destination.count && !*v->forward.backend)
		report_warning(s->report, at(s, "forward.enabled"),
			       "'forward' is enabled without 'destination' or 'backend': nothing "
			       "is forwarded");
	if (v->publish.kickoff_for_idle_ms > 0)
		report_error(s->report, at(s, "forward.enabled"),
			     "'forward' and 'kickoff_for_idle' of publish exclude each other: a "
			     "stream that is forwarded is never idle");
}

static void casters_differ(const struct subject *s)
{
	check_casters(s->conf, at(s, "stream_caster"), s->report);
}

typedef void rule(const struct subject *s);

static rule *const rules[] = {
	max_connections_fit, chunk_size_is_usual, there_is_a_vhost,
	listens_differ,      endpoints_differ,    casters_differ,
	tls_has_keys,        auth_has_a_password, origins_do_not_share_ports,
};

static rule *const vhost_rules[] = {
	signed_links_have_keys,
	forward_has_a_destination,
	hooks_have_urls,
	rules_reach_segments,
	vhost_has_its_own_name,
	vhost_chunk_size_is_usual,
	edge_has_an_origin,
	origin_does_not_pull,
	an_edge_knows_where_hls_is,
	parts_are_not_encrypted,
	recordings_are_made_at_the_origin,
	what_grows_stays_fragmented,
	clustered_origin_is_asked,
	clustered_is_an_origin,
	coworkers_are_used,
	one_secret,
	vhost_has_keys,
	remux_has_a_server,
};

void check_rules(const struct conf *conf, const struct conf_tree *root, struct conf_report *report)
{
	struct subject s = {.conf = conf, .tree = root, .report = report};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		rules[i](&s);
	for (int v = 0; v < conf->vhost_count; v++) {
		s.vhost = &conf->vhosts[v];
		s.tree = tree_find_vhost(root, s.vhost->name);
		for (size_t i = 0;
		     s.vhost->enabled && i < sizeof(vhost_rules) / sizeof(vhost_rules[0]); i++)
			vhost_rules[i](&s);
	}
}
