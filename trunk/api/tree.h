/* tree - the streams of this server as parts of trees: who brings them here, who watches, and
 * which servers have them from here. Layer: api. view.c puts the parts of all servers together.
 *
 * A tree is {"stream", "vhost", "app", "name", …, "origin": node}; a node is {"node", "server",
 * "role", "kind", "viewers", "lag_ms", "age_ms", …, "relays": [node, …]}. A relay begins as what
 * its connection tells ("known": false), "viewers" being all that have the stream through it, if it
 * says so; what its API answers takes that place. */
#pragma once
#include "node/json.h"
#include "node/server.h"

struct tree_filter {
	const char *vhost, *app, *stream; /* "": any */
};

/* One stream of this server. */
struct tree {
	struct tree *prev, *next;
	json_t *json;            /* the tree */
	json_t *node;            /* its root, borrowed */
	const char *kind;        /* "publish", "pull" or "push" */
	char from[SIGN_ID_MAX];  /* the server that it is pulled from or pushed to; "" */
	char api[ADDR_TEXT_MAX]; /* and that one's API; "" */
	char relay[SIGN_ID_MAX]; /* the id of the pull or push */
};

/* A relay that has a stream from here, or brings one. */
struct tree_relay {
	struct tree_relay *prev, *next;
	json_t *node; /* borrowed; in its parent's relays */
	char relay[SIGN_ID_MAX];
	char api[ADDR_TEXT_MAX]; /* "" when it has none that may be asked */
};

struct trees {
	struct tree *list;
	struct tree_relay *relays;
};

void trees_take(struct trees *trees, struct server *server, const struct tree_filter *filter);
void trees_fini(struct trees *trees);
/* What another server said of itself takes the place of what we knew; `depth` levels of it. */
void tree_graft(struct tree_relay *relay, const json_t *said, int depth);
/* Why a relay's part is missing. */
void tree_missing(struct tree_relay *relay, const char *why);
/* A copy of another server's tree that has what a tree has and nothing else; NULL when it is
 * none. */
json_t *tree_copy(const json_t *said, int depth);
/* Sums up viewers and nodes from the leaves: viewers_total, nodes, unknown. */
void tree_sum(json_t *tree);
/* A server knows its ports, whoever asks it knows its address: ":1985" becomes "ip:1985". */
void tree_place(json_t *node, const char *hostport);
/* What a server says about itself anywhere. */
json_t *tree_self(struct server *server);
