/* mem - allocation. Layer: base.
 * Small objects whose size the program chose abort the process when there is no memory, since
 * nothing sensible is left to do. Sizes that a peer chose meet a limit before they come here, and
 * large ones may fail: that ends one connection. */
#pragma once
#include <stddef.h>

/* Zeroed memory, never NULL. free() releases it. */
void *mem_zalloc(size_t size);
void *mem_alloc(size_t size);
void *mem_realloc(void *p, size_t size);
/* For sizes that a peer has a say in: NULL when there is no memory, and what p points at stays. */
void *mem_try_alloc(size_t size);
void *mem_try_realloc(void *p, size_t size);
/* At start, for the whole process: freed memory goes back to the system in small steps. */
void mem_tune(void);
/* Gives back to the system what is free. Takes time: about 0.2 ms a megabyte. */
void mem_trim(void);
char *mem_strdup(const char *s);
/* Exactly n bytes, none of which may be the end of the text, and a NUL. */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A zeroed struct: struct source *s = mem_new(struct source); */
#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

/* The struct around one of its members: struct pull *p = container_of(feeder, struct pull, feeder); */
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define container_of_const(p, type, member)                                                        \
	((const type *)((const char *)(p)-offsetof(type, member)))
