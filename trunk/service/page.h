/* page - the page in the program: streams to watch, how to publish, and a console. Layer: service.
 * "/" of the HTTP server when http_server.dir has no page of its own, and /page/ on the ports of files and of
 * the API alike: each page asks only the port that it came from, so that no browser has to be told of exceptions,
 * and the console stands where the API does. Off with http_server.page. */
#pragma once
#include "service/http_router.h"

/* Adds the rows. Before the API's, which has "/" too where both share a port. */
void page_mount(struct http_router *router);
/* Header lines that let a browser run and fetch what comes from the same port, and nothing else. */
extern const char page_headers[];
