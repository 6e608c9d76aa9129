/* tasks - what runs beside the streams of a process: fetched streams (vhost.ingest), programs of published streams
 * (vhost.exec) and transcoders (vhost.transcode). Layer: task.
 * A reload starts, ends and replaces what has changed; what has not goes on. */
#pragma once
#include "child/child.h"
#include "node/server.h"

struct tasks;

/* Observes the server's registry, and fetches what the configuration says, once tasks_serve() is called. */
struct tasks *tasks_new(struct server *server);
/* The ports are open. */
void tasks_serve(struct tasks *tasks);
/* The configuration of the server is another one. */
void tasks_reload(struct tasks *tasks);
/* No stream is fetched any more: the server takes nobody new. tasks_serve() calls that off. */
void tasks_drain(struct tasks *tasks);
/* Ends all of them and waits until their programs have ended, which is a matter of seconds; before the sessions
 * are stopped. */
void tasks_stop(struct tasks *tasks) BLOCKS;
/* When the services have ended. NULL is fine; clears. */
void tasks_free(struct tasks **tasks);
/* The programs; borrowed. */
const struct children *tasks_children(const struct tasks *tasks);
/* Streams that are fetched without a program. */
struct ingest_facts {
	const char *name;      /* "vhost/id" */
	const char *url, *key; /* from where; the stream here */
	bool is_live;
	int64_t since_wall_ms;
	int failures;       /* in a row */
	const char *reason; /* of the last failure; "" */
};
void tasks_each_ingest(const struct tasks *tasks,
		       void (*each)(const struct ingest_facts *facts, void *ctx), void *ctx);
