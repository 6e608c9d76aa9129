/* elsewhere - which coworker takes the clients that this server, being drained, does not let in. Layer:
 * cluster. */
#pragma once
#include "cluster/coworker_answer.h"
#include "codec/url.h"
#include "node/server.h"

struct elsewhere;
struct elsewhere *elsewhere_new(void);
/* NULL is fine; clears. */
void elsewhere_free(struct elsewhere **elsewhere);
/* A coworker of the vhost that answers and is not being drained; of several one that follows from the name of the
 * stream, by the hash by which edges choose. Who there is is asked at most once a second.
 * ERR_NOTFOUND when there is none. */
err elsewhere_find(struct cluster *cluster, const struct conf_vhost *vhost,
		   const struct target *target, struct coworker_answer *out) BLOCKS;
