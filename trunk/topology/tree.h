/* tree - the streams of this server as parts of trees: who brings them here, who watches, and
 * which servers have them from here. Layer: topology. view.c puts the parts of all servers together.
 *
 * A tree is {"stream", "vhost", "app", "name", …, "origin": node}; a node is {"node", "server",
 * "role", "kind", "viewers", "lag_ms", "age_ms", …, "relays": [node, …], "left_out": how many more
 * relays there are for which there was no room}. A relay begins as what its connection tells
 * ("known": false), "viewers" being all that have the stream through it, if it says so; what its API
 * answers takes that place. */
#pragma once
#include "base/budget.h"
#include "node/json.h"
#include "node/server.h"

struct tree_filter {
	const char *vhost, *app, *stream; /* "": any */
};

/* The cost of a node to a quota, about its size in memory; as text it is about NODE_TEXT. A tree
 * with its root. */
enum { NODE_BYTES = 4096, NODE_TEXT = 512, TREE_BYTES = NODE_BYTES * 3 / 2 };

/* The room for what a view shows. */
struct tree_room {
	struct quota ours;      /* for what is here, and what servers say that we know */
	struct quota untrusted; /* for what anybody may say */
	int depth;              /* levels of what others say */
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
	struct tree_relay *same; /* another one that has told the same API and id */
	json_t *node;            /* borrowed; in its parent's relays */
	char relay[SIGN_ID_MAX];
	char api[ADDR_TEXT_MAX]; /* "" when it has none that may be asked */
	bool untrusted;
	bool has_said; /* its own answer is in its place */
};

struct map;

struct trees {
	struct server *server;
	struct tree *list;
	struct tree_relay *relays;
	struct map *by_id; /* "api id" to the relays that have told them */
	int left_out;      /* streams for which there was no room */
};

/* The streams and relays that there are. In slices: one that comes or goes meanwhile is in or not. */
void trees_take(struct trees *trees, struct server *server, const struct tree_filter *filter,
		struct tree_room *room) BLOCKS;
void trees_fini(struct trees *trees) BLOCKS;
/* The first of those that have told this API and id; NULL. */
struct tree_relay *trees_find(const struct trees *trees, const char *api, const char *relay);
/* No secret and no list of addresses (cluster.relays) stands between this relay and anybody. */
bool tree_is_untrusted(const struct server *server, const struct client *relay);
/* Its API may be called: of untrusted relays only on this host, since the address is theirs to choose. */
bool tree_may_ask(const struct server *server, const struct client *relay);
/* The answer of a relay takes the place of what its connection told. */
void tree_graft(struct tree_relay *relay, const json_t *said, struct tree_room *room);
/* Why a relay's part is missing. */
void tree_missing(struct tree_relay *relay, const char *why);
/* A copy of another server's tree that has what a tree has and nothing else; NULL when it is none, or
 * when there is no room for it, which is counted. */
json_t *tree_copy(const json_t *said, struct tree_room *room, int *left_out);
/* Sums up viewers and nodes from the leaves: viewers_total, nodes, unknown, left_out. Returns
 * how many nodes it has. */
int tree_sum(json_t *tree);
/* A server knows its ports, whoever asks it knows its address: ":1985" becomes "ip:1985". */
void tree_place(json_t *node, const char *hostport);
/* The members by which a server tells of itself. */
json_t *tree_self(struct server *server);
