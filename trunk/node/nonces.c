/* The table of nonces is bounded, and each sender has a window of its own in it: the first half of a
 * nonce is the same for all that one process signs. When the table is full, the sender that has the most
 * loses its oldest entry, and with it everything that is not younger: a request of that sender with a
 * time up to the forgotten one is late from then on. So a replay is refused however many requests there
 * are, and one server that sends very many, or whose clock is fast, shrinks its own window alone. Only
 * the signature of a known secret gets a nonce into the table. */
#include "node/nonces.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

/* One process that signs. It stays as long as it has nonces, or its floor matters. */
struct nonce_sender {
	char tag[NONCE_TAG_BYTES * 2 + 1];
	int count;
	int64_t floor; /* wall; what is not younger is late */
	struct nonce *oldest;
};

struct nonce {
	struct nonce *prev, *next;    /* of all, oldest first */
	struct nonce *before, *after; /* of its sender, likewise */
	struct nonce_sender *sender;
	int64_t time, until; /* wall */
	char text[2 * NONCE_BYTES + 1];
};

struct nonces {
	struct map *by_text;
	struct map *senders; /* tag -> struct nonce_sender */
	struct nonce *oldest;
};

struct nonces *nonces_new(void)
{
	struct nonces *s = mem_new(struct nonces);
	s->by_text = map_new();
	s->senders = map_new();
	return s;
}

static void tag_of(char tag[static NONCE_TAG_BYTES * 2 + 1], const char *nonce)
{
	snprintf(tag, NONCE_TAG_BYTES * 2 + 1, "%.*s", NONCE_TAG_BYTES * 2, nonce);
}

static struct nonce_sender *sender_known(const struct nonces *s, const char *nonce)
{
	char tag[NONCE_TAG_BYTES * 2 + 1];
	tag_of(tag, nonce);
	return map_get(s->senders, tag);
}

static struct nonce_sender *sender_get(struct nonces *s, const char *nonce)
{
	struct nonce_sender *sender = sender_known(s, nonce);
	if (!sender) {
		sender = mem_new(struct nonce_sender);
		tag_of(sender->tag, nonce);
		map_set(s->senders, sender->tag, sender);
	}
	return sender;
}

/* A floor that is older than the skew keeps out nothing that is not late anyway. */
static void sender_release(struct nonces *s, struct nonce_sender *sender, int64_t now)
{
	if (sender->count || sender->floor >= now - SIGN_SKEW_MS)
		return;
	map_remove(s->senders, sender->tag);
	free(sender);
}

static void nonce_free(struct nonces *s, struct nonce *n)
{
	n->sender->count--;
	DL_DELETE2(n->sender->oldest, n, before, after);
	map_remove(s->by_text, n->text);
	DL_DELETE(s->oldest, n);
	free(n);
}

static void nonces_expire(struct nonces *s, int64_t now)
{
	while (s->oldest && s->oldest->until < now) {
		struct nonce_sender *sender = s->oldest->sender;
		nonce_free(s, s->oldest);
		sender_release(s, sender, now);
	}
}

/* The one that comes pays itself, unless it has less than its share. */
static struct nonce_sender *sender_that_pays(const struct nonces *s, struct nonce_sender *comes)
{
	struct nonce_sender *most = comes;
	if (comes->count && (size_t)comes->count >= SIGN_NONCES_MAX / map_count(s->senders))
		return comes;
	for (struct map_iter it = map_begin(s->senders); map_next(&it);)
		if (((struct nonce_sender *)it.value)->count > most->count)
			most = it.value;
	return most;
}

static void make_nonce_room(struct nonces *s, struct nonce_sender *comes)
{
	while (map_count(s->by_text) >= SIGN_NONCES_MAX) {
		struct nonce_sender *pays = sender_that_pays(s, comes);
		if (pays->oldest->time > pays->floor)
			pays->floor = pays->oldest->time;
		nonce_free(s, pays->oldest);
	}
}

/* A time in the future is good for longer, up to twice the skew: all are kept for so long, and thus expire
 * in the order in which they came. */
static void nonce_put(struct nonces *s, struct nonce_sender *sender, const char *text, int64_t time,
		      int64_t now)
{
	struct nonce *n = mem_new(struct nonce);
	snprintf(n->text, sizeof(n->text), "%s", text);
	n->sender = sender;
	n->time = time;
	n->until = now + 2 * SIGN_SKEW_MS;
	map_set(s->by_text, n->text, n);
	DL_APPEND(s->oldest, n);
	DL_APPEND2(sender->oldest, n, before, after);
	sender->count++;
}

/* Senders without nonces have a floor; those whose floor is over go as the table is used. */
static void senders_sweep(struct nonces *s, int64_t now)
{
	if (map_count(s->senders) <= SIGN_SENDERS_MAX)
		return;
	for (struct map_iter it = map_begin(s->senders); map_next(&it);)
		sender_release(s, it.value, now);
}

enum sign_verdict nonces_take(struct nonces *s, const char *text, int64_t time, int64_t now)
{
	nonces_expire(s, now);
	const struct nonce_sender *known = sender_known(s, text);
	if (known && time <= known->floor)
		return SIGN_LATE;
	if (map_get(s->by_text, text))
		return SIGN_REPLAYED;
	senders_sweep(s, now);
	struct nonce_sender *sender = sender_get(s, text);
	make_nonce_room(s, sender);
	nonce_put(s, sender, text, time, now);
	return SIGN_GOOD;
}

int nonces_count(const struct nonces *s)
{
	return (int)map_count(s->by_text);
}

void nonces_free(struct nonces **nonces)
{
	struct nonces *s = *nonces;
	*nonces = NULL;
	while (s->oldest)
		nonce_free(s, s->oldest);
	map_free(&s->by_text);
	map_free_values(&s->senders);
	free(s);
}
