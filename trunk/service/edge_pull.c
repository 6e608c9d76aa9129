/* The story of one pull: ask the origins in turn, relay what comes into the local source, and when
 * an origin is lost ask the next one at once. Viewers wait in the source; they notice neither who
 * the origin is nor that it changed.
 *
 *   pull_main    until nobody wants it: round after round, with a wait only after a failed one
 *   pull_round   each origin once, following redirects
 *   relay        one origin: play, receive, watch for silence
 *   take_media   first time: publish; after a change: find the seam (live/splice) */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/metadata.h"
#include "live/splice.h"
#include "rtmp/client.h"
#include "service/coworker.h"
#include "service/edge.h"
#include "service/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	CONNECT_MS = 5000,       /* dial to createStream, all candidates together */
	WAITING_MS = 1000,       /* accepted but no media for so long: it waits for a publisher */
	WAITING_NEXT_MS = 3000,  /* then another origin may have it */
	RETRY_MS = 100,          /* after a round without success; doubles */
	RETRY_MAX_MS = 1000,
	QUIET_MIN_MS = 500,      /* silence that is never suspicious */
	QUIET_MAX_MS = 5000,     /* silence that always is */
	PONG_MS = 1000,          /* what a living origin needs to answer a ping */
	SEAM_MS = 20,            /* how long the first messages of a new origin are gathered at least */
	SEAM_STEP_MS = 5,
	SEAM_KEY_MS = 10000,     /* the same while no key frame has come */
	SEAM_MESSAGES = 4096,
	TURN_MESSAGES = 64,
};

struct held {
	struct msg *msg;
	uint32_t raw;
};

struct pull {
	struct server *server;
	struct conf *conf;
	const struct conf_vhost *vhost;
	enum pull_from from;
	struct source *source;
	struct viewer *viewers;
	struct co *co;
	struct feeder feeder;
	enum pull_state state;
	char why[256];
	int64_t idle_ms;           /* since when there are no viewers */
	int64_t lost_ms;           /* since when there is no media; 0: there is */
	bool over;
	int mesh_rounds;           /* how often the mesh was asked */
	/* the request, as its longest-attached viewer makes it */
	struct target target;
	char *page_url, *swf_url, *path;
	char redirected[600];      /* servers that have redirected it since it last began at an origin */
	/* the origin in use */
	struct upstream_conn up;
	int64_t media_ms, rhythm_ms; /* arrival of the last media; longest gap that is usual */
	bool fed;                  /* this origin has sent media */
	/* the seam */
	struct splice splice;
	struct held *held;
	uint32_t held_count, held_room;
	int64_t seam_ms;           /* when gathering began; 0: no seam is being looked for */
	bool skipping;             /* behind a seam: what is left of the old messages */
	int64_t skip_to[TIMELINE_KINDS];
	int64_t skip_offset;
	struct relay_facts facts;
};

struct edge {
	struct map *pulls; /* source key -> struct pull */
};

static void pull_main(void *arg);

/* ---- viewers ---- */

err edge_init(struct server *server)
{
	server->edge = mem_new(struct edge);
	server->edge->pulls = map_new();
	return OK;
}

void edge_fini(struct server *server)
{
	if (!server->edge)
		return;
	map_free(&server->edge->pulls);
	free(server->edge);
	server->edge = NULL;
}

static void pull_free(struct pull *p)
{
	source_unref(&p->source);
	conf_unref(&p->conf);
	free(p);
}

static void on_lost(struct feeder *feeder)
{
	struct pull *p = (struct pull *)((char *)feeder - offsetof(struct pull, feeder));
	co_wake(p->co);
}

static bool is_published_here(const struct source *s)
{
	return s->feeder && s->feeder->kind == FEEDER_PUBLISHER;
}

static struct pull *pull_new(struct server *server, struct source *source, const struct conf_vhost *vhost,
			     enum pull_from from)
{
	struct pull *p = mem_new(struct pull);
	p->server = server;
	p->conf = conf_ref(server->conf);
	p->vhost = vhost;
	p->from = from;
	p->source = source_ref(source);
	p->feeder = (struct feeder){.kind = FEEDER_RELAY, .on_lost = on_lost};
	p->state = is_published_here(source) ? PULL_LIVE : PULL_TRYING;
	p->facts.kind = "pull";
	p->lost_ms = clock_ms();
	p->co = co_start_in(&server->services, "pull", pull_main, p);
	if (!p->co) {
		pull_free(p);
		return NULL;
	}
	source->owner = &p->facts;
	map_set(server->edge->pulls, source->key, p);
	server->stat.pulls++;
	return p;
}

void edge_attach(struct server *server, struct source *source, const struct conf_vhost *vhost,
		 enum pull_from from, struct viewer *viewer)
{
	struct pull *p = map_get(server->edge->pulls, source->key);
	if (!p)
		p = pull_new(server, source, vhost, from);
	if (!p)
		return;
	viewer->pull = p;
	DL_APPEND(p->viewers, viewer);
	co_wake(p->co);
}

bool edge_is_pulled(const struct server *server, const struct source *source)
{
	return map_get(server->edge->pulls, source->key) != NULL;
}

void edge_detach(struct viewer *viewer)
{
	struct pull *p = viewer->pull;
	if (!p)
		return;
	viewer->pull = NULL;
	DL_DELETE(p->viewers, viewer);
	if (p->viewers)
		return;
	if (p->over) {
		pull_free(p);
		return;
	}
	p->idle_ms = clock_ms();
	co_wake(p->co);
}

enum pull_state viewer_state(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->state : PULL_FAILED;
}

const char *viewer_why(const struct viewer *viewer)
{
	return viewer->pull ? viewer->pull->why : "there is no memory for another pull";
}

bool edge_facts(struct relay_facts *facts, const struct source *source)
{
	const struct relay_facts *known = source->owner;
	if (known)
		*facts = *known;
	return known != NULL;
}

static void set_state(struct pull *p, enum pull_state state)
{
	struct viewer *v;
	p->state = state;
	DL_FOREACH (p->viewers, v)
		co_wake(v->co);
}

/* Nobody has wanted it for `linger`. */
static bool is_unwanted(const struct pull *p)
{
	return !p->viewers && clock_ms() >= p->idle_ms + p->vhost->cluster.linger_ms;
}

static int64_t unwanted_at(const struct pull *p)
{
	return p->viewers ? CLOCK_NEVER : p->idle_ms + p->vhost->cluster.linger_ms;
}

/* ---- media ---- */

static int kind_of(const struct msg *m)
{
	return m->type == MSG_AUDIO ? 0 : m->type == MSG_VIDEO ? 1 : 2;
}

static void publish(struct pull *p, struct msg *m, uint32_t raw)
{
	bool remember = m->type != MSG_DATA && !headers_wants(m);
	struct msg *mine = msg_ref(m);
	source_publish(p->source, &m, raw);
	if (remember)
		splice_note(&p->splice, mine, mine->ts);
	msg_unref(&mine);
}

/* An origin that resumes inside what was sent before: its next messages are known too, as far as
 * their times say. */
static bool is_old(struct pull *p, const struct msg *m, uint32_t raw)
{
	int kind = kind_of(m);
	if (!p->skipping || headers_wants(m))
		return false;
	if ((int64_t)raw + p->skip_offset <= p->skip_to[kind])
		return true;
	p->skip_to[kind] = INT64_MIN;
	p->skipping = p->skip_to[0] != INT64_MIN || p->skip_to[1] != INT64_MIN;
	return false;
}

static void release_held(struct pull *p)
{
	for (uint32_t i = 0; i < p->held_count; i++)
		msg_unref(&p->held[i].msg);
	free(p->held);
	p->held = NULL;
	p->held_count = p->held_room = 0;
	p->seam_ms = 0;
}

static void begin_feeding(struct pull *p, const struct splice_answer *seam, uint32_t raw)
{
	source_begin(p->source, &p->feeder);
	p->skipping = seam->same;
	if (!seam->same)
		return;
	source_anchor(p->source, raw, (int64_t)raw + seam->offset);
	p->skip_offset = seam->offset;
	memcpy(p->skip_to, p->source->timeline.last, sizeof(p->skip_to));
}

/* Frames that were held, without headers and data, as the splice sees them. */
static struct splice_mark *marks_of(const struct pull *p, uint32_t *count)
{
	struct splice_mark *marks = mem_alloc((p->held_count + 1) * sizeof(marks[0]));
	*count = 0;
	for (uint32_t i = 0; i < p->held_count; i++)
		if (p->held[i].msg->type != MSG_DATA && !headers_wants(p->held[i].msg))
			marks[(*count)++] = splice_mark(p->held[i].msg, p->held[i].raw);
	return marks;
}

static void publish_held(struct pull *p, const struct splice_answer *seam)
{
	uint32_t frame = 0;
	for (uint32_t i = 0; i < p->held_count; i++) {
		struct held *h = &p->held[i];
		bool is_frame = h->msg->type != MSG_DATA && !headers_wants(h->msg);
		bool wanted = !is_frame || (frame >= seam->start && !is_old(p, h->msg, h->raw));
		frame += is_frame;
		struct msg *m = h->msg;
		h->msg = NULL;
		if (wanted)
			publish(p, m, h->raw);
		else
			msg_unref(&m);
	}
	release_held(p);
}

/* Everything that the new origin had at once is there: find where it joins. */
static void close_seam(struct pull *p, bool final)
{
	uint32_t count;
	struct splice_mark *marks = marks_of(p, &count);
	const struct timeline *tl = &p->source->timeline;
	struct splice_answer seam =
		splice_find(&p->splice, marks, count, clock_ms() + tl->lead, p->source->has_video);
	uint32_t raw = count ? (uint32_t)marks[0].ts : 0;
	free(marks);
	if (!seam.same && seam.start == count && !final)
		return; /* no key frame yet */
	begin_feeding(p, &seam, raw);
	log_info("%s: %s", p->source->key,
		 seam.same ? "the same encoder's stream goes on without a seam" : "goes on at a key frame");
	publish_held(p, &seam);
}

static void hold(struct pull *p, struct msg *m, uint32_t raw)
{
	if (!p->seam_ms)
		p->seam_ms = clock_ms();
	if (p->held_count == p->held_room) {
		p->held_room = p->held_room ? p->held_room * 2 : 64;
		p->held = mem_realloc(p->held, p->held_room * sizeof(p->held[0]));
	}
	p->held[p->held_count++] = (struct held){m, raw};
	if (p->held_count >= SEAM_MESSAGES)
		close_seam(p, true);
}

static void note_arrival(struct pull *p)
{
	int64_t now = clock_ms(), gap = p->media_ms ? now - p->media_ms : 0;
	p->rhythm_ms = gap > p->rhythm_ms ? gap : p->rhythm_ms - p->rhythm_ms / 16;
	p->media_ms = now;
	p->lost_ms = 0;
	if (p->state != PULL_LIVE)
		set_state(p, PULL_LIVE);
}

static void take_media(struct pull *p, struct msg *m, uint32_t raw)
{
	if (m->type == MSG_VIDEO)
		m->frame = frame_of_video(msg_span(m));
	else if (m->type == MSG_AUDIO)
		m->frame = frame_of_audio(msg_span(m));
	note_arrival(p);
	if (p->source->feeder != &p->feeder && !p->source->timeline.used) {
		source_begin(p->source, &p->feeder);
		p->fed = true;
	}
	if (!p->fed || p->seam_ms) {
		p->fed = true;
		hold(p, m, raw);
	} else if (is_old(p, m, raw)) {
		msg_unref(&m);
	} else {
		publish(p, m, raw);
	}
}

/* ---- one origin ---- */

static err take_message(struct pull *p, struct rtmp_msg *m, struct rtmp_refusal *refusal)
{
	if (m->type == RTMP_AUDIO || m->type == RTMP_VIDEO) {
		struct msg *media = m->media;
		m->media = NULL;
		if (media)
			take_media(p, media, m->ts);
		return OK;
	}
	if (m->type == RTMP_DATA && m->media) {
		struct msg *data = metadata_read(msg_span(m->media));
		if (data)
			take_media(p, data, m->ts);
		return OK;
	}
	return rtmp_client_status(m, refusal);
}

/* All that has arrived. The seam is looked for when there is no more at the moment. */
static err receive(struct pull *p, struct rtmp_refusal *refusal)
{
	struct rtmp_conn *conn = p->up.conn;
	for (int n = 1;; n++) {
		struct rtmp_msg m = {0};
		err e = rtmp_try_recv(conn, &m);
		if (!e)
			e = take_message(p, &m, refusal);
		rtmp_msg_fini(&m);
		if (e == ERR_AGAIN)
			break;
		if (e)
			return e;
		if (p->source->feeder != &p->feeder && is_published_here(p->source))
			return err_fail(ERR_ENDED, "the stream is published on this server now");
		if (n % TURN_MESSAGES == 0)
			co_yield();
	}
	if (p->seam_ms && clock_ms() - p->seam_ms >= SEAM_MS)
		close_seam(p, clock_ms() - p->seam_ms >= SEAM_KEY_MS);
	return conn->out.n ? rtmp_flush(conn) : OK;
}

static int64_t usual_silence(const struct pull *p)
{
	if (!p->media_ms)
		return QUIET_MAX_MS;
	int64_t limit = 3 * p->rhythm_ms;
	return limit < QUIET_MIN_MS ? QUIET_MIN_MS : limit > QUIET_MAX_MS ? QUIET_MAX_MS : limit;
}

/* Longer silence than usual is answered by a ping, a missing pong is a loss. An origin that
 * answers but has had nothing for long may have lost its publisher without telling. */
static err check_silence(struct pull *p, int64_t began_ms, bool alone, int64_t *deadline)
{
	struct rtmp_conn *conn = p->up.conn;
	int64_t now = clock_ms(), heard = conn->sock->recv_ms;
	int64_t media = p->media_ms > began_ms ? p->media_ms : began_ms;
	if (!p->fed && p->state == PULL_TRYING && now - began_ms >= WAITING_MS)
		set_state(p, PULL_WAITING);
	int64_t patience = p->fed ? QUIET_MAX_MS + 2 * p->rhythm_ms : WAITING_NEXT_MS;
	if (!alone && now - media >= patience)
		return err_fail(ERR_TIMEOUT, "it has sent no media for %lld ms", (long long)patience);
	if (conn->ping_ms && conn->ping_ms >= heard) {
		*deadline = conn->ping_ms + PONG_MS;
		return now < *deadline ? OK
				       : err_fail(ERR_TIMEOUT, "it does not answer a ping (%d ms)", PONG_MS);
	}
	conn->ping_ms = 0;
	*deadline = heard + usual_silence(p);
	if (now >= *deadline) {
		rtmp_put_ping(conn);
		*deadline = now + PONG_MS;
		TRY(rtmp_flush(conn));
	}
	if (!p->fed && began_ms + WAITING_MS > now && began_ms + WAITING_MS < *deadline)
		*deadline = began_ms + WAITING_MS;
	if (!alone && media + patience < *deadline)
		*deadline = media + patience;
	return OK;
}

static err relay(struct pull *p, bool alone, struct rtmp_refusal *refusal)
{
	int64_t began = clock_ms(), deadline = began;
	for (;;) {
		TRY(receive(p, refusal));
		if (is_unwanted(p))
			return err_fail(ERR_ENDED, "nobody watches any more");
		TRY(check_silence(p, began, alone, &deadline));
		if (p->seam_ms && clock_ms() + SEAM_STEP_MS < deadline)
			deadline = clock_ms() + SEAM_STEP_MS;
		if (unwanted_at(p) < deadline)
			deadline = unwanted_at(p);
		err e = co_wait(deadline);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

/* ---- one round ---- */

static void forget_request(struct pull *p)
{
	target_fini(&p->target);
	free(p->page_url);
	free(p->swf_url);
	free(p->path);
	p->page_url = p->swf_url = p->path = NULL;
}

/* The words of the viewer that has been here longest are copied, since it may leave while the
 * origin is being asked. */
static bool take_request(struct pull *p)
{
	const struct viewer *v = p->viewers;
	forget_request(p);
	if (!v)
		return false;
	p->target = (struct target){
		.schema = mem_strdup(v->target->schema),
		.host = mem_strdup(v->target->host),
		.port = v->target->port,
		.vhost = mem_strdup(v->target->vhost),
		.app = mem_strdup(v->target->app),
		.stream = mem_strdup(v->target->stream),
		.param = mem_strdup(v->target->param),
	};
	p->page_url = mem_strdup(v->page_url);
	p->swf_url = mem_strdup(v->swf_url);
	p->path = mem_strdup(v->path);
	return true;
}

static struct upstream_request request_of(const struct pull *p)
{
	return (struct upstream_request){
		.server = p->server,
		.vhost = p->vhost,
		.target = &p->target,
		.page_url = p->page_url,
		.swf_url = p->swf_url,
		.path = p->path,
		.redirected = p->redirected,
		.mesh = p->from == PULL_FROM_MESH,
	};
}

static void note_switch(struct pull *p)
{
	bool first = !*p->facts.peer;
	upstream_facts(&p->facts, &p->up);
	if (!first && strcmp(p->facts.peer, p->up.name) == 0)
		return;
	if (!first) {
		p->facts.switches++;
		p->server->stat.switches++;
		log_warn("%s: switched from %s to %s: %s", p->source->key, p->facts.peer, p->up.name,
			 p->facts.reason);
	} else {
		log_info("%s: pulling from %s", p->source->key, p->up.name);
	}
	snprintf(p->facts.peer, sizeof(p->facts.peer), "%s", p->up.name);
	p->facts.since_wall_ms = clock_wall_ms();
}

static err use(struct pull *p, bool alone, struct rtmp_refusal *refusal)
{
	struct upstream_request request = request_of(p);
	char *name = upstream_stream_name(&request);
	p->fed = false;
	p->seam_ms = 0;
	p->skipping = false;
	p->media_ms = 0;
	sock_attach(p->up.conn->sock);
	sock_set_quick(p->up.conn->sock, false);
	p->up.conn->sock->deadline = clock_after(CONNECT_MS);
	err e = rtmp_client_play(p->up.conn, p->up.stream_id, name);
	free(name);
	if (!e) {
		note_switch(p);
		e = relay(p, alone, refusal);
	}
	if (p->seam_ms)
		close_seam(p, true);
	release_held(p);
	rtmp_conn_free(&p->up.conn);
	if (e && e != ERR_REDIRECT)
		snprintf(p->facts.reason, sizeof(p->facts.reason), "%s", err_trail(e));
	return e;
}

/* Uses the connected origin, and those it redirects to. */
static err follow(struct pull *p, bool alone, struct rtmp_refusal *refusal)
{
	struct upstream_request request = request_of(p);
	err e = use(p, alone, refusal);
	for (int n = 0; e == ERR_REDIRECT; n++) {
		char from[300], to[300];
		snprintf(from, sizeof(from), "%s", p->up.name);
		if (n >= REDIRECTS_MAX || !upstream_redirect_target(to, sizeof(to), refusal->redirect) ||
		    strcmp(from, to) == 0)
			return err_fail(ERR_LOOP, "%s redirects to %s after %d redirects", from,
					refusal->redirect, n);
		log_info("%s: %s redirects to %s", p->source->key, from, to);
		memset(refusal, 0, sizeof(*refusal));
		upstream_redirected_by(p->redirected, sizeof(p->redirected), from);
		TRY(upstream_connect_to(&p->up, to, &request, clock_after(CONNECT_MS), refusal));
		e = use(p, false, refusal);
	}
	return e;
}

static void remove_at(struct upstream **list, int *count, const struct upstream *gone)
{
	int n = 0;
	for (int i = 0; i < *count; i++)
		if (list[i] != gone)
			list[n++] = list[i];
	*count = n;
}

/* Whom to ask, in this order. */
static int candidates(struct pull *p, struct upstream *list[static UPSTREAMS_MAX])
{
	if (p->from == PULL_FROM_ORIGINS)
		return upstream_order(p->server, p->vhost, p->source->key, list);
	struct coworker_answer *answer = mem_new(struct coworker_answer);
	/* The first round goes to where the viewer was found to belong; the later ones have seen that
	 * to be wrong. */
	err e = p->mesh_rounds++ ? coworker_find_fresh(p->server, p->vhost, &p->target, answer)
				 : coworker_find(p->server, p->vhost, &p->target, answer);
	if (!e)
		list[0] = upstream_get(p->server->upstreams, answer->rtmp);
	free(answer);
	return e ? 0 : 1;
}

/* Nobody to ask. */
static err no_candidate(const struct pull *p)
{
	if (co_stopping())
		return ERR_STOPPED;
	if (p->from == PULL_FROM_MESH)
		return err_fail(ERR_NOTFOUND, "no origin of the cluster has the stream %s", p->source->key);
	return err_fail(ERR_UPSTREAM, "the names of the origins have no addresses");
}

/* Each origin once. Ends when media had come and was lost (OK), when all say that they do not have
 * it (ERR_NOTFOUND), when none could be had (ERR_UPSTREAM), or by a stop. */
static err pull_round(struct pull *p)
{
	struct upstream *list[UPSTREAMS_MAX];
	int count = candidates(p, list), total = count;
	if (count == 0)
		return no_candidate(p);
	bool answered = false;
	struct upstream_request request = request_of(p);
	struct rtmp_refusal *refusal = mem_new(struct rtmp_refusal);
	err e = OK;
	p->fed = false;
	while (count > 0 && !co_stopping() && !is_unwanted(p)) {
		memset(refusal, 0, sizeof(*refusal));
		*p->redirected = '\0';
		e = upstream_connect(&p->up, list, count, &request, clock_after(CONNECT_MS), refusal);
		if (e == ERR_UPSTREAM || e == ERR_STOPPED)
			break;
		struct upstream *origin = e ? NULL : p->up.origin;
		answered = true;
		if (!e)
			e = follow(p, total == 1 && p->from == PULL_FROM_ORIGINS, refusal);
		else
			count = 0;
		if (p->fed || is_published_here(p->source))
			break;
		if (e && e != ERR_STOPPED)
			log_info("%s: %s: %s", p->source->key, origin ? origin->name : "origins", err_trail(e));
		if (origin && e != ERR_NOTFOUND && e != ERR_CLOSED && e != ERR_ENDED && e != ERR_TIMEOUT)
			upstream_failed(origin, err_trail(e));
		remove_at(list, &count, origin);
	}
	free(refusal);
	if (p->fed)
		return OK;
	if (e == ERR_UPSTREAM && !answered)
		return e;
	return e == ERR_STOPPED ? e : answered ? ERR_NOTFOUND : e;
}

/* ---- the whole story ---- */

/* A publisher of this server feeds the source; the pull rests until it leaves. */
static err rest(struct pull *p)
{
	set_state(p, PULL_LIVE);
	while (is_published_here(p->source) && !is_unwanted(p)) {
		int64_t look = clock_ms() + 200;
		err e = co_wait(unwanted_at(p) < look ? unwanted_at(p) : look);
		if (e && e != ERR_TIMEOUT)
			return e;
	}
	p->lost_ms = clock_ms();
	return OK;
}

static bool give_up(struct pull *p, err e)
{
	int64_t limit = p->vhost->cluster.upstream_timeout_ms;
	bool had_media = p->source->timeline.used;
	if (!p->lost_ms)
		p->lost_ms = clock_ms();
	if (e == ERR_NOTFOUND && !had_media && p->state != PULL_WAITING) {
		snprintf(p->why, sizeof(p->why), "no origin has the stream %s", p->source->key);
		p->state = PULL_NOWHERE;
		return true;
	}
	if (clock_ms() - p->lost_ms < limit)
		return false;
	snprintf(p->why, sizeof(p->why), "no origin could be had for %lld s: %.200s", (long long)(limit / 1000),
		 *p->facts.reason ? p->facts.reason : err_trail(e));
	p->state = e == ERR_NOTFOUND ? PULL_NOWHERE : PULL_FAILED;
	return true;
}

static void pull_run(struct pull *p)
{
	int64_t wait = RETRY_MS;
	while (!co_stopping() && !is_unwanted(p)) {
		if (is_published_here(p->source) && rest(p) != OK)
			return;
		if (!take_request(p))
			return;
		err e = pull_round(p);
		if (e == ERR_STOPPED || is_unwanted(p))
			return;
		if (e == OK || (e == ERR_NOTFOUND && p->mesh_rounds == 1)) {
			wait = RETRY_MS;
			continue; /* lost: the next origin at once; the mesh's first word may be old */
		}
		p->server->stat.upstream_failures++;
		log_warn("%s: no origin has it now: %s", p->source->key, err_trail(e));
		if (give_up(p, e))
			return;
		source_leave(p->source, &p->feeder, p->vhost->cluster.upstream_timeout_ms);
		int64_t until = clock_ms() + wait / 2 + random() % wait;
		wait = wait * 2 < RETRY_MAX_MS ? wait * 2 : RETRY_MAX_MS;
		while (clock_ms() < until && !is_unwanted(p) && co_wait(until) == OK)
			;
	}
}

static void pull_main(void *arg)
{
	struct pull *p = arg;
	char id[9];
	co_new_id(id);
	co_set_id(id);
	pull_run(p);
	log_info("%s: pull ended%s%s", p->source->key, *p->why ? ": " : "", p->why);
	map_remove(p->server->edge->pulls, p->source->key);
	if (p->source->owner == &p->facts)
		p->source->owner = NULL;
	bool fed = p->source->feeder == &p->feeder;
	source_leave(p->source, &p->feeder, 0);
	if (!fed && !p->source->feeder)
		source_finish(p->source);
	p->over = true;
	forget_request(p);
	splice_fini(&p->splice);
	if (p->state < PULL_NOWHERE)
		p->state = PULL_FAILED;
	set_state(p, p->state);
	if (!p->viewers)
		pull_free(p);
}
