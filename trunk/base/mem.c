#include "base/mem.h"
#include "base/check.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	check(p && "out of memory");
	return p;
}

void *mem_alloc(size_t size)
{
	void *p = malloc(size ? size : 1);
	check(p && "out of memory");
	return p;
}

void *mem_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	check(p && "out of memory");
	return p;
}

void *mem_try_alloc(size_t size)
{
	return malloc(size ? size : 1);
}

void *mem_try_realloc(void *p, size_t size)
{
	return realloc(p, size ? size : 1);
}

enum {
	MAPPED_FROM =
		512 * 1024,     /* larger blocks are the system's own: their memory goes at once */
	TRIMMED_FROM = 8 << 20, /* at the end of the heap; more would take too long at once */
	KEPT_AT_END = 1 << 20,
};

/* By default the library's thresholds grow with what the program does, until nothing is given back. */
void mem_tune(void)
{
	mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM);
	mallopt(M_TOP_PAD, KEPT_AT_END);
}

void mem_trim(void)
{
	malloc_trim(KEPT_AT_END);
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n + 1);
	if (n) /* an empty span may point nowhere */
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

/* Most texts are short, and are formatted once like this. */
char *mem_printf(const char *fmt, ...)
{
	char text[256];
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	check(n >= 0);
	char *p = mem_alloc((size_t)n + 1);
	if ((size_t)n < sizeof(text))
		memcpy(p, text, (size_t)n + 1);
	else
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
