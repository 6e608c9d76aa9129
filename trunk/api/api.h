/* api - the HTTP API, in the shapes of SRS. Layer: api. api.c finds the route and answers;
 * api_*.c make the answers. */
#pragma once
#include "service/http_session.h"

/* *found is false when the API has nothing at that path; then nothing was answered. */
err api_serve(struct http_session *s, bool *found) BLOCKS;
