/* recorder - records one stream, from its beginning to its end. Layer: output, for dvr.c. */
#pragma once
#include "node/hook_queue.h"
#include "node/server.h"

/* Its coroutine is one of the server's services. It is in `recorders`, by the source's key, as long as it
 * records. */
void recorder_start(struct map *recorders, struct server *server, struct source *source,
		    const struct conf_vhost *vhost);
