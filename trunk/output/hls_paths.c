#include "output/hls_paths.h"
#include "base/mem.h"
#include "output/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the ending of the path begins, or its end. */
static size_t stem_of(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	return dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);
}

char *hls_part_path(const char *segment, int part)
{
	size_t stem = stem_of(segment);
	return mem_printf("%.*s.p%d%s", (int)stem, segment, part, segment + stem);
}

/* Without the number that stands, behind `mark`, in front of the ending; NULL: there is none. */
static char *without_number(const char *path, const char *mark)
{
	size_t stem = stem_of(path), n = stem, m = strlen(mark);
	while (n > 0 && path[n - 1] >= '0' && path[n - 1] <= '9')
		n--;
	if (n == stem || n < m || strncmp(path + n - m, mark, m) != 0)
		return NULL;
	return mem_printf("%.*s%s", (int)(n - m), path, path + stem);
}

static bool fits(const char *pattern, const struct conf_vhost *vhost, const char *path,
		 struct hls_name *name)
{
	struct pattern_names found = {0};
	bool good = path && pattern_match(pattern, path, &found) && found.stream &&
		    (!found.vhost || strcmp(found.vhost, vhost->name) == 0) &&
		    (!found.app || pattern_name_ok(found.app)) && pattern_name_ok(found.stream);
	if (good) {
		struct pattern_values v = {.vhost = vhost->name,
					   .app = found.app ? found.app : "",
					   .stream = found.stream};
		*name = (struct hls_name){.app = mem_strdup(v.app),
					  .stream = mem_strdup(v.stream),
					  .list_path = pattern_fill(vhost->hls.m3u8_file, &v)};
	}
	pattern_names_fini(&found);
	return good;
}

bool hls_name_by_path(const struct conf_vhost *vhost, const char *path, struct hls_name *name,
		      const char **type)
{
	const struct conf_hls *o = &vhost->hls;
	if (*path++ != '/')
		return false;
	char *init = without_number(path, "-"), *part = without_number(path, ".p");
	const struct {
		const char *pattern, *path, *type;
	} rows[] = {
		{o->m3u8_file, path, hls_type_list}, {o->fmp4_file, part, hls_type_mp4},
		{o->ts_file, path, hls_type_ts},     {o->fmp4_file, path, hls_type_mp4},
		{o->init_file, init, hls_type_init}, {o->key_file, path, hls_type_key},
	};
	bool found = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows) && !found; i++) {
		found = fits(rows[i].pattern, vhost, rows[i].path, name);
		*type = rows[i].type;
	}
	free(init);
	free(part);
	return found;
}
