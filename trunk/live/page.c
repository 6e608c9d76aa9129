#include "live/page.h"
#include "base/check.h"
#include "base/mem.h"
#include "codec/media_memory.h"

#include <stdlib.h>
#include <utlist.h>

struct page *page_new(uint32_t cap, int64_t now_ms)
{
	uint8_t *p = mem_try_alloc(cap);
	if (!p)
		return NULL;
	struct page *page = mem_new(struct page);
	page->cap = cap;
	page->p = p;
	page->opened_ms = page->touched_ms = now_ms;
	media_memory_charge(page_bytes(page));
	return page;
}

static void page_free(struct page *page)
{
	media_memory_give(page_bytes(page) - page->cap);
	media_memory_free(page->p, page->cap);
	free(page->entries);
	free(page);
}

void page_leave(struct page *page)
{
	check(!page->places);
	page->left = true;
	if (!page->holds)
		page_free(page);
}

struct page *page_hold(struct page *page)
{
	page->holds++;
	return page;
}

void page_release(struct page *page)
{
	if (--page->holds == 0 && page->left)
		page_free(page);
}

size_t page_bytes(const struct page *page)
{
	return sizeof(*page) + page->cap + page->room * sizeof(page->entries[0]);
}

/* Times that jump about make many pages of which little is used. */
void page_close(struct page *page)
{
	if (page->cap - page->n <= page->cap / 4)
		return;
	media_memory_give(page_bytes(page));
	page->cap = page->n ? page->n : 1;
	page->p = mem_realloc(page->p, page->cap);
	uint32_t room = page->count ? page->count : 1;
	if (page->room > room) {
		page->entries = mem_realloc(page->entries, room * sizeof(page->entries[0]));
		page->room = room;
	}
	media_memory_charge(page_bytes(page));
}

struct entry *page_entry(struct page *page)
{
	if (page->count == page->room) {
		uint32_t before = page->room;
		page->room = before ? before * 2 : 16;
		media_memory_charge((page->room - before) * sizeof(page->entries[0]));
		page->entries = mem_realloc(page->entries, page->room * sizeof(page->entries[0]));
	}
	return &page->entries[page->count++];
}

uint32_t page_entry_at(const struct page *page, uint32_t off)
{
	uint32_t low = 0, high = page->count;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (page_entry_end(page, middle) <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void place_leave(struct place *place)
{
	if (place->page)
		DL_DELETE(place->page->places, place);
	place->page = NULL;
}

void place_move(struct place *place, struct page *page, uint32_t off)
{
	place_leave(place);
	place->page = page;
	place->off = off;
	DL_APPEND(page->places, place);
}
