/* Any two lines as tcUrl and stream name, and the first one as an HTTP URL. */
#include "base/check.h"
#include "base/mem.h"
#include "codec/url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct target *t)
{
	static char out[URL_MAX];
	char *key = stream_key(t->vhost, t->app, t->stream);
	check(strlen(t->host) < URL_MAX && strlen(t->vhost) < URL_MAX);
	check(strlen(t->app) < URL_MAX && strlen(t->stream) < URL_MAX);
	check(*t->app && !strchr(t->stream, '/') && strlen(t->param) < URL_MAX);
	param_remove(out, t->param, "vhost");
	check(strlen(out) <= strlen(t->param) && !param_get(out, sizeof(out), out, "vhost"));
	struct buf b = {.max = 3 * URL_MAX};
	url_escape(&b, t->stream);
	check(url_unescape(out, sizeof(out), buf_span(&b)) == OK && !strcmp(out, t->stream));
	buf_free(&b);
	free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct http_url url;
	char *text = mem_strndup((const char *)data, n);
	char *line = strchr(text, '\n');
	if (line)
		*line++ = '\0';
	struct target t;
	if (target_parse(&t, text, line ? line : "") == OK) {
		use(&t);
		target_fini(&t);
	}
	if (http_url_parse(&url, text) == OK)
		check(url.port > 0 && *url.host && *url.path == '/');
	free(text);
	return 0;
}
