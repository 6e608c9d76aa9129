/* hex - bytes as they stand in a specification. Layer: test. */
#pragma once
#include "base/mem.h"
#include "base/span.h"

#include <stdio.h>
#include <stdlib.h>

/* A block of exactly the size of the bytes, so that a sanitizer sees the first one beyond it. */
static inline struct span hex_bytes(const char *hex)
{
	uint8_t *p = mem_alloc(strlen(hex) / 2 + 1);
	size_t n = 0;
	unsigned v;
	for (int used; sscanf(hex, " %2x%n", &v, &used) == 1; hex += used)
		p[n++] = (uint8_t)v;
	return span_of(mem_realloc(p, n ? n : 1), n);
}

static inline void hex_free(struct span s)
{
	free((void *)(uintptr_t)s.p);
}
