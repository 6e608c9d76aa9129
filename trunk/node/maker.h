/* maker - who can have streams made that nobody sends yet: cameras that are called when somebody watches. Layer: node;
 * a service fills it in, and whoever looks for streams asks. */
#pragma once
#include "conf/conf.h"

#include <stdbool.h>
#include <stdint.h>

struct source;

enum { MAKING_NAME_MAX = 64 };

/* Somebody who waits for such a stream. */
struct making {
	struct making *prev, *next;
	void *of;      /* the maker's; NULL: he waits for nothing any more */
	struct co *co; /* woken when something has changed */
	bool begun;    /* it is there */
	char stream
		[MAKING_NAME_MAX]; /* it is there under this name; "": under the one that was asked for */
	bool failed;               /* it does not come: why */
	char why[128];
};

struct maker_ops {
	/* Whether it could be made here, and since when (wall time); nothing begins. */
	bool (*can)(void *ctx, const struct conf_vhost *vhost, const char *app, const char *stream,
		    int64_t *since_wall_ms);
	/* Has it made, for one more who waits, until `leave`. False: it cannot be. */
	bool (*want)(void *ctx, const struct conf_vhost *vhost, const char *app, const char *stream,
		     struct making *making);
	void (*leave)(void *ctx, struct making *making);
	/* Somebody watches it who is no player of its source: HLS. */
	void (*touch)(void *ctx, const struct conf_vhost *vhost, const char *app,
		      const char *stream);
};

/* Zeroed: there is none. */
struct maker {
	const struct maker_ops *ops;
	void *ctx;
};

bool maker_can(const struct maker *maker, const struct conf_vhost *vhost, const char *app,
	       const char *stream, int64_t *since_wall_ms);
bool maker_want(const struct maker *maker, const struct conf_vhost *vhost, const char *app,
		const char *stream, struct making *making);
void maker_touch(const struct maker *maker, const struct conf_vhost *vhost, const char *app,
		 const char *stream);
/* Zeroed memory is fine. */
void maker_leave(const struct maker *maker, struct making *making);
