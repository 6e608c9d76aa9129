/* block - memory of messages, of which small blocks are used again at once. Layer: codec, for msg.c.
 *
 * Messages of an audio frame or a small picture come and go by the ten thousand a second, and those of a
 * group of pictures go together. The C library then merges each block with its neighbours, whose headers are
 * in no cache any more, and divides them again for the next message. Here the last blocks that were freed are
 * kept in lists by size, at most BLOCKS_KEPT bytes in all. They are no messages, so they are not counted as
 * media memory. A sanitizer build keeps none: it is to see each use of memory that was freed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Sizes are a step apart and BLOCK_HEAD below a multiple of it: with the size that the C library puts in
 * front, a block is whole units of its. */
enum { BLOCK_STEP = 16, BLOCK_HEAD = 8, BLOCK_MAX = 1032, BLOCKS_KEPT = 1 << 20 };

/* n bytes, not initialised; NULL: there is no memory. */
void *block_new(size_t n);
/* The block with another size, `n` before and `to` afterwards; NULL: there is no memory, and it stays. */
void *block_resize(void *block, size_t n, size_t to);
/* Keeps the block of n bytes for the next one of about this size. False: it is the caller's to free. */
bool block_keep(void *block, size_t n);
/* Frees all that are kept: for when memory is given back to the system. */
void blocks_release(void);
/* The bytes that are kept. */
size_t blocks_kept(void);
