/* push_parts - what the files of one push share, from the bottom up: push_list.c (others of the same
 * stream), push_carry.c (one origin that has taken it), push_round.c (each origin once), push.c (the
 * whole story). Not for other files. Layer: cluster. */
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
	struct relay_facts facts;
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

/* ---- push_carry.c ---- */

/* Takes the stream to the link, from here on. */
void push_join(struct push *p);
/* Until the publisher leaves and all is sent (OK), or the origin says no more or is lost. */
err push_carry(struct push *p) BLOCKS;

/* ---- push_round.c ---- */

struct upstream_request push_request(const struct push *p);
void push_set_state(struct push *p, enum push_state state);
/* Each origin once. *had: one had taken the stream. OK when the publisher has left, else why the last
 * one did not do. */
err push_round(struct push *p, bool *had) BLOCKS;
