/* place - a position in a page (live/page.h): the next byte to be read. Layer: live.
 * It stands in the list of its page. */
#pragma once
#include <stdint.h>

struct page;

struct place {
	struct page *page;
	struct place *prev, *next;
	uint32_t off;
};

/* Moves the place out of its page, if it is in one, to a byte of another. */
void place_move(struct place *place, struct page *page, uint32_t off);
/* Out of its page. */
void place_leave(struct place *place);
