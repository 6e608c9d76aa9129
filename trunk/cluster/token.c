#include "cluster/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/members.h"
#include "cluster/peer.h"
#include "cluster/token_answers.h"
#include "net/dial.h"
#include "node/certs.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	NAMES_MS = 2000,
	DIAL_MS = 3000,
	DIALOGUE_MS = 5000,
	ARGS_MAX = 65536,
	ASKED_MAX = 64,  /* origins, one after the other */
	SHUN_MS = 10000, /* since one could not be asked: each question may cost DIALOGUE_MS */
};

struct tokens {
	struct map *gates; /* vhost -> struct gate: who asks now */
	struct token_answers *answers;
};

struct tokens *tokens_new(void)
{
	struct tokens *t = mem_new(struct tokens);
	t->gates = map_new();
	t->answers = token_answers_new();
	return t;
}

void tokens_free(struct tokens **tokens)
{
	struct tokens *t = *tokens;
	*tokens = NULL;
	if (!t)
		return;
	map_free_values(&t->gates);
	token_answers_free(&t->answers);
	free(t);
}

/* ---- one origin ---- */

struct ask {
	struct cluster *cluster;
	const struct conf_vhost *vhost;
	const struct token_words *words;
	const struct question *question;
	struct question_answer *answer;
	struct rtmp_refusal refusal;
	struct rtmp_peer peer;
	bool is_there; /* the origin in use has answered connect */
};

/* What the client said there, and that we would ask more. */
static struct amf *args_of(const struct amf *said)
{
	struct amf *copy = NULL;
	struct buf b = {.max = ARGS_MAX};
	if (said)
		amf_write(&b, said);
	struct cur c = cur_of(b.p, b.n);
	if (!said || !buf_ok(&b) || amf_read(&copy, &c) != OK)
		copy = amf_object();
	buf_free(&b);
	amf_set(copy, "srs_ask", amf_number(1));
	return copy;
}

static err encrypt(struct sock **sock, const struct ask *a, const char *host)
{
	const char *name = a->vhost->cluster.tls_name;
	sock_set_deadline(*sock, clock_after(DIALOGUE_MS));
	err e = tls_connect(*sock, certs_client(a->cluster->server->certs), *name ? name : host,
			    NULL);
	if (e)
		sock_close(sock);
	return e;
}

static err dial(struct sock **sock, const struct ask *a, const char *name)
{
	struct hostport hp;
	bool tls = link_sends(&a->vhost->cluster)->tls;
	TRY(hostport_parse(&hp, name, tls ? PORT_HTTPS : PORT_RTMP));
	TRY(dial_host(sock, hp.host, hp.port, clock_after(DIAL_MS)));
	return tls ? encrypt(sock, a, hp.host) : OK;
}

/* A refusal of connect, and of what the origin says about the stream. */
static err refused(struct ask *a, err e)
{
	snprintf(a->answer->code, sizeof(a->answer->code), "%s", a->refusal.code);
	snprintf(a->answer->description, sizeof(a->answer->description), "%s",
		 a->refusal.description);
	return e;
}

static err ask_about_stream(struct ask *a, struct rtmp_conn *conn)
{
	struct command result = {0};
	struct amf *object =
		question_write(a->question, a->cluster->server, a->vhost->name, a->peer.node);
	err e = rtmp_client_call(conn, "srs_may", object, &result, &a->refusal);
	if (e)
		return e == ERR_STOPPED ? e : err_add(ERR_CONNECT, "it gave no answer");
	question_answer_read(a->answer, result.argc ? result.args[0] : NULL);
	command_fini(&result);
	return a->answer->allowed ? OK : err_fail(ERR_DENIED, "%s", a->answer->description);
}

/* OK or the origin's refusal; ERR_CONNECT when it cannot be asked. */
static err ask(struct ask *a, const char *name)
{
	struct sock *sock = NULL;
	struct rtmp_conn *conn = NULL;
	uint32_t stream_id;
	a->is_there = false;
	a->peer = (struct rtmp_peer){0};
	err e = dial(&sock, a, name);
	if (e)
		return e == ERR_STOPPED ? e : ERR_CONNECT;
	e = rtmp_client_connect(&conn, &sock,
				&(struct rtmp_client_opts){
					.app = a->words->app,
					.tc_url = a->words->tc_url,
					.page_url = a->words->page_url,
					.swf_url = a->words->swf_url,
					.args = args_of(a->words->args),
					.deadline = clock_after(DIALOGUE_MS),
					.peer = &a->peer,
				},
				&stream_id, &a->refusal);
	/* A proxy in front of a dead server, or one without a place, takes connections and ends them. */
	a->is_there = a->peer.speaks && e != ERR_TIMEOUT && e != ERR_STOPPED;
	if (e && e != ERR_STOPPED && !a->is_there)
		e = err_fail(ERR_CONNECT, "%s", err_trail(e));
	else if (e)
		e = refused(a, e);
	else if (a->peer.judges)
		e = ask_about_stream(a, conn);
	rtmp_conn_free(&conn);
	return e;
}

/* ---- all of them ---- */

/* One that was asked in vain goes last for a while: for streams too when it is not there. One that is there and has not
 * answered about the stream may wait for a web service, and is no worse at anything else. */
static err ask_known(struct ask *a, const char *name)
{
	struct peer *peer = peer_get(a->cluster->peers, name);
	err e = ask(a, name);
	log_info("token_traverse: %s %s %s", name, e == ERR_CONNECT ? "cannot be asked:" : "says",
		 e ? err_trail(e) : "yes");
	if (e != ERR_STOPPED)
		peer->no_answer_ms = e == ERR_CONNECT ? clock_ms() : 0;
	if (a->is_there)
		peer_answered(peer);
	else if (e == ERR_CONNECT)
		peer_failed(peer, e, err_trail(e));
	return e;
}

static bool is_recent(int64_t ms)
{
	return ms && clock_ms() < ms + SHUN_MS;
}

static bool is_waiting(const struct cluster *cluster, const char *name)
{
	const struct peer *peer = peer_known(cluster->peers, name);
	return peer && (is_recent(peer->no_answer_ms) ||
			(peer->failures && is_recent(peer->last_failure_ms)));
}

static err ask_in_order(struct ask *a)
{
	struct member_list members = {0};
	const struct conf_cluster *conf = &a->vhost->cluster;
	uint64_t waiting = 0; /* a bit each */
	err e = ERR_CONNECT;
	members_list(a->cluster, link_sends(conf)->members, link_send_origins(conf), &members,
		     clock_after(NAMES_MS));
	int count = members.count < ASKED_MAX ? members.count : ASKED_MAX;
	for (int i = 0; i < count; i++)
		if (is_waiting(a->cluster, members.v[i].name))
			waiting |= UINT64_C(1) << i;
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < count && e == ERR_CONNECT; i++)
			if ((waiting >> i & 1) == (uint64_t)turn)
				e = ask_known(a, members.v[i].name);
	member_list_fini(&members);
	return e;
}

/* ---- in turn ---- */

static struct gate *gate_of(struct tokens *t, const char *vhost)
{
	struct gate *gate = map_get(t->gates, vhost);
	if (!gate) {
		gate = mem_new(struct gate);
		gate->room = TOKEN_ASKED_MAX;
		map_set(t->gates, vhost, gate);
	}
	return gate;
}

/* All that an answer depends on. What is no longer than CLAIM_MAX can be signed, and fits into a command. */
static void put_key(struct buf *key, const struct conf_vhost *vhost, const struct question *q)
{
	buf_printf(key, "%s,", vhost->name);
	question_claim(key, q);
}

static err known(struct tokens *t, const char *key, struct question_answer *answer, bool *is_known)
{
	*is_known = token_answers_get(t->answers, key, answer);
	if (!*is_known || answer->allowed)
		return OK;
	return err_fail(ERR_DENIED, "%s", answer->description);
}

/* A question that cannot be signed would be about the address of this server, and one that cannot be sent would
 * look like a fault of the origins. */
static err too_long(struct question_answer *answer)
{
	snprintf(answer->description, sizeof(answer->description),
		 "its words are too long to be asked about");
	return err_fail(ERR_DENIED, "%s", answer->description);
}

static err ask_in_turn(struct ask *a, const char *key)
{
	struct tokens *t = a->cluster->tokens;
	struct gate *gate = gate_of(t, a->vhost->name);
	struct gate_pass pass = {0};
	bool is_known = false;
	err e = gate_enter(gate, &pass, clock_after(TOKEN_TURN_MS));
	if (e)
		return e == ERR_STOPPED ? e : ERR_CONNECT;
	e = known(t, key, a->answer, &is_known); /* others may have asked the same meanwhile */
	if (!is_known) {
		e = ask_in_order(a);
		token_answers_keep(t->answers, key, a->answer);
	}
	gate_leave(gate, &pass);
	return e;
}

err token_ask(struct cluster *cluster, const struct conf_vhost *vhost,
	      const struct token_words *words, const struct question *question,
	      struct question_answer *answer)
{
	struct buf key = {.max = CLAIM_MAX};
	bool is_known = false;
	*answer = (struct question_answer){0};
	put_key(&key, vhost, question);
	err e = buf_ok(&key) ? known(cluster->tokens, buf_text(&key), answer, &is_known)
			     : too_long(answer);
	if (!e && !is_known) {
		struct ask *a = mem_new(struct ask);
		*a = (struct ask){.cluster = cluster,
				  .vhost = vhost,
				  .words = words,
				  .question = question,
				  .answer = answer};
		e = ask_in_turn(a, buf_text(&key));
		free(a);
	}
	buf_free(&key);
	return e;
}
