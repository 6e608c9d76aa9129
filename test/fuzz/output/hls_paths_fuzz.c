/* Any two lines as a path and a query. */
#include "base/check.h"
#include "base/mem.h"
#include "output/hls_paths.h"
#include "output/hls_want.h"
#include "output/pattern.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_path(const char *path)
{
	static struct conf_vhost vhost = {
		.name = "v",
		.hls = {.m3u8_file = "[vhost]/[app]/[stream].m3u8",
			.ts_file = "[app]/[stream]/[2006]-[stream]-[seq].ts",
			.fmp4_file = "[app][stream]-[seq].m4s",
			.init_file = "[stream].mp4",
			.key_file = "[app]/[stream].key"},
	};
	struct hls_name name = {0};
	const char *type;
	if (!hls_name_by_path(&vhost, path, &name, &type))
		return;
	check(pattern_name_ok(name.stream) && type);
	check(!*name.app || pattern_name_ok(name.app));
	hls_name_fini(&name);
}

static void read_query(const char *query)
{
	struct hls_want want, again;
	struct buf text = {.max = 256};
	if (!hls_want_read(&want, query))
		return;
	hls_want_write(&text, &want);
	check(buf_ok(&text) && hls_want_read(&again, buf_text(&text)));
	check(again.waits == want.waits && again.number == want.number && again.part == want.part &&
	      again.skips == want.skips);
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = mem_strndup((const char *)data, n);
	char *line = strchr(text, '\n');
	if (line)
		*line++ = '\0';
	read_path(text);
	read_query(line ? line : "");
	free(text);
	return 0;
}
