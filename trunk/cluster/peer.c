#include "cluster/peer.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_MS = 200, BACKOFF_MAX_MS = 15000, SHIFT_MAX = 7 };

struct peers {
	struct map *by_name;
};

struct peers *peers_new(void)
{
	struct peers *p = mem_new(struct peers);
	p->by_name = map_new();
	return p;
}

void peers_free(struct peers **peers)
{
	struct peers *p = *peers;
	*peers = NULL;
	if (!p)
		return;
	for (struct map_iter it = map_begin(p->by_name); map_next(&it);) {
		struct peer *peer = it.value;
		free(peer->name);
		free(peer);
	}
	map_free(&p->by_name);
	free(p);
}

struct peer *peer_known(const struct peers *peers, const char *name)
{
	return map_get(peers->by_name, name);
}

struct peer *peer_get(struct peers *peers, const char *name)
{
	struct peer *p = peer_known(peers, name);
	if (!p) {
		p = mem_new(struct peer);
		p->name = mem_strdup(name);
		map_set(peers->by_name, name, p);
	}
	return p;
}

struct map_iter peers_begin(const struct peers *peers)
{
	return map_begin(peers->by_name);
}

void peer_ok(struct peer *p, int64_t connect_ms)
{
	p->connect_ms = connect_ms;
	p->last_ok_ms = clock_ms();
	p->retry_ms = 0;
	p->failures /= 2;
}

bool peer_answered(struct peer *p)
{
	bool had_failed = p->failures > 0;
	p->last_ok_ms = clock_ms();
	p->retry_ms = 0;
	p->failures = 0;
	return had_failed;
}

void peer_failed(struct peer *p, err e, const char *reason)
{
	if (err_severity(e) == ERR_LOCAL)
		return;
	int64_t wait = BACKOFF_MS << (p->failures < SHIFT_MAX ? p->failures : SHIFT_MAX);
	wait = wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS;
	p->failures++;
	p->failures_total++;
	p->last_failure_ms = clock_ms();
	/* Jitter: a thousand edges must not come back to a restarted origin in one moment. */
	p->retry_ms = clock_ms() + wait / 2 + random() % (wait / 2 + 1);
	snprintf(p->reason, sizeof(p->reason), "%s", reason);
}
