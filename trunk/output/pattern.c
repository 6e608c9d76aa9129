#include "output/pattern.h"
#include "base/mem.h"
#include "codec/url.h"

#include <stdlib.h>
#include <time.h>

enum { PATH_MAX_BYTES = 4096, PART_MAX = 255 };

/* A piece of the date by its name in Go's form; false: it is none. */
static bool put_date(struct buf *b, struct span name, const struct pattern_values *v)
{
	time_t seconds = (time_t)(v->wall_ms / 1000);
	struct tm tm;
	if (v->is_utc)
		gmtime_r(&seconds, &tm);
	else
		localtime_r(&seconds, &tm);
	const struct {
		const char *name;
		int value, digits;
	} pieces[] = {
		{"2006", tm.tm_year + 1900, 4},
		{"01", tm.tm_mon + 1, 2},
		{"02", tm.tm_mday, 2},
		{"15", tm.tm_hour, 2},
		{"04", tm.tm_min, 2},
		{"05", tm.tm_sec, 2},
		{"999", (int)(v->wall_ms % 1000), 3},
	};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		if (span_is(name, pieces[i].name)) {
			buf_printf(b, "%0*d", pieces[i].digits, pieces[i].value);
			return true;
		}
	return false;
}

static bool put_variable(struct buf *b, struct span name, const struct pattern_values *v)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"vhost", v->vhost}, {"app", v->app}, {"stream", v->stream}};
	const struct {
		const char *name;
		int64_t number;
	} numbers[] = {{"seq", v->seq}, {"duration", v->duration_ms}, {"timestamp", v->timestamp}};
	for (size_t i = 0; i < 3; i++) {
		if (span_is(name, texts[i].name)) {
			buf_put(b, texts[i].text, strlen(texts[i].text));
			return true;
		}
		if (span_is(name, numbers[i].name)) {
			buf_printf(b, "%lld", (long long)numbers[i].number);
			return true;
		}
	}
	for (const struct pattern_text *t = v->more; t && t->name; t++)
		if (span_is(name, t->name)) {
			buf_put(b, t->text, strlen(t->text));
			return true;
		}
	return put_date(b, name, v);
}

char *pattern_fill(const char *pattern, const struct pattern_values *v)
{
	struct buf b = {.max = PATH_MAX_BYTES};
	while (*pattern) {
		const char *end = *pattern == '[' ? strchr(pattern, ']') : NULL;
		if (end && put_variable(&b, span_of(pattern + 1, (size_t)(end - pattern - 1)), v))
			pattern = end + 1;
		else
			buf_u8(&b, (uint8_t)*pattern++);
	}
	char *path = mem_strdup(buf_text(&b));
	buf_free(&b);
	return path;
}

bool pattern_name_ok(const char *name)
{
	for (const char *part = name;; part++) {
		size_t n = strcspn(part, "/");
		if (n == 0 || n > PART_MAX || *part == '.')
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)part[i] < 32 || part[i] == 127 || part[i] == '\\')
				return false;
		part += n;
		if (!*part)
			return true;
	}
}

char *pattern_relative(const char *list, const char *path)
{
	struct buf b = {.max = 3 * PATH_MAX_BYTES};
	size_t common = 0;
	for (size_t i = 0; list[i] && list[i] == path[i]; i++)
		if (list[i] == '/')
			common = i + 1;
	for (const char *p = list + common; (p = strchr(p, '/')); p++)
		buf_put(&b, "../", 3);
	for (const char *p = path + common; *p;) {
		size_t n = strcspn(p, "/");
		char *part = mem_strndup(p, n);
		url_escape(&b, part);
		free(part);
		p += n;
		if (*p == '/')
			buf_u8(&b, (uint8_t)*p++);
	}
	char *uri = mem_strdup(buf_text(&b));
	buf_free(&b);
	return uri;
}
