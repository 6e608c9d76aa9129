/* push_parts - what the files of one push share, from the bottom up: push_list.c (others of the same stream),
 * push_move.c (to another origin, without a gap), push_carry.c (one origin that has taken it), push_round.c (each
 * origin once), push.c (the whole story). Not for other files. Layer: cluster. */
#pragma once
#include "cluster/inside.h"
#include "cluster/push.h"
#include "cluster/relay_facts.h"

enum { PUSH_FINISH_MS = 1500 }; /* for what is left when the publisher leaves */

struct push {
	struct push *prev, *next; /* of the same stream */
	struct cluster *cluster;
	struct conf *conf;
	const struct conf_vhost *vhost;
	struct source *source;
	const struct target *target; /* of the session, which outlives the push */
	const char *page_url, *swf_url, *path;
	char trace[HOP_ID_MAX];
	char redirected[600]; /* servers that have redirected it since it last began at an origin */
	struct co *session, *co;
	enum push_state state;
	bool is_leaving; /* its publisher is */
	struct link_refusal refusal;
	struct link *link;
	struct consumer consumer;
	struct cursor cursor;
	struct send_monitor send_monitor;
	int64_t ping_ms, ping_end; /* our ping: when, and the byte behind it */
	bool ping_is_last;         /* nothing stood behind it that had come before */
	int64_t had_ms; /* an origin has read what came before then, as its pong says (monotonic); 0 */
	struct relay_facts facts;
	struct push_move *move; /* to another origin, since this one asks for it; NULL */
};

/* ---- push_list.c ---- */

/* Two publishers may try at the same time to have the same stream taken, and one that leaves has last
 * words: shown is the first of the list, that began, or was accepted, last. */
void push_show(struct push *p);
void push_hide(struct push *p);
/* Borrowed; NULL. */
const struct push *push_shown(const struct cluster *cluster, const struct source *source);
/* For an origin there is one publisher: the former one is over before the next one asks. */
err push_wait_for_former(const struct push *p) BLOCKS;

/* ---- push_move.c ---- */

/* The origin in use works on, and asks to be left for another one (at said->redirect, unless that is ""):
 * another one is looked for in the background. Once for each origin. */
void push_move_begin(struct push *p, const struct link_refusal *said);
/* Another origin has taken the stream: push_move_take() makes its link that of the push. The former origin is
 * told of the end of the stream in the background. */
bool push_move_is_ready(const struct push *p);
/* It is looked for, or ready. */
bool push_move_is_due(const struct push *p);
void push_move_take(struct push *p);
/* The origin in use is lost, or the push is over. */
void push_move_end(struct push *p) BLOCKS;

/* ---- push_carry.c ---- */

/* Takes the stream to the link, from here on. */
void push_join(struct push *p);
/* Until the publisher leaves and all is sent (OK), or the origin says no more or is lost. */
err push_carry(struct push *p) BLOCKS;

/* ---- push_round.c ---- */

struct upstream_request push_request(const struct push *p);
/* The origin of the link has taken the stream: it is told to the API and the log, and goes there. */
void push_accepted(struct push *p);
void push_set_state(struct push *p, enum push_state state);
/* Each origin once. *had: one had taken the stream. OK when the publisher has left, else why the last
 * one did not do. */
err push_round(struct push *p, bool *had) BLOCKS;
