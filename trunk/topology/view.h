/* view - the cluster as seen from any of its servers: where streams are and who has them, which
 * servers answer, and a client found wherever it is. Layer: topology.
 *
 * Questions travel over the API: down to the relays that a server has (each asks its own), sideways
 * to the coworkers of an origin, up from an edge to its origins. Who is asked further down or
 * sideways asks in one direction only, so that nothing comes back; in addition a question carries
 * the servers that it came by in this direction, a number of hops that it may still make, and what
 * is left of the one deadline.
 *
 * Answers of others are not trusted to be small: see the budgets in view.c. Streams for which there is no
 * room are left out, and counted. */
#pragma once
#include "base/budget.h"
#include "node/json.h"
#include "node/server.h"

enum view_scope {
	VIEW_ALL,   /* up, sideways and down: what a person asks */
	VIEW_ROOTS, /* what is published here, and down: asked by a coworker */
	VIEW_BELOW, /* what comes from the asker, and down: asked by the server above */
};

struct view_query {
	const char *vhost, *app, *stream; /* "": any */
	enum view_scope scope;
	const char *from; /* VIEW_BELOW: the asker */
	const char *path; /* the servers that it came by in this direction, ",a,b" */
	int hops;         /* that it may still make */
	int room;         /* bytes of the answer that the asker takes; 0: any number */
	int64_t deadline;
};

/* "streams": an array of trees, see tree.h; "left_out": of how many streams there was no room for a
 * tree, or for what a server said of its own. What they take of the budget of all views is in the
 * quota, which the caller empties when they are gone. */
void view_streams(json_t *answer, struct quota *quota, struct server *server,
		  const struct view_query *question) BLOCKS;
/* An array of the servers that this one has to do with, each asked now. */
json_t *view_nodes(struct server *server, int64_t deadline) BLOCKS;
/* Disconnects a client of any server; the id of that server, or "" when nobody has it. */
void view_kick(char node[static SIGN_ID_MAX], struct server *server,
	       const struct view_query *question, const char *id) BLOCKS;
