#include "service/hls_origin.h"
#include "base/mem.h"

#include <stdlib.h>

static char *key_of(const struct hls_asked *asked)
{
	return stream_key(asked->vhost->name, asked->name.app, asked->name.stream);
}

const struct hls_origin *hls_origin_find(const struct map *map, const struct hls_asked *asked)
{
	char *key = key_of(asked);
	const struct hls_origin *o = map_get(map, key);
	free(key);
	return o;
}

struct hls_origin *hls_origin_enter(struct map *map, const struct hls_asked *asked)
{
	char *key = key_of(asked);
	struct hls_origin *o = map_get(map, key);
	if (!o) {
		o = mem_new(struct hls_origin);
		o->key = mem_strdup(key);
		(void)map_set(map, key, o);
	}
	free(key);
	o->files++;
	return o;
}

void hls_origin_leave(struct map *map, struct hls_origin *o)
{
	if (--o->files > 0)
		return;
	(void)map_remove(map, o->key);
	conf_unref(&o->conf);
	free(o->from);
	free(o->key);
	free(o);
}

void hls_origin_remember(struct hls_origin *o, struct conf *conf, const char *name)
{
	conf_unref(&o->conf);
	free(o->from);
	o->conf = conf_ref(conf);
	o->from = mem_strdup(name);
}

const char *hls_origin_name(const struct hls_origin *o, const struct conf *conf)
{
	return o->conf == conf && o->from ? o->from : "";
}
