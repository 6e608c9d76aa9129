/* span - bytes that belong to somebody else: a pointer and a length, passed by value. Layer: base. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p;
	size_t n;
};

static inline struct span span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}

static inline struct span span_str(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

static inline bool span_is(struct span a, const char *s)
{
	return a.n == strlen(s) && (a.n == 0 || memcmp(a.p, s, a.n) == 0);
}

/* The first n bytes. */
static inline struct span span_head(struct span s, size_t n)
{
	return span_of(s.p, n < s.n ? n : s.n);
}

/* Behind the first n bytes. */
static inline struct span span_rest(struct span s, size_t n)
{
	return n < s.n ? span_of(s.p + n, s.n - n) : (struct span){0};
}

static inline bool span_starts(struct span s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Whether the byte is one of the set's, which has no NUL. */
static inline bool byte_is_one_of(uint8_t byte, const char *set)
{
	return byte && strchr(set, byte);
}

/* The index of the first byte that is in the set, or n. */
static inline size_t span_find(struct span s, const char *set)
{
	size_t i = 0;
	while (i < s.n && !byte_is_one_of(s.p[i], set))
		i++;
	return i;
}

/* Without the bytes of the set at both ends. */
static inline struct span span_trim(struct span s, const char *set)
{
	while (s.n && byte_is_one_of(s.p[0], set))
		s = span_rest(s, 1);
	while (s.n && byte_is_one_of(s.p[s.n - 1], set))
		s.n--;
	return s;
}

/* The decimal number that the whole text is, up to `max`; -1: it is none. */
static inline int64_t span_number(struct span s, int64_t max)
{
	int64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
		if (v > max)
			return -1;
	}
	return s.n ? v : -1;
}
