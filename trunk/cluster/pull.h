/* pull - what the files of one pull share, from the bottom up: pull_state.c (what is known of it),
 * pull_request.c (what is asked), pull_watch.c (when silence is a loss), pull_relay.c (one origin),
 * pull_round.c (each origin once), pull.c (the whole story), pulls.c (viewers, begin and end).
 * Layer: cluster; apart from them only relays.c looks into it. */
#pragma once
#include "cluster/inside.h"
#include "cluster/link.h"
#include "cluster/pulls.h"
#include "cluster/relay_facts.h"
#include "cluster/resume.h"
#include "cluster/unproven.h"
#include "node/read_pacing.h"

/* The request, as the viewer makes it that has been here longest; the path is the shortest of all. */
struct pull_request {
	struct target target;
	char *page_url, *swf_url, *path, *via;
	char trace[HOP_ID_MAX];
	bool http;            /* that viewer came by HTTP */
	bool path_unverified; /* so are the paths of all that wait */
};

/* How far it has come with the origin in use. */
enum pull_origin { ORIGIN_NONE, ORIGIN_SILENT, ORIGIN_FEEDS };

struct pull {
	struct cluster *cluster;
	struct conf *conf;
	const struct conf_vhost *vhost;
	enum pull_from from;
	struct source *source;
	struct viewer *viewers;
	struct co *co;
	struct unproven_pass pass; /* its turn, until media comes */
	struct read_pacing in;
	enum pull_state state;
	bool left; /* given up before media came: not in the map any more, and nobody joins it */
	int64_t idle_ms;     /* since when there are no viewers */
	bool reask;          /* somebody waits with whom the request may have become a circle */
	int coworker_rounds; /* how often the coworkers were asked */
	/* the origin in use */
	struct link *link;
	enum pull_origin origin;
	struct peer *lost;           /* the last one that had the stream and was lost: asked last */
	int64_t media_ms, rhythm_ms; /* arrival of the last frame; longest gap that is usual */
	int64_t had_ms;              /* arrival of the last frame before this origin; 0 */
	uint32_t media_raw;          /* its time, as the origin has it */
	struct resume resume;
	struct pull_run {
		char id[RUN_ID_MAX];        /* as the origin said; "" */
		char name[MEMBER_NAME_MAX]; /* of the origin */
		bool ended;                 /* it said that the stream was over */
		unsigned reports;           /* of the link, by then */
	} run;                              /* of what was shown last */
	struct relay_facts facts;
	/* What is looked at with each read stands above. */
	struct pull_request request;
	char redirected[600]; /* servers that have redirected it since it last began at an origin */
	char why[256];
};

/* ---- pull_state.c ---- */

/* Frees it; it must be over and without viewers. */
void pull_free(struct pull *p);
void pull_set_state(struct pull *p, enum pull_state state);
/* A publisher of this server feeds the source. */
bool pull_is_published_here(const struct pull *p);
/* Nobody has wanted it for `linger` (at once, as long as no media has come), and when that will be. */
bool pull_is_unwanted(const struct pull *p);
int64_t pull_unwanted_at(const struct pull *p);
/* Its viewers wait no longer for media than until then; CLOCK_NEVER while it flows. */
int64_t pull_gives_up_at(const struct pull *p);
/* Media has come: whatever was lost is back. */
void pull_note_media(struct pull *p);
/* There is none, since then; a loss that is known already began earlier. */
void pull_note_loss(struct pull *p, int64_t since_ms);
/* All origins were asked in vain. */
void pull_note_dry_round(struct pull *p, err e);

/* ---- pull_request.c ---- */

/* Takes the words of the viewer that has been here longest; false when there is none. */
bool pull_take_request(struct pull *p);
void pull_forget_request(struct pull *p);
/* Made of these words, and borrows them. */
struct upstream_request pull_request(const struct pull *p);
/* Over which protocol it is to be asked. */
const struct link_ops *pull_protocol(const struct pull *p);

/* ---- pull_watch.c ---- */

/* When to look again though nothing has arrived, and what silence means until then. */
struct pull_watch {
	int64_t began_ms, patience_ms, deadline;
};
void pull_look_again_at(struct pull_watch *w, int64_t when);
/* The first sign that the origin is lost, or has no media, is an error; lowers w->deadline. */
err pull_check_silence(struct pull *p, struct pull_watch *w) BLOCKS;

/* ---- pull_relay.c ---- */

/* Receives over the link until it is lost; p->origin says whether it had media. */
err pull_relay(struct pull *p, int64_t patience_ms, struct link_refusal *said) BLOCKS;

/* ---- pull_round.c ---- */

/* Each origin once. Ends when media had come and was lost (OK), when nobody has it (ERR_NOTFOUND) or
 * gives it (ERR_DENIED), when none could be had (ERR_UPSTREAM), when an origin has ended it on purpose
 * (ERR_KICKED), or by a stop. */
err pull_round(struct pull *p) BLOCKS;

/* ---- pull.c ---- */

/* The coroutine of a pull. */
void pull_main(void *pull);
