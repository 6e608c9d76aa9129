/* page - what wire.c (the log) and cursor.c (positions in it) share. Not for others. Layer: live. */
#pragma once
#include "live/wire.h"

enum { ENTRY_KEY = 1, ENTRY_STATE = 2 }; /* a picture to start at; a header, not a frame */

/* One message of a page. */
struct entry {
	int64_t ts;
	uint32_t off;   /* of the shared header */
	uint32_t n;     /* payload bytes */
	uint8_t header; /* length of the shared header */
	uint8_t kind;   /* one WIRE_ bit */
	uint8_t flags;
};

struct page {
	struct page *prev, *next;
	struct cursor *cursors;
	uint64_t seq; /* rises from page to page */
	uint8_t *p;
	uint32_t n, cap;
	struct entry *entries;
	uint32_t count, room;
	uint8_t kinds; /* of its messages */
	bool breaks;   /* cursors that enter are primed anew */
	bool left;     /* by the wire; it goes with the last hold */
	int holds;     /* rests of messages that are still to be sent from it */
	int64_t opened_ms, touched_ms;
};

struct wire {
	enum wire_format format;
	uint32_t chunk_size;
	int64_t backlog_ms;
	struct page *pages; /* utlist: oldest first, pages->prev is the newest */
	struct page *gop_page;
	uint32_t gop_off;
	struct headers *gop_headers;
	struct headers *headers; /* in effect at the end */
	int64_t last_ts[3];
	uint8_t seen; /* kinds that have a last_ts */
	bool broken;  /* the next message begins a page that breaks */
	uint32_t page_cap;
	uint64_t seq;
	size_t bytes;
	int cursors;
	int64_t head_ts;
};

/* RTMP chunk stream and message type of a kind. */
struct channel {
	uint8_t csid, type;
};
extern const struct channel channels[];

static inline struct page *wire_newest(const struct wire *w)
{
	return w->pages->prev;
}

static inline uint32_t entry_end(const struct page *page, uint32_t i)
{
	return i + 1 < page->count ? page->entries[i + 1].off : page->n;
}

/* Keeps the bytes, whatever the wire does with the page. */
struct page *page_hold(struct page *page);
void page_release(struct page *page);

/* The entry that holds the byte at off, or count at the end. */
uint32_t entry_at(const struct page *page, uint32_t off);

/* Moves the cursor to the newest key frame, if it is before that; to the end, if there is none. */
void cursor_skip(struct cursor *c);
/* To the next page, which loses nothing when this one has been read. */
void cursor_enter_next_page(struct cursor *c);
