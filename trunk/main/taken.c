/* Encoders that are asked to reconnect come to the next process nearly at once: one coroutine waits for all of them,
 * and one walk over the clients ends those of many streams. */
#include "main/taken.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
	TAKEN_MS = 2000, /* for a publisher that is there to leave by itself */
	STEP_MS = 500,   /* between two walks */
	SLICE = 256,     /* clients looked at before others can run */
};

struct taken {
	int64_t due_ms;
};

static struct map *keys; /* of struct taken; NULL: nobody waits */

static bool is_due(const struct client *c, int64_t now)
{
	const struct taken *t = c->publish ? map_get(keys, c->source->key) : NULL;
	return t && t->due_ms <= now;
}

/* Others may be added while it is under way: those are not due yet. */
static void end_due(struct server *server, int64_t now) BLOCKS
{
	struct client_cursor cursor;
	client_cursor_begin(&cursor, &server->stat);
	for (int n = 1; cursor.at && !co_stopping(); n++) {
		struct client *c = client_cursor_next(&cursor);
		if (is_due(c, now))
			client_stop(c, ERR_DRAINED);
		if (n % SLICE == 0)
			co_yield ();
	}
	client_cursor_end(&cursor, &server->stat);
}

static bool has_due(int64_t now)
{
	for (struct map_iter it = map_begin(keys); map_next(&it);)
		if (((const struct taken *)it.value)->due_ms <= now)
			return true;
	return false;
}

static void forget_due(int64_t now)
{
	for (struct map_iter it = map_begin(keys); map_next(&it);)
		if (((const struct taken *)it.value)->due_ms <= now)
			free(map_remove(keys, it.key));
}

static void taken_main(void *arg)
{
	struct server *server = arg;
	err e = co_sleep(TAKEN_MS);
	for (; !e; e = co_sleep(STEP_MS)) {
		int64_t now = clock_ms();
		if (!has_due(now))
			continue;
		end_due(server, now);
		forget_due(now);
		if (map_count(keys) == 0)
			break;
	}
	map_free_values(&keys);
}

void taken_add(struct server *server, const char *key)
{
	if (!keys) {
		if (!co_start_in(&server->services, "taken", taken_main, server)) {
			log_error("no memory to end what has gone over to the next process");
			return;
		}
		keys = map_new();
	}
	struct taken *t = mem_new(struct taken);
	t->due_ms = clock_after(TAKEN_MS);
	free(map_set(keys, key, t));
}
