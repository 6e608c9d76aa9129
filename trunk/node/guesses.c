#include "node/guesses.h"
#include "base/map.h"
#include "base/mem.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 4096 };

struct guesser {
	int wrong, waiting;
	int64_t last_ms;
};

struct guesses {
	struct map *by_addr;
	uint64_t count;
};

struct guesses *guesses_new(void)
{
	struct guesses *g = mem_new(struct guesses);
	g->by_addr = map_new();
	return g;
}

void guesses_free(struct guesses **guesses)
{
	struct guesses *g = *guesses;
	*guesses = NULL;
	if (!g)
		return;
	map_free_values(&g->by_addr);
	free(g);
}

/* Zeroes the host's half of an IPv6 address. */
static void key_of(char out[static ADDR_TEXT_MAX], const struct addr *addr)
{
	struct addr net = *addr;
	struct sockaddr_in6 v6;
	addr_ip(out, addr);
	if (addr->sa.ss_family != AF_INET6 || !strchr(out, ':'))
		return;
	memcpy(&v6, &net.sa, sizeof(v6));
	memset(&v6.sin6_addr.s6_addr[8], 0, 8);
	memcpy(&net.sa, &v6, sizeof(v6));
	addr_ip(out, &net);
}

static bool is_idle(const struct guesser *g, int64_t now)
{
	return g->waiting == 0 && now - g->last_ms > GUESS_FORGET_MS;
}

static void forget_idle(struct guesses *guesses, int64_t now)
{
	for (struct map_iter it = map_begin(guesses->by_addr); map_next(&it);) {
		struct guesser *g = it.value;
		if (!is_idle(g, now))
			continue;
		map_remove(guesses->by_addr, it.key);
		free(g);
	}
}

/* With very many addresses at once, those that come last share one. */
static struct guesser *guesser_of(struct guesses *guesses, const struct addr *addr, bool make)
{
	char key[ADDR_TEXT_MAX];
	int64_t now = clock_ms();
	key_of(key, addr);
	struct guesser *g = map_get(guesses->by_addr, key);
	if (!g && make && map_count(guesses->by_addr) >= ADDRESSES_MAX)
		forget_idle(guesses, now);
	if (!g && map_count(guesses->by_addr) >= ADDRESSES_MAX) {
		snprintf(key, sizeof(key), "others");
		g = map_get(guesses->by_addr, key);
	}
	if (!g && make) {
		g = mem_new(struct guesser);
		map_set(guesses->by_addr, key, g);
	}
	if (g && is_idle(g, now))
		g->wrong = 0;
	return g;
}

bool guesses_may_try(struct guesses *guesses, const struct addr *addr)
{
	const struct guesser *g = guesser_of(guesses, addr, false);
	if (!g || g->waiting < GUESSES_WAITING_MAX)
		return true;
	guesses->count++;
	return false;
}

void guesses_wrong(struct guesses *guesses, const struct addr *addr)
{
	struct guesser *g = guesser_of(guesses, addr, true);
	guesses->count++;
	g->last_ms = clock_ms();
	if (++g->wrong <= GUESSES_FREE)
		return;
	g->wrong = GUESSES_FREE; /* it stays there until a minute without one */
	g->waiting++;
	(void)!co_sleep(GUESS_WAIT_MS);
	g->waiting--;
	g->last_ms = clock_ms();
}

uint64_t guesses_count(const struct guesses *guesses)
{
	return guesses->count;
}
