/* Any bytes as a playlist: numbers have no gaps, and no path leads out of the folder. */
#include "base/check.h"
#include "output/hls_list_read.h"
#include "output/pattern.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_segment(const struct hls_read_segment *s)
{
	char *path = hls_read_path("live/sub/a.m3u8", s->uri);
	char *uri = s->key ? hls_read_uri(s->key) : NULL;
	check(!path || (pattern_name_ok(path) && path[0] != '/' && strncmp(path, "../", 3) != 0 &&
			!strstr(path, "/../")));
	check(s->duration_ms > 0 && s->wall_ms >= 0 && s->number >= 0);
	free(path);
	free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hls_read_list list = {0};
	if (hls_list_read(&list, span_of(data, n)))
		check(list.count > 0 && list.target_s > 0);
	for (size_t i = 0; i < list.count; i++)
		read_segment(&list.v[i]);
	hls_list_read_fini(&list);
	return 0;
}
