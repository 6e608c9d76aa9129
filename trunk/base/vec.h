/* vec - arrays that grow. Layer: base.
 * An array is what its owner has anyway: a pointer, a count and a room (how many items fit), of any integer
 * types. vec_reserve() makes room by doubling, so that adding costs constant time on average; the owner
 * bounds the count and frees the pointer. Pointers to items are void after it. */
#pragma once
#include "base/check.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

enum { VEC_FIRST_ROOM = 4 };

/* The room for `need` items where there are `room` now. */
static inline size_t vec_room(size_t room, size_t need)
{
	room = room ? room * 2 : VEC_FIRST_ROOM;
	return room < need ? need : room;
}

/* Items beyond the old room are not initialised. A count that has no room in memory aborts. */
static inline void *vec_grow(void *items, size_t room, size_t size)
{
	check(room <= (size_t)PTRDIFF_MAX / size);
	return mem_realloc(items, room * size);
}

/* Room for `need` items: vec_reserve(q->v, q->room, q->count + 1); q->v[q->count++] = item; */
#define vec_reserve(items, room, need)                                                             \
	do {                                                                                       \
		if ((size_t)(room) < (size_t)(need)) {                                             \
			(room) = (__typeof__(room))vec_room((size_t)(room), (size_t)(need));       \
			(items) = vec_grow((items), (size_t)(room), sizeof(*(items)));             \
		}                                                                                  \
	} while (0)
