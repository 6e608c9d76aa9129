/* A race between origins that are silent and those that answer. */
#include "cluster/upstream_connect.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/announce.h"
#include "cluster/flv_feed.h"
#include "codec/list.h"
#include "net/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COMPANY_MS = 100, /* a candidate silent for so long gets company */
	ADDRESS_MS = 300, /* one of several addresses of a name */
	CHUNK_SIZE_DEFAULT_OUT = 60000,
};

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
	struct flv_feed *feed;
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

err upstream_dial(struct sock **out, const char *hostport, int64_t deadline)
{
	struct hostport hp;
	TRY(hostport_parse(&hp, hostport, PORT_RTMP));
	return dial_any(out, &hp, deadline);
}

/* The vhost is not named, as in SRS; the path by which the request came is. */
static err attempt_flv(struct attempt *a)
{
	const struct upstream_request *r = a->request;
	const struct target *t = r->target;
	size_t n = strlen(t->stream);
	bool named = n > 4 && strcmp(t->stream + n - 4, ".flv") == 0;
	struct buf names = {.max = 8 * URL_MAX};
	buf_u8(&names, '/');
	url_escape(&names, t->app);
	buf_u8(&names, '/');
	url_escape(&names, t->stream);
	char *target = mem_printf("%s%s%s", buf_text(&names), named ? "" : ".flv", t->param);
	buf_free(&names);
	char *path = upstream_path(r);
	err e = flv_feed_open(&a->feed, &(struct flv_feed_opts){
						.hostport = a->name,
						.target = target,
						.path = path,
						.via = r->via ? r->via : "",
						.signer = r->server->signer,
						.vhost = r->vhost->name,
						.deadline = a->deadline,
					});
	if (e == ERR_NOTFOUND || e == ERR_DENIED || e == ERR_LOOP) {
		snprintf(a->refusal.code, sizeof(a->refusal.code), "NetStream.Play.%s",
			 e == ERR_NOTFOUND ? "StreamNotFound" : "Failed");
		snprintf(a->refusal.description, sizeof(a->refusal.description), "%.*s",
			 (int)sizeof(a->refusal.description) - 1, err_trail(e));
	}
	free(target);
	free(path);
	return e;
}

static err attempt_rtmp(struct attempt *a)
{
	struct hostport hp;
	struct sock *sock = NULL;
	TRY(hostport_parse(&hp, a->name, PORT_RTMP));
	TRY(dial_any(&sock, &hp, a->deadline));
	char *url = upstream_tc_url(a->request, hp.port);
	err e = rtmp_client_connect(
		&a->conn, &sock,
		&(struct rtmp_client_opts){
			.app = a->request->target->app,
			.tc_url = url,
			.page_url = a->request->page_url,
			.swf_url = a->request->swf_url,
			.args = upstream_identity(a->request),
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
	a->result = a->request->flv ? attempt_flv(a) : attempt_rtmp(a);
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
		a->result = ERR_SYSTEM;
		snprintf(a->why, sizeof(a->why), "no memory for another coroutine");
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
			upstream_failed(a->origin, a->result, a->why);
		else if (!r->winner || a->began_ms < r->winner->began_ms)
			upstream_failed(a->origin, ERR_TIMEOUT, "it did not answer in time");
	}
}

static void end_race(struct race *r)
{
	judge(r);
	for (int i = 0; i < r->started; i++)
		co_stop(r->attempts[i].co);
	for (int i = 0; i < r->started; i++) {
		co_join(&r->attempts[i].co);
		if (&r->attempts[i] == r->winner)
			continue;
		rtmp_conn_free(&r->attempts[i].conn);
		flv_feed_free(&r->attempts[i].feed);
	}
}

/* Not one of them was asked: we lack something. */
static bool is_ours(const struct race *r)
{
	for (int i = 0; i < r->started; i++)
		if (!r->attempts[i].done || err_severity(r->attempts[i].result) != ERR_LOCAL)
			return false;
	return r->started > 0;
}

/* All have failed: the first refusal, since it is an answer; without one, what became of each. */
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
	char text[ERR_WORDS_MAX] = "";
	size_t n = 0;
	for (int i = 0; i < r->started && n < sizeof(text); i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%s%s: %s", i ? "; " : "", r->attempts[i].name,
			r->attempts[i].done ? r->attempts[i].why : "no answer in time");
	return err_fail(is_ours(r) ? ERR_SYSTEM : ERR_UPSTREAM, "%s", text);
}

/* Who it is that has accepted, and where its API is: the origin is remembered by it. */
static void meet(struct upstream_conn *out, const struct rtmp_peer *peer)
{
	sock_set_deadline(out->conn->sock, CLOCK_NEVER);
	out->peer = *peer;
	announce_api(out->api, peer, sock_peer(out->conn->sock));
	if (!out->origin)
		return;
	out->origin->met = true;
	snprintf(out->origin->api, sizeof(out->origin->api), "%s", out->api);
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
		*out = (struct upstream_conn){
			.conn = r.winner->conn,
			.feed = r.winner->feed,
			.stream_id = r.winner->stream_id,
			.origin = r.winner->origin,
		};
		snprintf(out->name, sizeof(out->name), "%s",
			 out->feed ? flv_feed_name(out->feed) : r.winner->name);
		if (out->conn)
			meet(out, &r.winner->peer);
		return OK;
	}
	return explain(&r, e, refusal);
}

/* Made anew from what connect said: the identity is the same as long as the request is. */
struct amf *upstream_proof(const struct upstream_request *r, const struct upstream_conn *up)
{
	struct hostport hp;
	struct buf claim = {.max = CLAIM_MAX};
	if (!*up->peer.node || hostport_parse(&hp, up->name, PORT_RTMP) != OK)
		return NULL;
	struct amf *args = upstream_identity(r);
	char *url = upstream_tc_url(r, hp.port), *stream = upstream_stream_name(r);
	relay_claim_write(&claim, &(struct relay_claim){args, url, stream, r->publish});
	struct amf *proof = announce_proof(r->server, r->vhost->name, r->publish, buf_span(&claim),
					   up->peer.node);
	buf_free(&claim);
	free(stream);
	free(url);
	amf_free(&args);
	return proof;
}

void upstream_hang_up(struct upstream_conn *up)
{
	rtmp_conn_free(&up->conn);
	flv_feed_free(&up->feed);
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

static err connect_to(struct upstream_conn *out, const char *hostport,
		      const struct upstream_request *request, int64_t deadline,
		      struct rtmp_refusal *refusal)
{
	struct attempt *attempt = mem_new(struct attempt);
	attempt->name = hostport;
	err e = race(out, attempt, 1, request, deadline, refusal);
	free(attempt);
	return e;
}

err upstream_follow(struct upstream_conn *up, int n, const struct upstream_request *request,
		    int64_t deadline, char *redirected, size_t cap, struct rtmp_refusal *refusal)
{
	char from[sizeof(up->name)], to[sizeof(up->name)];
	snprintf(from, sizeof(from), "%s", up->name);
	if (n >= REDIRECTS_MAX || !upstream_redirect_target(to, sizeof(to), refusal->redirect) ||
	    strcmp(from, to) == 0)
		return err_fail(ERR_LOOP, "%s redirects in vain, after %d redirects", from, n);
	log_info("/%s/%s: %s redirects to %s", request->target->app, request->target->stream, from,
		 to);
	memset(refusal, 0, sizeof(*refusal));
	list_add(redirected, cap, from);
	return connect_to(up, to, request, deadline, refusal);
}
