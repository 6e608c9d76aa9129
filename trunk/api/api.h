/* api - the HTTP API, in the shapes of SRS. Layer: api. api.c has the table of its rows and answers;
 * api_*.c make the answers, access.c says who may ask. */
#pragma once
#include "service/http_router.h"

/* Adds the API's rows. */
void api_mount(struct http_router *router);
