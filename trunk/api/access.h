/* access - who may ask what of the HTTP API. Layer: api. Three questions, in this order: is what
 * only servers of the cluster may ask (ROUTE_SIGNED) signed, if there is a secret; are name and
 * password or token right, and of somebody who may do that (http_api.auth); may the caller change something
 * (http_api.writes). */
#pragma once
#include "service/http_router.h"

/* *refused: it may not, and has been answered. s->caller is who it is, when that was said. */
err access_check(struct http_session *s, bool *refused) BLOCKS;
/* A line in the log for a call that has changed something: who, from where, what, and the code of the answer. */
void access_audit(const struct http_session *s, long long code);
