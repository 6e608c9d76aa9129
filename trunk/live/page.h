/* page - a piece of a wire: whole messages of one format, one after another, and where each begins.
 * Layer: live, shared by wire.c and cursor.c. */
#pragma once
#include "base/span.h"
#include "live/place.h"

#include <stdbool.h>

enum { ENTRY_KEY = 1, ENTRY_STATE = 2 }; /* a picture to start at; a header, not a frame */
enum { CHAINS_MAX = 16 };

/* One message of a page. */
struct entry {
	int64_t ts;
	uint32_t off; /* of its first byte */
	uint32_t n;   /* payload bytes */
	uint8_t kind; /* one WIRE_ bit */
	uint8_t chain;
	uint8_t flags;
};

struct page {
	struct page *prev, *next;
	struct place *places;
	uint64_t seq; /* rises from page to page */
	uint8_t *p;
	uint32_t n, cap;
	struct entry *entries;
	uint32_t count, room;
	uint8_t kinds;   /* of its messages */
	uint16_t chains; /* likewise */
	bool breaks;     /* the chains end before it: places that enter it are primed anew */
	bool left;       /* by the wire; it goes with the last hold */
	int holds;       /* tails of messages that are still to be sent from it */
	int64_t opened_ms, touched_ms;
};

/* NULL: there is no memory. Counted as media memory, but never refused by its limit: it is relieved
 * elsewhere (live/registry.c). */
struct page *page_new(uint32_t cap, int64_t now_ms);
/* Releases the page, or leaves that to the last page_release(). No place may be in it. */
void page_leave(struct page *page);
/* Keeps the bytes, whatever the wire does with the page. */
struct page *page_hold(struct page *page);
void page_release(struct page *page);
/* Memory that the page takes. */
size_t page_bytes(const struct page *page);
/* Gives back what a page that is complete did not use, if that is much. */
void page_close(struct page *page);
/* A new entry at the end, to be filled by the caller at once. */
struct entry *page_entry(struct page *page);
/* The entry that holds the byte at off, or count at the end. */
uint32_t page_entry_at(const struct page *page, uint32_t off);

static inline uint32_t page_entry_end(const struct page *page, uint32_t i)
{
	return i + 1 < page->count ? page->entries[i + 1].off : page->n;
}
