/* hls_paths - whose file a path is, by the patterns of a vhost. Layer: output. Pure. */
#pragma once
#include "conf/conf.h"
#include "output/hls.h"

/* The stream that the path ("/live/a-1.ts") is of, and its media type; false: none of HLS. The name is to be
 * released by hls_name_fini(). */
bool hls_name_by_path(const struct conf_vhost *vhost, const char *path, struct hls_name *name,
		      const char **type);
/* "live/a-1.m4s" to "live/a-1.p2.m4s": the path of a part. Owned by the caller. */
char *hls_part_path(const char *segment, int part);
