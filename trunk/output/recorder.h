/* recorder - records one stream, from its beginning to its end. Layer: output, for dvr.c. */
#pragma once
#include "node/hook_queue.h"
#include "node/server.h"
#include "output/rewriter.h"

struct recorder;

/* A recording in progress. Texts are borrowed until the recorder's coroutine runs again. */
struct recorder_facts {
	const char *vhost, *app, *stream;
	const char *path;           /* of the file when it is finished; "" while none is open */
	int64_t since_wall_ms;      /* of the recorder; milliseconds since 1970 */
	int64_t duration_ms, bytes; /* of the file */
	uint64_t lost;              /* pieces that could not be written */
};
/* False: it is over, and its last file is being finished. */
bool recorder_facts(struct recorder_facts *out, const struct recorder *recorder);
/* Its file ends and gets its name, soon after. */
void recorder_stop(struct recorder *recorder);
/* Takes the end of the stream back. If the recording is over already, the owner is told when another one can be
 * started. */
void recorder_go_on(struct recorder *recorder);

/* Shared by the recorders, which it outlives. */
struct recorder_owner {
	struct rewriter *rewriter;
	void (*on_again)(void *ctx,
			 const char *key); /* of the source; must not switch coroutines */
	void *ctx;
};

/* Its coroutine is one of the server's services. It is in `recorders`, by the source's key, as long as it
 * records, or finishes its files: of a stream there is one at a time. */
void recorder_start(struct map *recorders, struct server *server, struct source *source,
		    const struct conf_vhost *vhost, const struct recorder_owner *owner);
