#include "service/upstream.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/version.h"
#include "codec/url.h"
#include "net/dns.h"
#include "service/announce.h"
#include "service/edge.h"
#include "service/members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKOFF_MS = 200,
	BACKOFF_MAX_MS = 15000,
	COMPANY_MS = 100, /* a candidate silent for so long gets company */
	ADDRESS_MS = 300, /* one of several addresses of a name */
	NAMES_MS = 2000,  /* for names that have never been resolved */
	CHUNK_SIZE_DEFAULT_OUT = 60000,
};

struct upstreams {
	struct map *by_name;
};

/* ---- health ---- */

struct upstreams *upstreams_new(void)
{
	struct upstreams *u = mem_new(struct upstreams);
	u->by_name = map_new();
	return u;
}

void upstreams_free(struct upstreams **upstreams)
{
	struct upstreams *u = *upstreams;
	*upstreams = NULL;
	if (!u)
		return;
	for (struct map_iter it = map_begin(u->by_name); map_next(&it);) {
		struct upstream *up = it.value;
		free(up->name);
		free(up);
	}
	map_free(&u->by_name);
	free(u);
}

struct upstream *upstream_get(struct upstreams *u, const char *name)
{
	struct upstream *up = map_get(u->by_name, name);
	if (!up) {
		up = mem_new(struct upstream);
		up->name = mem_strdup(name);
		map_set(u->by_name, name, up);
	}
	return up;
}

void upstream_ok(struct upstream *up, int64_t connect_ms)
{
	up->connect_ms = connect_ms;
	up->last_ok_ms = clock_ms();
	up->retry_ms = 0;
	up->failures /=
		2; /* trust returns slowly: the next failure waits longer than a first one */
}

void upstream_failed(struct upstream *up, const char *reason)
{
	int shift = up->failures < 7 ? up->failures : 7;
	int64_t wait = BACKOFF_MS << shift;
	wait = wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
	up->failures++;
	up->failures_total++;
	up->last_failure_ms = clock_ms();
	/* Jitter: a thousand edges must not come back to a restarted origin in one moment. */
	up->retry_ms = clock_ms() + wait / 2 + random() % (wait / 2 + 1);
	snprintf(up->reason, sizeof(up->reason), "%s", reason);
}

/* FNV-1a, finished so that similar names differ in all bits. */
static uint64_t weight(const char *name, const char *key)
{
	uint64_t h = 14695981039346656037ULL;
	for (const char *p = name; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	h = (h ^ '|') * 1099511628211ULL;
	for (const char *p = key; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211ULL;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static bool is_before(const struct upstream *a, const struct upstream *b, const char *key)
{
	int64_t now = clock_ms();
	bool a_waits = a->retry_ms > now, b_waits = b->retry_ms > now;
	if (a_waits != b_waits)
		return b_waits;
	if (a_waits)
		return a->retry_ms < b->retry_ms;
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return weight(a->name, key) > weight(b->name, key);
}

void upstream_sort(struct upstream **list, int count, const char *key)
{
	for (int i = 1; i < count; i++) {
		struct upstream *up = list[i];
		int at = i;
		for (; at > 0 && is_before(up, list[at - 1], key); at--)
			list[at] = list[at - 1];
		list[at] = up;
	}
}

/* A session outlives a reload, but it goes to the origins of today. */
static const struct conf_vhost *vhost_today(const struct conf *conf, const struct conf_vhost *vhost)
{
	const struct conf_vhost *today = conf_vhost_find(conf, vhost->name);
	bool same =
		today && strcmp(today->name, vhost->name) == 0 && today->cluster.origin.count > 0;
	return same ? today : vhost;
}

int upstream_order(struct server *server, const struct conf_vhost *vhost, const char *key,
		   struct upstream *out[static UPSTREAMS_MAX])
{
	struct conf *conf = conf_ref(server->conf);
	struct member *members = mem_zalloc(MEMBERS_MAX * sizeof(members[0]));
	int n = members_list(server, MEMBER_RTMP, &vhost_today(conf, vhost)->cluster.origin,
			     members, clock_after(NAMES_MS));
	for (int i = 0; i < n; i++) {
		out[i] = upstream_get(server->upstreams, members[i].name);
		out[i]->priority = members[i].priority;
	}
	upstream_sort(out, n, key);
	free(members);
	conf_unref(&conf);
	return n;
}

/* ---- what is asked ---- */

static char *upstream_vhost(const struct upstream_request *r)
{
	const char *own = strcmp(r->vhost->name, DEFAULT_VHOST) ? r->vhost->name : r->target->vhost;
	const char *pattern = r->vhost->cluster.vhost;
	const char *hole = strstr(pattern, "[vhost]");
	if (!hole)
		return mem_strdup(*pattern ? pattern : own);
	return mem_printf("%.*s%s%s", (int)(hole - pattern), pattern, own,
			  hole + strlen("[vhost]"));
}

static char *tc_url(const struct upstream_request *r, int port)
{
	char *vhost = upstream_vhost(r);
	bool v6 = strchr(vhost, ':') != NULL;
	char *url = port == 1935 ? mem_printf(v6 ? "rtmp://[%s]/%s" : "rtmp://%s/%s", vhost,
					      r->target->app)
				 : mem_printf(v6 ? "rtmp://[%s]:%d/%s" : "rtmp://%s:%d/%s", vhost,
					      port, r->target->app);
	free(vhost);
	return url;
}

char *upstream_stream_name(const struct upstream_request *r)
{
	char *param = mem_alloc(URL_MAX);
	param_remove(param, r->target->param, "vhost");
	char *name = mem_printf("%s%s", r->target->stream, param);
	free(param);
	return name;
}

/* Who we are, in the words of SRS. What follows is ours and ignored by others: the servers that
 * this request came by (srs_path), so that none of them is asked again; those that have redirected
 * it (srs_redirected), so that none sends it back; and that an origin asks the coworker which has
 * said that it has the stream (srs_mesh). */
static struct amf *identity(const struct upstream_request *r)
{
	struct amf *args = amf_object();
	if (r->vhost->cluster.debug_srs_upnode) {
		amf_set(args, "srs_sig", amf_string(SERVER_SIG));
		amf_set(args, "srs_server", amf_string(SERVER_NAME));
		amf_set(args, "srs_license", amf_string("MIT"));
		amf_set(args, "srs_version", amf_string(SRS_VERSION));
		amf_set(args, "srs_pid", amf_number(getpid()));
		amf_set(args, "srs_id", amf_string(co_id()));
		announce_put(args, r->server, r->vhost->name);
	}
	char *path = mem_printf("%s,%s", r->path, r->server->service_id);
	amf_set(args, "srs_path", amf_string(path));
	if (r->redirected && *r->redirected)
		amf_set(args, "srs_redirected", amf_string(r->redirected));
	if (r->mesh)
		amf_set(args, "srs_mesh", amf_number(1));
	free(path);
	return args;
}

err upstream_check_path(const struct server *server, const struct conf_vhost *vhost,
			const char *path)
{
	int hops = 0;
	for (const char *p = strchr(path, ','); p; p = strchr(p + 1, ',')) {
		hops++;
		if (strncmp(p + 1, server->service_id, strlen(server->service_id)) == 0)
			return err_fail(ERR_LOOP,
					"the request has come back to where it was (path %s): "
					"the origins of these servers form a circle",
					path);
	}
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
	bool ok = target_parse(&t, url, "") == OK && strcmp(t.schema, "rtmp") == 0 && *t.host &&
		  strlen(t.host) < HOST_MAX;
	if (ok) {
		snprintf(hp.host, sizeof(hp.host), "%s", t.host);
		hp.port = t.port;
		hostport_text(text, &hp);
		ok = (size_t)snprintf(out, cap, "%s", text) < cap;
	}
	target_fini(&t);
	err_clear();
	return ok;
}

void upstream_redirected_by(char *list, size_t cap, const char *hostport)
{
	size_t n = strlen(list);
	if (n + strlen(hostport) + 2 <= cap)
		snprintf(list + n, cap - n, ",%s", hostport);
}

/* ---- one attempt ---- */

struct attempt {
	struct co *co, *parent;
	const char *name;
	struct upstream *origin;
	const struct upstream_request *request;
	int64_t deadline, began_ms;
	bool done;
	err result;
	struct rtmp_conn *conn;
	uint32_t stream_id;
	struct rtmp_refusal refusal;
	struct rtmp_peer peer;
	char why[160];
};

static err dial_any(struct sock **out, const struct hostport *hp, int64_t deadline)
{
	struct dns_answer *answer = mem_new(struct dns_answer);
	err e = dns_lookup(answer, hp->host, hp->port, deadline);
	for (int i = 0; !e && i < answer->count && !*out; i++) {
		bool last = i + 1 == answer->count;
		int64_t until = last ? deadline : clock_ms() + ADDRESS_MS;
		err tried = sock_dial(out, &answer->addrs[i], until < deadline ? until : deadline);
		if (tried && (last || tried == ERR_STOPPED))
			e = tried;
	}
	free(answer);
	return e;
}

static err attempt_run(struct attempt *a)
{
	struct hostport hp;
	struct sock *sock = NULL;
	TRY(hostport_parse(&hp, a->name, 1935));
	TRY(dial_any(&sock, &hp, a->deadline));
	char *url = tc_url(a->request, hp.port);
	err e = rtmp_client_connect(
		&a->conn, &sock,
		&(struct rtmp_client_opts){
			.app = a->request->target->app,
			.tc_url = url,
			.page_url = a->request->page_url,
			.swf_url = a->request->swf_url,
			.args = identity(a->request),
			.chunk_size = a->request->publish ? (uint32_t)a->request->vhost->chunk_size
							  : CHUNK_SIZE_DEFAULT_OUT,
			.deadline = a->deadline,
			.peer = &a->peer,
		},
		&a->stream_id, &a->refusal);
	free(url);
	return e;
}

static void attempt_main(void *arg)
{
	struct attempt *a = arg;
	a->result = attempt_run(a);
	if (a->result)
		snprintf(a->why, sizeof(a->why), "%s", err_trail(a->result));
	a->done = true;
	co_wake(a->parent);
}

/* ---- the race ---- */

struct race {
	struct attempt *attempts;
	int count, started;
	struct attempt *winner;
};

static struct attempt *settled(struct race *r, int *running)
{
	*running = 0;
	for (int i = 0; i < r->started; i++) {
		struct attempt *a = &r->attempts[i];
		if (a->done && a->result == OK)
			return a;
		*running += !a->done;
	}
	return NULL;
}

static void start_next(struct race *r)
{
	struct attempt *a = &r->attempts[r->started++];
	a->began_ms = clock_ms();
	a->co = co_start("upstream", attempt_main, a);
	if (!a->co) {
		a->done = true;
		a->result = err_fail(ERR_SYSTEM, "no memory for another coroutine");
	}
}

static err run_race(struct race *r, int64_t deadline)
{
	int64_t company = 0;
	for (;;) {
		int running;
		r->winner = settled(r, &running);
		if (r->winner)
			return OK;
		if (r->started < r->count && (running == 0 || clock_ms() >= company)) {
			start_next(r);
			company = clock_ms() + COMPANY_MS;
			continue;
		}
		if (running == 0)
			return ERR_UPSTREAM;
		err e = co_wait(r->started < r->count && company < deadline ? company : deadline);
		if (e == ERR_STOPPED || (e == ERR_TIMEOUT && clock_ms() >= deadline))
			return e;
	}
}

/* Health follows from what each attempt has shown. */
static void judge(struct race *r)
{
	for (int i = 0; i < r->started; i++) {
		struct attempt *a = &r->attempts[i];
		if (!a->origin || a->result == ERR_STOPPED)
			continue;
		if (a == r->winner || (a->done && (a->result == OK || *a->refusal.code)))
			upstream_ok(a->origin, clock_ms() - a->began_ms);
		else if (a->done)
			upstream_failed(a->origin, a->why);
		else if (!r->winner || a->began_ms < r->winner->began_ms)
			upstream_failed(a->origin, "it did not answer in time");
	}
}

static void end_race(struct race *r)
{
	judge(r);
	for (int i = 0; i < r->started; i++)
		co_stop(r->attempts[i].co);
	for (int i = 0; i < r->started; i++) {
		co_join(&r->attempts[i].co);
		if (&r->attempts[i] != r->winner)
			rtmp_conn_free(&r->attempts[i].conn);
	}
}

/* All have failed: with one candidate its own words, with several all of them. */
static err explain(const struct race *r, err e, struct rtmp_refusal *refusal)
{
	if (e == ERR_STOPPED)
		return e;
	for (int i = 0; i < r->started; i++)
		if (*r->attempts[i].refusal.code) {
			*refusal = r->attempts[i].refusal;
			return err_fail(r->attempts[i].result, "%s: %s", r->attempts[i].name,
					r->attempts[i].why);
		}
	char text[ERR_TRAIL_MAX] = "";
	size_t n = 0;
	for (int i = 0; i < r->started && n < sizeof(text); i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s%s: %s", i ? "; " : "", r->attempts[i].name,
			r->attempts[i].done ? r->attempts[i].why : "no answer in time");
	return err_fail(ERR_UPSTREAM, "%s", text);
}

/* Who it is that has accepted, and where its API is: the origin is remembered by it. */
static void meet(struct upstream_conn *out, const struct rtmp_peer *peer)
{
	out->peer = *peer;
	announce_api(out->api, peer, &out->conn->sock->peer);
	if (!out->origin)
		return;
	out->origin->met = true;
	snprintf(out->origin->api, sizeof(out->origin->api), "%s", out->api);
}

void upstream_facts(struct relay_facts *facts, const struct upstream_conn *up)
{
	snprintf(facts->id, sizeof(facts->id), "%s", co_id());
	snprintf(facts->node, sizeof(facts->node), "%s", up->peer.node);
	snprintf(facts->api, sizeof(facts->api), "%s", up->api);
}

struct map_iter upstreams_begin(const struct upstreams *upstreams)
{
	return map_begin(upstreams->by_name);
}

static err race(struct upstream_conn *out, struct attempt *attempts, int count,
		const struct upstream_request *request, int64_t deadline,
		struct rtmp_refusal *refusal)
{
	struct race r = {.attempts = attempts, .count = count};
	for (int i = 0; i < count; i++) {
		attempts[i].parent = co_self();
		attempts[i].request = request;
		attempts[i].deadline = deadline;
	}
	err e = count ? run_race(&r, deadline) : ERR_UPSTREAM;
	end_race(&r);
	if (r.winner) {
		*out = (struct upstream_conn){.conn = r.winner->conn,
					      .stream_id = r.winner->stream_id,
					      .origin = r.winner->origin};
		snprintf(out->name, sizeof(out->name), "%s", r.winner->name);
		out->conn->sock->deadline = CLOCK_NEVER;
		meet(out, &r.winner->peer);
		return OK;
	}
	return explain(&r, e, refusal);
}

err upstream_connect(struct upstream_conn *out, struct upstream *const *candidates, int count,
		     const struct upstream_request *request, int64_t deadline,
		     struct rtmp_refusal *refusal)
{
	struct attempt *attempts = mem_zalloc((size_t)count * sizeof(attempts[0]));
	for (int i = 0; i < count; i++) {
		attempts[i].name = candidates[i]->name;
		attempts[i].origin = candidates[i];
	}
	err e = race(out, attempts, count, request, deadline, refusal);
	free(attempts);
	return e;
}

err upstream_connect_to(struct upstream_conn *out, const char *hostport,
			const struct upstream_request *request, int64_t deadline,
			struct rtmp_refusal *refusal)
{
	struct attempt *attempt = mem_new(struct attempt);
	attempt->name = hostport;
	err e = race(out, attempt, 1, request, deadline, refusal);
	free(attempt);
	return e;
}
