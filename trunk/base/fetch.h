/* fetch - memory that is looked at soon: of thousands who are served in turn each comes cold. Layer: base. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { FETCH_LINE = 64 };

/* Has n bytes brought near; any address will do, also of what is gone. Inlined by force: a compiler may think that a
 * function which only fetches does nothing. */
static inline __attribute__((always_inline)) void fetch(const void *p, size_t n)
{
	for (uintptr_t at = (uintptr_t)p, end = at + n; at < end; at += FETCH_LINE)
		__builtin_prefetch((const void *)at);
}
