#include "codec/block.h"
#include "base/asan.h"
#include "base/mem.h"

#include <stdlib.h>

/* Written over a block that is kept. */
struct kept_block {
	struct kept_block *next;
};

static struct kept_block *lists[(BLOCK_MAX + BLOCK_HEAD) / BLOCK_STEP + 1];
static size_t kept;

/* The list of blocks that have room for n bytes. */
static size_t list_of(size_t n)
{
	return (n + BLOCK_HEAD + BLOCK_STEP - 1) / BLOCK_STEP;
}

/* What is really allocated for n bytes: any block of one list serves any other size of it. */
static size_t room_for(size_t n)
{
	return n <= BLOCK_MAX ? list_of(n) * BLOCK_STEP - BLOCK_HEAD : n;
}

void *block_new(size_t n)
{
	struct kept_block *block = n <= BLOCK_MAX ? lists[list_of(n)] : NULL;
	if (!block)
		return mem_try_alloc(room_for(n));
	lists[list_of(n)] = block->next;
	kept -= room_for(n);
	return block;
}

void *block_resize(void *block, size_t n, size_t to)
{
	return room_for(n) == room_for(to) ? block : mem_try_realloc(block, room_for(to));
}

bool block_keep(void *block, size_t n)
{
	if (HAVE_ASAN || n == 0 || n > BLOCK_MAX || kept + room_for(n) > BLOCKS_KEPT)
		return false;
	struct kept_block *k = block;
	k->next = lists[list_of(n)];
	lists[list_of(n)] = k;
	kept += room_for(n);
	return true;
}

void blocks_release(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		while (lists[i]) {
			struct kept_block *k = lists[i];
			lists[i] = k->next;
			free(k);
		}
	}
	kept = 0;
}

size_t blocks_kept(void)
{
	return kept;
}
