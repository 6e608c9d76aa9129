/* The table, put together from its parts. */
#include "conf/schema.h"
#include "base/check.h"
#include "conf/schema_rows.h"

#include <string.h>

static const struct schema_part *const parts[] = {
	&schema_process,  &schema_http, &schema_tls, &schema_vhost,  &schema_cluster,
	&schema_remux,    &schema_hls,  &schema_dvr, &schema_access, &schema_outside,
	&schema_programs, &schema_rtc,  &schema_srt, &schema_caster, &schema_srs,
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]), NAMED_MAX = 16 };

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

/* Named blocks are few, and are asked for again and again. */
static const struct row *const *named_rows(int *count)
{
	static const struct row *named[NAMED_MAX];
	static int n;
	for (const struct row *row = n ? NULL : schema_first(); row; row = schema_next(row))
		if (row->named && row->items.size) {
			check(n < NAMED_MAX);
			named[n++] = row;
		}
	*count = n;
	return named;
}

const struct row *row_owner(const struct row *row)
{
	const struct row *owner = NULL;
	size_t best = 0;
	int count;
	const struct row *const *named = named_rows(&count);
	for (int i = 0; i < count; i++) {
		size_t n = strlen(named[i]->path);
		if (n > best && strncmp(row->path, named[i]->path, n) == 0 && row->path[n] == '.') {
			owner = named[i];
			best = n;
		}
	}
	return owner;
}

bool row_is_vhost(const struct row *row)
{
	const struct row *owner = row_owner(row);
	return owner && strcmp(owner->path, "vhost") == 0;
}

bool row_is_value(const struct row *row)
{
	return row->kind != ROW_BLOCK && row->kind != ROW_UNSUPPORTED && row->kind != ROW_IGNORED;
}
