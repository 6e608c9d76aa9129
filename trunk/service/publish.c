/* An RTMP publisher. On an origin it takes the publisher's slot of the source; on an edge the
 * stream is a source here first (local players are served from it) and a push carries it on: the
 * encoder hears what the first origin said and then lives on, whatever happens to that origin. */
#include "base/log.h"
#include "base/mem.h"
#include "cluster/coworker.h"
#include "cluster/pulls.h"
#include "cluster/push.h"
#include "cluster/rival.h"
#include "codec/metadata.h"
#include "node/read_pacing.h"
#include "service/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLICE_MESSAGES = 64, /* published before others have a turn */
	SUSPECT_MS = 1500,   /* the publisher before us was silent for so long: half-open */
	SUSPECT_STEP_MS = 25,
	PING_ASKED_MS = 1000, /* silent for so long: pinged, when somebody asks about the stream */
};

struct publisher {
	struct read_pacing in;
	struct session *s;
	struct source *source;
	struct push *push;
	struct rival *rival;
	char *rival_won; /* a sentence, when an origin with a stronger claim was found */
	int64_t since_wall_ms;
	bool taken_over, started;
	int slice; /* messages since others could run */
};

static struct publisher *publisher_of(struct feeder *feeder)
{
	return container_of(feeder, struct publisher, in.feeder);
}

static void on_lost(struct feeder *feeder)
{
	struct publisher *p = publisher_of(feeder);
	p->taken_over = true;
	push_leave(p->push);
	co_stop(p->s->client.co);
}

/* ---- the slot ---- */

/* It is asked by its own coroutine, which has nothing else to do while it is silent. */
static void ask_if_there(struct publisher *p)
{
	struct rtmp_conn *conn = p->s->conn;
	if (conn->ping_ms <= sock_recv_ms(conn->sock))
		conn->ping_ms = 0; /* that one was before it spoke */
	rtmp_put_ping(conn);
	sock_set_rcvlowat(conn->sock, false); /* the pong is waited for */
	co_wake(p->s->client.co);
}

static bool is_asked(const struct rtmp_conn *conn)
{
	return conn->ping_ms > sock_recv_ms(conn->sock);
}

/* Somebody publishes this stream already. An encoder that reconnects while its old connection is
 * half-open must not be refused: a publisher that stays silent, ping or not, has lost. */
static bool is_really_there(const struct source *source)
{
	if (!source_is_published(source))
		return false;
	struct feeder *feeder = source->feeder;
	if (!publisher_of(feeder)->s->conn)
		return false; /* it is being sent away */
	int64_t heard = sock_recv_ms(publisher_of(feeder)->s->conn->sock);
	int64_t until = heard + SUSPECT_MS;
	if (until < clock_ms() + SUSPECT_STEP_MS)
		until = clock_ms() + SUSPECT_MS / 2;
	ask_if_there(publisher_of(feeder));
	while (clock_ms() < until) {
		if (co_sleep(SUSPECT_STEP_MS) != OK)
			return true;
		if (source->feeder != feeder)
			return source_is_published(source);
		if (!publisher_of(feeder)->s->conn)
			return false;
		if (sock_recv_ms(publisher_of(feeder)->s->conn->sock) != heard)
			return true;
	}
	log_warn("%s: the publisher before is silent and does not answer a ping; it is replaced",
		 source->key);
	return false;
}

/* The origin takes one publisher: who was found not to be there goes at once, and its push with it. */
static void send_away(const struct source *source)
{
	if (source_is_published(source))
		on_lost(source->feeder);
}

/* ---- the cluster ---- */

static struct claim own_claim(void *ctx)
{
	const struct publisher *p = ctx;
	bool unanswered = p->s->conn && is_asked(p->s->conn);
	return (struct claim){
		.since_ms = p->since_wall_ms,
		.unanswered_ms = unanswered ? clock_ms() - p->s->conn->ping_ms : 0,
		.server = p->s->server->server_id,
		.service = p->s->server->service_id,
	};
}

bool publish_facts(const struct source *source, bool by_rival, struct publish_facts *out)
{
	if (!source_is_published(source))
		return false;
	struct publisher *p = publisher_of(source->feeder);
	if (!p->s->conn)
		return false; /* it is being sent away */
	struct claim claim = own_claim(p);
	*out = (struct publish_facts){
		.since_wall_ms = claim.since_ms,
		.silent_ms = clock_ms() - sock_recv_ms(p->s->conn->sock),
		.unanswered_ms = claim.unanswered_ms,
	};
	if (out->silent_ms >= PING_ASKED_MS && !claim.unanswered_ms)
		ask_if_there(p);
	if (by_rival)
		rival_asked(p->rival);
	return true;
}

static void on_rival(void *ctx, const struct coworker_answer *to)
{
	struct publisher *p = ctx;
	p->rival_won = mem_printf("the stream %s is published at %s", p->source->key, to->rtmp);
	log_warn("%s: it is published at %s too, which was first: the publisher here ends",
		 p->source->key, to->rtmp);
	co_wake(p->s->client.co);
}

static bool is_unique(const struct session *s)
{
	const struct conf_cluster *cluster = &s->vhost->cluster;
	return cluster->mode == MODE_LOCAL && cluster->origin_cluster &&
	       cluster->on_duplicate != DUPLICATE_ALLOW;
}

static void watch_rivals(struct publisher *p)
{
	if (is_unique(p->s))
		p->rival = rival_start(&(struct rival_opts){
			.cluster = p->s->server->cluster,
			.vhost = p->s->vhost,
			.target = &p->s->target,
			.own = own_claim,
			.lost = on_rival,
			.ctx = p,
		});
}

/* Does a coworker have it? One that does not answer in time does not. */
static err check_coworkers(struct session *s, const char *key)
{
	struct coworker_answer answer;
	if (!is_unique(s))
		return OK;
	err e = rival_find(s->server->cluster, s->vhost, &s->target, &answer);
	if (e == ERR_NOTFOUND)
		return OK;
	TRY(e);
	if (s->vhost->cluster.on_duplicate == DUPLICATE_REDIRECT)
		return session_redirect(s, answer.rtmp);
	return session_refuse(s, ERR_BUSY, "NetStream.Publish.BadName",
			      "the stream %s is already published at %s", key, answer.rtmp);
}

/* ---- media ---- */

static void publish_data(struct publisher *p, const struct msg *media, uint32_t ts)
{
	struct msg *m = metadata_read(msg_span(media));
	if (m)
		source_publish(p->source, &p->in.feeder, &m, ts);
}

static bool is_unpublish(const struct session *s, const char *name)
{
	if (strcmp(name, "FCUnpublish") == 0 || strcmp(name, "deleteStream") == 0 ||
	    strcmp(name, "closeStream") == 0)
		return true;
	return s->want.role == ROLE_FLASH_PUBLISH && strcmp(name, "publish") != 0;
}

static void put_unpublished(struct publisher *p, const struct command *c)
{
	struct rtmp_conn *conn = p->s->conn;
	uint32_t id = p->s->want.stream_id;
	struct amf *info = amf_object();
	amf_set(info, "code", amf_string("NetStream.Unpublish.Success"));
	amf_set(info, "description", amf_string("Stop publishing stream."));
	rtmp_put_command(conn, CSID_STREAM, id, "onFCUnpublish", 0, amf_null(), info, NULL);
	if (c->tid > 0)
		rtmp_put_command(conn, CSID_CONNECTION, 0, "_result", c->tid, amf_null(),
				 amf_undefined(), NULL);
	rtmp_put_status(conn, id, "status", "NetStream.Unpublish.Success",
			"Stream is now unpublished");
}

/* *over: the publisher has said that it is done. */
static err take_command(struct publisher *p, const struct rtmp_msg *m, bool *over)
{
	struct rtmp_conn *conn = p->s->conn;
	struct command c;
	TRY(command_read(&c, m));
	bool is_telling = p->s->is_relay && announce_take_players(&p->s->announce, &c);
	*over = !is_telling && is_unpublish(p->s, c.name);
	if (*over)
		put_unpublished(p, &c);
	else if (!is_telling && c.tid > 0)
		rtmp_put_command(conn, CSID_CONNECTION, 0, "_result", c.tid, amf_null(), amf_null(),
				 NULL);
	command_fini(&c);
	return *over ? rtmp_flush(conn) : OK;
}

static err take_message(struct publisher *p, struct rtmp_msg *m, bool *over)
{
	switch (m->type) {
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		if (m->media)
			source_publish(p->source, &p->in.feeder, &m->media, m->ts);
		return OK;
	case RTMP_DATA:
		if (m->media)
			publish_data(p, m->media, m->ts);
		return OK;
	case RTMP_COMMAND:
		return take_command(p, m, over);
	default:
		return OK;
	}
}

/* Another server that takes the stream stands for players that we may not know of. Where a push takes
 * it, that is all one can say: who watches behind the origin is the origin's to judge. */
static bool may_be_watched(const struct publisher *p)
{
	return p->push || p->source->consumer_count > 0;
}

static bool is_idle_too_long(const struct publisher *p, int64_t *idle_since)
{
	int64_t limit = p->s->vhost->publish.kickoff_for_idle_ms;
	if (limit <= 0 || may_be_watched(p)) {
		*idle_since = clock_ms();
		return false;
	}
	return clock_ms() - *idle_since > limit;
}

static err check_push(const struct publisher *p)
{
	if (!p->push || push_state(p->push) != PUSH_FAILED)
		return OK;
	return err_fail(ERR_UPSTREAM, "no origin takes the stream any more: %s",
			push_refusal(p->push)->description);
}

/* What a publisher sent before it closed counts, although it hears no answers any more. */
static err flush(struct rtmp_conn *conn)
{
	err e = rtmp_flush(conn);
	return e == ERR_CLOSED && sock_readable(conn->sock) ? OK : e;
}

/* Silence up to the limit is fine; half-way a ping asks whether anyone is there. */
static err wait_for_more(struct publisher *p, int64_t limit)
{
	struct rtmp_conn *conn = p->s->conn;
	struct sock *sock = conn->sock;
	sock_set_deadline(sock, sock_recv_ms(sock) + (is_asked(conn) ? limit : limit / 2));
	TRY(flush(conn));
	sock_attach(sock);
	err e = co_wait(sock_deadline(sock));
	if (e != ERR_TIMEOUT)
		return e;
	if (clock_ms() >= sock_recv_ms(sock) + limit)
		return err_fail(e, "the publisher sent nothing for %lld ms", (long long)limit);
	ask_if_there(p);
	return OK;
}

static err next_message(struct publisher *p, struct rtmp_msg *m, bool first)
{
	const struct conf_publish *conf = &p->s->vhost->publish;
	while (!p->rival_won) {
		err e = rtmp_try_recv(p->s->conn, m);
		if (e != ERR_AGAIN)
			return e;
		p->slice = 0;
		read_pacing_caught_up(&p->in, p->source, true);
		read_pacing_pace(&p->in, p->source, is_asked(p->s->conn));
		TRY(wait_for_more(p, first ? conf->firstpkt_timeout_ms : conf->normal_timeout_ms));
	}
	return err_fail(ERR_BUSY, "%s", p->rival_won);
}

static err publish_loop(struct publisher *p)
{
	int64_t idle_since = clock_ms();
	bool over = false, first = true;
	while (!over) {
		struct rtmp_msg m = {0};
		err e = next_message(p, &m, first);
		if (!e)
			e = take_message(p, &m, &over);
		rtmp_msg_fini(&m);
		if (e)
			return e;
		first = false;
		TRY(check_push(p));
		if (is_idle_too_long(p, &idle_since))
			return err_fail(ERR_KICKED, "nobody plays the stream (kickoff_for_idle)");
		if (++p->slice % SLICE_MESSAGES == 0) {
			read_pacing_caught_up(&p->in, p->source, false);
			co_yield ();
		}
	}
	return OK;
}

/* ---- the story ---- */

static const char *role_name(enum rtmp_role role)
{
	return role == ROLE_FLASH_PUBLISH       ? "flash-publish"
	       : role == ROLE_HAIVISION_PUBLISH ? "haivision-publish"
						: "fmle-publish";
}

/* What the encoder sends before it heard the answer is kept by the kernel; only its leaving
 * matters. */
static err wait_for_origin(struct publisher *p)
{
	struct session *s = p->s;
	sock_attach(s->conn->sock);
	while (push_state(p->push) == PUSH_TRYING) {
		if (sock_hung_up(s->conn->sock))
			return err_fail(ERR_CLOSED,
					"the encoder left before an origin had answered");
		TRY(co_wait(CLOCK_NEVER));
	}
	const struct rtmp_refusal *why = push_refusal(p->push);
	if (push_state(p->push) == PUSH_ACCEPTED)
		return OK;
	bool refused = push_state(p->push) == PUSH_REFUSED;
	return session_refuse(s, refused ? ERR_DENIED : ERR_UPSTREAM,
			      *why->code ? why->code : "NetStream.Publish.Failed", "%s",
			      *why->description ? why->description
						: "the origin refused the stream");
}

static err refuse_busy(struct publisher *p)
{
	return session_refuse(p->s, ERR_BUSY, "NetStream.Publish.BadName",
			      "the stream %s is already published", p->source->key);
}

static err begin(struct publisher *p)
{
	struct session *s = p->s;
	if (is_really_there(p->source))
		return refuse_busy(p);
	if (s->vhost->cluster.mode == MODE_REMOTE) {
		send_away(p->source);
		p->push = push_start(s->server->cluster, p->source, s->vhost, &s->target,
				     s->connect.page_url, s->connect.swf_url, s->path, co_self());
		TRY(wait_for_origin(p));
	}
	TRY(check_coworkers(s, p->source->key));
	if (is_really_there(p->source))
		return refuse_busy(p);
	read_pacing_open(&p->in, s->conn->sock);
	source_begin(p->source, &p->in.feeder);
	push_begin(p->push);
	coworker_forget(s->server->cluster, p->source->key);
	p->since_wall_ms = clock_wall_ms();
	watch_rivals(p);
	p->started = true;
	rtmp_conn_allow_media(s->conn);
	sock_set_quick(s->conn->sock, false);
	rtmp_put_status(s->conn, s->want.stream_id, "status", "NetStream.Publish.Start",
			"Started publishing stream.");
	return rtmp_flush(s->conn);
}

static const char *failure_code(const struct publisher *p)
{
	const char *code = p->push ? push_refusal(p->push)->code : "";
	return *code ? code : "NetStream.Publish.Failed";
}

/* Who has lost to a rival does not come back, and the stream is to be had elsewhere: its players need
 * not wait for anything, unless a pull takes over. */
static int64_t grace_of(const struct publisher *p)
{
	bool lost = p->rival_won || (p->push && push_is_outdone(p->push));
	return lost && !pulls_has(p->s->server->cluster, p->source)
		       ? 0
		       : p->s->vhost->publish.reconnect_grace_ms;
}

static err publish_source(struct publisher *p)
{
	p->s->client.publish = true;
	p->s->client.consumer = NULL;
	session_enter(p->s, role_name(p->s->want.role), p->source);
	err e = begin(p);
	if (!e) {
		log_say("publishing %s from %s", p->source->key, p->s->client.ip);
		e = publish_loop(p);
	}
	read_pacing_close(&p->in); /* commands may follow */
	rival_stop(&p->rival);
	if (p->taken_over)
		e = err_fail(ERR_BUSY, "another publisher of %s took over", p->source->key);
	source_leave(p->source, &p->in.feeder, grace_of(p));
	/* To say so takes its time: the players hear of it first. */
	if (p->s->conn && e == ERR_UPSTREAM)
		e = session_refuse(p->s, e, failure_code(p), "%s", err_trail(e));
	else if (p->s->conn && p->rival_won)
		e = session_refuse(p->s, e, "NetStream.Publish.BadName", "%s", p->rival_won);
	stat_leave(&p->s->server->stat, &p->s->client);
	if (p->started)
		log_say("%s is no longer published", p->source->key);
	push_stop(&p->push);
	return e;
}

err publish_run(struct session *s)
{
	struct publisher *p = mem_new(struct publisher);
	p->s = s;
	read_pacing_init(&p->in, FEEDER_PUBLISHER, on_lost);
	s->client.co = co_self();
	p->source = server_source(s->server, s->vhost, s->target.app, s->target.stream);
	err e = publish_source(p);
	if (s->conn)
		sock_set_deadline(s->conn->sock, CLOCK_NEVER);
	source_unref(&p->source);
	free(p->rival_won);
	free(p);
	return e;
}
