/* wire - the recent messages of a source as bytes ready to send: a cache of renderings in one format
 * (live/wire_format.h), which all receivers of that format share. Layer: live.
 *
 * A wire is a list of pages. A page holds whole messages one after another, as every receiver may get
 * them, and an index of where each begins. A receiver's position is a cursor (live/cursor.h).
 *
 * Pages live as long as they are needed: back to the newest start (a message at which one can begin to
 * decode), and to the slowest cursor that is still within the limit. A cursor beyond it is moved to the
 * newest start. */
#pragma once
#include "base/fetch.h"
#include "live/headers.h"
#include "live/page.h"
#include "live/wire_format.h"

struct wire {
	struct wire *next, **list; /* of the source's; NULL: it is in none */
	const struct wire_format *format;
	struct wire_opts opts;
	bool with_twin;     /* has messages of TRACK_TWIN too (codec/frame.h) */
	bool has_servers;   /* some of its cursors want the twins */
	void *state;        /* of the format */
	struct page *pages; /* utlist: oldest first, pages->prev is the newest */
	struct page *start_page;
	uint32_t start_off;
	struct headers *start_headers;
	struct headers *headers; /* in effect at the end */
	bool broken;             /* the next message begins a page that breaks the chains */
	uint32_t page_cap;
	uint64_t seq;
	size_t bytes;
	int cursors;
	int64_t head_ts;
	int64_t head_ms;     /* monotonic; arrival of the newest message */
	int64_t key_wait_ms; /* how long a cursor waits for a key frame; the source's */
	/* Moves a place on, out of a page that is given up. Of cursors, which the wire does not know. */
	void (*on_page_left)(struct wire *wire, struct place *place);
};

struct wire *wire_new(const struct wire_format *format, const struct wire_opts *opts);
/* All cursors must have left. */
void wire_free(struct wire **wire);
size_t wire_bytes(const struct wire *wire); /* memory held */

/* Appends a message (ts on the source's timeline). `starts`: cursors may start here, with these
 * headers. now_ms bounds how long a page is kept for slow cursors. */
void wire_append(struct wire *wire, const struct msg *msg, bool starts, struct headers *headers,
		 int64_t now_ms);
/* No cursor may begin at the last start any more. */
void wire_forget_start(struct wire *wire);
/* Lets go of all that can be let go of: cursors that are behind are moved to the newest page or the end,
 * as those that are too slow. */
void wire_shrink(struct wire *wire);

static inline struct page *wire_newest(const struct wire *w)
{
	return w->pages->prev;
}

/* Where the next messages go is fetched. */
static inline void wire_fetch(const struct wire *w)
{
	enum { BYTES_NEXT = 8 * FETCH_LINE, ENTRIES_NEXT = 2 * FETCH_LINE };
	const struct page *page = wire_newest(w);
	fetch(w->state, FETCH_LINE);
	fetch(page->p + page->n, BYTES_NEXT);
	if (page->count)
		fetch(page->entries + page->count, ENTRIES_NEXT);
}
