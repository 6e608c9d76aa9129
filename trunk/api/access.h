/* access - who may ask what of the HTTP API. Layer: api. Three questions, in this order: is what
 * only servers of the cluster may ask (ROUTE_SIGNED) signed, if there is a secret; are name and
 * password right (http_api.auth); may the caller change something (http_api.writes). */
#pragma once
#include "service/http_router.h"

/* *refused: it may not, and has been answered. */
err access_check(struct http_session *s, bool *refused) BLOCKS;
