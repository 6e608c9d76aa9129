/* health - /healthz and /readyz, as balancers and orchestrators ask for them. Layer: service. */
#pragma once
#include "service/http_router.h"

/* Both on every HTTP port, without a password, also when the server is full. */
void health_mount(struct http_router *router);
