/* pull - what the files of one pull share: pulls.c (viewers, begin and end), pull.c (the story),
 * pull_request.c (what is asked), pull_relay.c (one origin). Layer: cluster; apart from them only
 * relay_facts.c looks into it. */
#pragma once
#include "cluster/announce.h"
#include "cluster/pulls.h"
#include "cluster/relay_facts.h"
#include "cluster/resume.h"
#include "cluster/upstream_connect.h"
#include "node/read_pacing.h"

struct pull {
	struct cluster *cluster;
	struct conf *conf;
	const struct conf_vhost *vhost;
	enum pull_from from;
	struct source *source;
	struct viewer *viewers;
	struct co *co;
	struct read_pacing in;
	enum pull_state state;
	char why[256];
	int64_t idle_ms; /* since when there are no viewers */
	int64_t lost_ms; /* since when there is no media; 0: there is */
	bool over;
	bool reask;          /* somebody waits with whom the request may have become a circle */
	int coworker_rounds; /* how often the mesh was asked */
	int dry_rounds;      /* rounds without media since there was some */
	/* the request, as its longest-attached viewer makes it; the path is the shortest of all */
	struct target target;
	char *page_url, *swf_url, *path, *via;
	bool http;            /* that viewer came by HTTP */
	bool path_unverified; /* all that wait are doubtful */
	char redirected[600]; /* servers that have redirected it since it last began at an origin */
	/* the origin in use */
	struct upstream_conn up;
	const struct upstream *lost; /* the last one that had the stream and was lost: asked last */
	int64_t media_ms, rhythm_ms; /* arrival of the last frame; longest gap that is usual */
	uint32_t media_raw;          /* its time, as the origin has it */
	bool fed;                    /* this origin has sent frames */
	struct resume resume;
	struct viewer_report telling;
	struct relay_facts facts;
};

/* The coroutine of a pull. */
void pull_main(void *pull);
/* Frees it; it must be over and without viewers. */
void pull_free(struct pull *p);
void pull_set_state(struct pull *p, enum pull_state state);
/* A publisher of this server feeds the source. */
bool pull_is_published_here(const struct pull *p);
/* Nobody has wanted it for `linger`, and when that will be. */
bool pull_is_unwanted(const struct pull *p);
int64_t pull_unwanted_at(const struct pull *p);
/* Its viewers wait no longer for media than until then; CLOCK_NEVER while it flows. */
int64_t pull_gives_up_at(const struct pull *p);

/* Takes the words of the viewer that has been here longest; false when there is none. */
bool pull_take_request(struct pull *p);
/* Made of these words, and borrows them. */
struct upstream_request pull_request(const struct pull *p);
/* It is to be asked over HTTP. */
bool pull_is_flv(const struct pull *p);
void pull_forget_request(struct pull *p);

/* Receives from the origin in use until it is lost; p->fed says whether it had media. */
err pull_relay(struct pull *p, int64_t patience_ms, struct rtmp_refusal *refusal) BLOCKS;
