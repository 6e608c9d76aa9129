#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* The length of a character by its first byte; 0 when none begins so. */
static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Characters that are longer than they need to be, halves of a pair, and what lies beyond the last one. */
static bool is_valid(uint32_t c, size_t n)
{
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	return c >= lowest[n] && (c < 0xD800 || c > 0xDFFF) && c <= 0x10FFFF;
}

static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) ||      /* C0, DEL, C1 */
	       c == 0x61C || c == 0x200E || c == 0x200F || /* direction marks */
	       (c >= 0x2028 && c <= 0x202E) ||             /* separators, embeddings */
	       (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF || c == 0xFFF9 || /* isolates, others */
	       c == 0xFFFA || c == 0xFFFB;
}

size_t utf8_printable(const char *p, size_t n)
{
	size_t size = n ? length_of((uint8_t)*p) : 0;
	if (size == 0 || size > n)
		return 0;
	uint32_t c = size == 1 ? (uint8_t)*p : (uint8_t)*p & (0x7Fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (((uint8_t)p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | ((uint8_t)p[i] & 0x3F);
	}
	return is_valid(c, size) && !is_harmful(c) ? size : 0;
}
