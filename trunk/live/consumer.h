/* consumer - membership in a source: who is told when there is something new, and how. Layer: live.
 * Its position is separate: a cursor (live/cursor.h) takes bytes, a reader (live/reader.h) takes
 * messages. Its owner has both side by side. */
#pragma once
#include "live/cursor.h"

struct co;
struct consumer;
struct fanout_group;
struct source;

enum { CONSUMER_NEEDS = 3, CONSUMER_WAY = 7 };

enum consumer_kind {
	CONSUMER_PLAYER,   /* a viewer: counted as one, served in batches */
	CONSUMER_RELAY,    /* another server: hears of gaps at once, is served with each picture */
	CONSUMER_INTERNAL, /* a recorder, a packetiser: nobody's viewer, hears of the end alone */
};

struct consumer_opts {
	enum consumer_kind kind;
	bool instant;  /* is served with each picture, whatever batch_ms says */
	struct co *co; /* whom to wake */
	/* Its send slot: it sends what there is, without blocking, in whatever coroutine this is (so no
	 * co_self()), and neither opens nor closes a consumer. NULL: its own coroutine is woken. */
	void (*on_send_slot)(struct consumer *consumer);
	/* Memory that on_send_slot() looks at besides the consumer and the CONSUMER_NEAR bytes behind it (its
	 * cursor stands there); NULL: less. Slots are thousands, and memory is fetched for one while
	 * those before it are served. */
	const void *needs[CONSUMER_NEEDS];
};

struct consumer {
	struct source *source; /* NULL: it is in none */
	struct consumer *prev, *next;
	struct fanout_group *group;
	struct co *co;
	void (*on_send_slot)(struct consumer *consumer);
	const void *needs[CONSUMER_NEEDS];
	/* What a slot looks at only when it sends: for an owner who knows when that is, and fetches it for the next
	 * consumer; see consumer_fetch_way(). NULL: less. */
	const void *way[CONSUMER_WAY];
	enum consumer_kind kind;
	int64_t behind;      /* players that a relay has told of */
	uint64_t gaps, ends; /* of the source at the join */
};

enum { CONSUMER_NEAR = sizeof(struct cursor) };

/* Joins (holds the source). Zeroed memory. A position is opened before, so that the first slot finds
 * it. */
void consumer_open(struct consumer *c, struct source *source, const struct consumer_opts *opts);
/* Leaves; zeroed memory is fine. Positions are closed before, while the source is still held. */
void consumer_close(struct consumer *c);
/* In a slot of `consumer`: has the way of the one after it fetched, when that is of the same owner's kind. */
void consumer_fetch_way(const struct consumer *consumer);
/* A relay has so many players behind it. */
void consumer_set_behind(struct consumer *c, int64_t players);
/* The stream has ended for this consumer (what is pending may still be sent). */
bool consumer_ended(const struct consumer *c);
/* It has, but this consumer stays for the next feeder. */
void consumer_stay(struct consumer *c);
