#include "http/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Decimal digits at *p; -1 when there are none. Stops growing far beyond any file. */
static int64_t digits(const char **p)
{
	int64_t v = -1;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (v < INT64_MAX / 20)
			v = (v < 0 ? 0 : v) * 10 + (**p - '0');
	}
	return v;
}

static enum http_range last_bytes(int64_t count, int64_t size, int64_t *from, int64_t *to)
{
	if (count == 0 || size == 0)
		return HTTP_RANGE_UNSATISFIABLE;
	*from = count < size ? size - count : 0;
	*to = size - 1;
	return HTTP_RANGE_ONE;
}

enum http_range http_range_parse(const char *text, int64_t size, int64_t *from, int64_t *to)
{
	if (strncasecmp(text, "bytes=", 6) != 0)
		return HTTP_RANGE_NONE;
	const char *p = text + 6;
	int64_t a = digits(&p);
	if (*p++ != '-')
		return HTTP_RANGE_NONE;
	int64_t b = digits(&p);
	if (*p != '\0' || (a < 0 && b < 0) || (a >= 0 && b >= 0 && b < a))
		return HTTP_RANGE_NONE;
	if (a < 0)
		return last_bytes(b, size, from, to);
	if (a >= size)
		return HTTP_RANGE_UNSATISFIABLE;
	*from = a;
	*to = b < 0 || b >= size ? size - 1 : b;
	return HTTP_RANGE_ONE;
}
