/* coworker - asks the other origins who has a stream. Layer: service.
 * All are asked at once over their HTTP APIs, with one short deadline; the first "here" wins. One
 * question per stream is in flight, and its answer is kept for a moment. */
#pragma once
#include "codec/url.h"
#include "service/server.h"

struct coworker_answer {
	char rtmp[300];     /* "host:port" to redirect to */
	char http[300];     /* "host:port" of its HTTP server; "" when it did not say */
	char coworker[300]; /* who said so, as configured */
};

struct mesh *mesh_new(void);
void mesh_free(struct mesh **mesh);
/* OK and the answer, or ERR_NOTFOUND when nobody has it. */
err coworker_find(struct server *server, const struct conf_vhost *vhost, const struct target *target,
                  struct coworker_answer *answer) BLOCKS;
/* Forgets what is known of a stream: it is published here now. */
void coworker_forget(struct server *server, const char *key);
