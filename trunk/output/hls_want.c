#include "output/hls_want.h"
#include "codec/url.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_DIGITS = 15 };

/* False: it is there, and no number. */
static bool read_number(const char *query, const char *name, bool *is_there, int64_t *value)
{
	char text[NUMBER_DIGITS + 2];
	*is_there = param_get(text, sizeof(text), query, name);
	if (!*is_there)
		return true;
	size_t n = strspn(text, "0123456789");
	*value = strtoll(text, NULL, 10);
	return n > 0 && n <= NUMBER_DIGITS && !text[n];
}

bool hls_want_read(struct hls_want *w, const char *query)
{
	char skip[8];
	*w = (struct hls_want){0};
	if (!strstr(query, "_HLS_"))
		return true;
	bool good = read_number(query, "_HLS_msn", &w->waits, &w->number) &&
		    read_number(query, "_HLS_part", &w->for_part, &w->part);
	if (param_get(skip, sizeof(skip), query, "_HLS_skip"))
		w->skips = strcmp(skip, "YES") == 0 || strcmp(skip, "v2") == 0;
	return good && (w->waits || !w->for_part);
}

void hls_want_write(struct buf *out, const struct hls_want *w)
{
	if (w->waits)
		buf_printf(out, "_HLS_msn=%lld", (long long)w->number);
	if (w->for_part)
		buf_printf(out, "&_HLS_part=%lld", (long long)w->part);
	if (w->skips)
		buf_printf(out, "%s_HLS_skip=YES", w->waits ? "&" : "");
}
