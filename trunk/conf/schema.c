/* The table, put together from its parts. */
#include "conf/schema.h"
#include "conf/schema_rows.h"

#include <string.h>

static const struct schema_part *const parts[] = {
	&schema_process, &schema_http,    &schema_tls, &schema_vhost,
	&schema_cluster, &schema_remux,   &schema_hls, &schema_dvr,
	&schema_access,  &schema_outside, &schema_rtc, &schema_srs,
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

const struct row *schema_first(void)
{
	return parts[0]->rows;
}

const struct row *schema_next(const struct row *row)
{
	for (int i = 0; i < PARTS; i++) {
		const struct row *end = parts[i]->rows + parts[i]->count;
		if (row < parts[i]->rows || row >= end)
			continue;
		if (row + 1 < end)
			return row + 1;
		return i + 1 < PARTS ? parts[i + 1]->rows : NULL;
	}
	return NULL;
}

const struct row *schema_find(const char *path)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (strcmp(row->path, path) == 0)
			return row;
	}
	return NULL;
}

const char *row_name(const struct row *row)
{
	const char *dot = strrchr(row->path, '.');
	return dot ? dot + 1 : row->path;
}

bool row_is_in(const struct row *row, const char *block)
{
	size_t n = (size_t)(row_name(row) - row->path);
	return n == 0 ? !*block : n == strlen(block) + 1 && strncmp(row->path, block, n - 1) == 0;
}

bool row_is_vhost(const struct row *row)
{
	return strncmp(row->path, "vhost.", 6) == 0;
}

bool row_is_value(const struct row *row)
{
	return row->kind != ROW_BLOCK && row->kind != ROW_UNSUPPORTED && row->kind != ROW_IGNORED;
}
