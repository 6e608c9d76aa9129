/* The time of sending, as publishers of the benchmark write it into what they send. */
#include "bench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char mark[8] = {'s', 'r', 's', '_', 'b', 'e', 'n', 'c'};

void stamp_write(uint8_t *p, int64_t us)
{
	memcpy(p, mark, sizeof(mark));
	for (int i = 0; i < 8; i++)
		p[8 + i] = (uint8_t)((uint64_t)us >> (56 - 8 * i));
}

bool stamp_read(const uint8_t *p, int64_t *us)
{
	uint64_t v = 0;
	if (memcmp(p, mark, sizeof(mark)) != 0)
		return false;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[8 + i];
	*us = (int64_t)v;
	return true;
}

void stamp_write_text(char *p, int64_t us)
{
	char text[STAMP_TEXT + 1];
	snprintf(text, sizeof(text), "%.8s%016" PRIx64, mark, (uint64_t)us);
	memcpy(p, text, STAMP_TEXT);
}

bool stamp_find(struct span bytes, int64_t *us)
{
	char digits[17] = "";
	const uint8_t *at = memmem(bytes.p, bytes.n, mark, sizeof(mark));
	if (!at || bytes.n - (size_t)(at - bytes.p) < STAMP_TEXT)
		return false;
	memcpy(digits, at + sizeof(mark), 16);
	*us = (int64_t)strtoull(digits, NULL, 16);
	return true;
}
