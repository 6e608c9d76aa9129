/* access - who may ask what of the HTTP API. Layer: service. Three questions, in this order: is
 * what only servers of the cluster may ask signed (if there is a secret); are name and password
 * right (http_api.auth); may the caller change something (http_api.writes). */
#pragma once
#include "node/sign.h"
#include "service/http_session.h"

/* Is the request signed? `what` is signed beside method and target. Counts what it was. */
enum sign_verdict access_verdict(struct http_session *s, struct span what);
/* To one that is signed for another server: who we are. */
err access_challenge(struct http_session *s) BLOCKS;
/* *refused: it may not, and has been answered. */
err access_check(struct http_session *s, bool *refused) BLOCKS;
