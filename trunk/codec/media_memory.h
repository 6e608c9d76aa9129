/* media_memory - how much memory messages and their renderings take in all, and how much they may. Layer: codec. One
 * count for the process: streams are limited one by one elsewhere, and together here.
 *
 * Relief as it fills is up to the holders (live/registry.c). Here only the end is decided: a message that does not
 * fit is not had, which ends the connection that sends it. Large ones are refused before small ones, so that streams
 * of a usual size can go on. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { MEDIA_MEMORY_STEP_MS = 20, FREE_AT_ONCE = 2 << 20 };

enum media_memory_state {
	MEDIA_MEMORY_FREE,
	MEDIA_MEMORY_TIGHT, /* more than three quarters: caches should shrink */
	MEDIA_MEMORY_FULL,  /* nearly all: no new stream, and somebody has to go */
};

/* In bytes; 0: no limit. */
void media_memory_limit(size_t max);
size_t media_memory_max(void);
size_t media_memory_used(void);
enum media_memory_state media_memory_state(void);
/* Whether n more bytes would leave it MEDIA_MEMORY_FREE: for what can be done without. */
bool media_memory_has_room(size_t n);
/* Whom to ask to make room for n bytes when a message does not fit; NULL: nobody. */
void media_memory_relief(void (*relieve)(void *ctx, size_t n), void *ctx);
/* Counts n bytes; false, and nothing: there is no room. */
bool media_memory_take(size_t n);
/* Counts n bytes that cannot be refused any more. */
void media_memory_charge(size_t n);
void media_memory_give(size_t n);
/* Frees a block of n bytes that was counted. Freeing a cache of 64 MB at once would stop every stream
 * for 20 ms: beyond FREE_AT_ONCE in one millisecond, blocks wait for media_memory_drain(). */
void media_memory_free(void *block, size_t n);
/* A step of giving memory back to the system, to be called each MEDIA_MEMORY_STEP_MS while
 * something waits, and each second else: frees some of what
 * waits, and trims the heap when much less is used than was. */
void media_memory_drain(void);
/* Bytes that wait to be freed. */
size_t media_memory_waiting(void);
