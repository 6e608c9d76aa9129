#include "output/hls_list_read.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/url.h"
#include "output/pattern.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEGMENTS_MAX = 20000, LINE_MAX_BYTES = 16384, DURATION_MAX_S = 86400 };
#define NUMBER_MAX ((int64_t)1 << 52)

struct list_reading {
	struct hls_read_list *list;
	struct hls_read_segment next; /* what has been said of it */
	bool has_duration, is_bad;
};

static void segment_fini(struct hls_read_segment *s)
{
	free(s->uri);
	free(s->init);
	free(s->key);
}

void hls_list_read_fini(struct hls_read_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		segment_fini(&list->v[i]);
	free(list->v);
	*list = (struct hls_read_list){0};
}

/* Digits from there on; below 0: there are none, or too many. */
static int64_t read_number(const char *text, const char **end)
{
	size_t n = strspn(text, "0123456789");
	int64_t value = n > 0 && n <= 16 ? strtoll(text, NULL, 10) : -1;
	*end = text + n;
	return value <= NUMBER_MAX ? value : -1;
}

/* "2.04" in milliseconds; what is finer is left out. */
static int64_t read_ms(const char *text, const char **end)
{
	int64_t s = read_number(text, end), ms = 0;
	if (s < 0 || s > DURATION_MAX_S)
		return -1;
	if (**end != '.')
		return s * 1000;
	const char *digit = *end + 1;
	for (int64_t unit = 100; unit > 0 && *digit >= '0' && *digit <= '9'; unit /= 10, digit++)
		ms += (*digit - '0') * unit;
	*end = digit;
	return s * 1000 + ms;
}

/* "2026-11-29T10:00:00.123Z" in milliseconds since 1970; 0: it is of another form. */
static int64_t read_date(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm), *end;
	if (!rest)
		return 0;
	int64_t fraction = 0;
	if (*rest == '.') {
		char *whole = mem_printf("0%.4s", rest);
		fraction = read_ms(whole, &end);
		free(whole);
	}
	int64_t s = timegm(&tm);
	return s > 0 && fraction >= 0 ? s * 1000 + fraction : 0;
}

char *hls_read_uri(const char *attributes)
{
	const char *at = strstr(attributes, "URI=\"");
	const char *end = at ? strchr(at + 5, '"') : NULL;
	return end ? mem_strndup(at + 5, (size_t)(end - at - 5)) : NULL;
}

static void set(char **text, char *value)
{
	free(*text);
	*text = value;
}

/* The rest of a line behind this tag; NULL: it has another one. */
static const char *behind(const char *line, const char *tag)
{
	size_t n = strlen(tag);
	return strncmp(line, tag, n) == 0 ? line + n : NULL;
}

static void take_number(struct list_reading *r, const char *text, int64_t *to)
{
	const char *end;
	*to = read_number(text, &end);
	r->is_bad |= *to < 0;
}

static void take_segment_tag(struct list_reading *r, const char *line)
{
	struct hls_read_segment *s = &r->next;
	const char *v, *end;
	if ((v = behind(line, "#EXTINF:"))) {
		s->duration_ms = read_ms(v, &end);
		r->has_duration = s->duration_ms > 0;
		r->is_bad |= s->duration_ms < 0;
	} else if (strcmp(line, "#EXT-X-DISCONTINUITY") == 0) {
		s->is_discontinuous = true;
	} else if ((v = behind(line, "#EXT-X-PROGRAM-DATE-TIME:"))) {
		s->wall_ms = read_date(v);
	} else if ((v = behind(line, "#EXT-X-MAP:"))) {
		set(&s->init, hls_read_uri(v));
	} else if ((v = behind(line, "#EXT-X-KEY:"))) {
		set(&s->key, strstr(v, "METHOD=NONE") ? NULL : mem_strdup(v));
	}
}

static void take_tag(struct list_reading *r, const char *line)
{
	struct hls_read_list *l = r->list;
	const char *v;
	if ((v = behind(line, "#EXT-X-MEDIA-SEQUENCE:")))
		take_number(r, v, &l->number);
	else if ((v = behind(line, "#EXT-X-DISCONTINUITY-SEQUENCE:")))
		take_number(r, v, &l->discontinuities);
	else if ((v = behind(line, "#EXT-X-TARGETDURATION:")))
		take_number(r, v, &l->target_s);
	else if ((v = behind(line, "#SRS-CLOCK:")))
		l->clock_ms = strtoll(v, NULL, 10);
	else
		take_segment_tag(r, line);
}

/* Key and init are for the segments behind it, too. */
static void take_uri(struct list_reading *r, const char *line)
{
	struct hls_read_list *l = r->list;
	if (!r->has_duration || l->count == SEGMENTS_MAX) {
		r->is_bad = true;
		return;
	}
	vec_reserve(l->v, l->room, l->count + 1);
	struct hls_read_segment *s = &l->v[l->count];
	*s = r->next;
	s->uri = mem_strdup(line);
	s->init = s->init ? mem_strdup(s->init) : NULL;
	s->key = s->key ? mem_strdup(s->key) : NULL;
	s->number = l->number + (int64_t)l->count++;
	r->next.is_discontinuous = r->has_duration = false;
	r->next.wall_ms = 0;
}

static void take_line(struct list_reading *r, const char *line)
{
	if (*line == '#')
		take_tag(r, line);
	else if (*line)
		take_uri(r, line);
}

bool hls_list_read(struct hls_read_list *list, struct span text)
{
	struct list_reading r = {.list = list};
	const char *p = (const char *)text.p, *end = p + text.n;
	if (text.n < 7 || memcmp(p, "#EXTM3U", 7) != 0)
		return false;
	while (p < end && !r.is_bad) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = stop ? (size_t)(stop - p) : (size_t)(end - p);
		r.is_bad |= n > LINE_MAX_BYTES;
		char *line = mem_strndup(p, n);
		line[strcspn(line, "\r")] = '\0';
		if (!r.is_bad)
			take_line(&r, line);
		free(line);
		p += n + (stop ? 1 : 0);
	}
	segment_fini(&r.next);
	return !r.is_bad && list->count > 0 && list->target_s > 0;
}

/* The length of the folder that a path of so many bytes is in, with its slash. */
static size_t folder_of(const char *path, size_t n)
{
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n;
}

char *hls_read_path(const char *list, const char *uri)
{
	size_t n = strlen(uri) + 1, folder = folder_of(list, strlen(list));
	char *plain = mem_alloc(n), *path = NULL;
	const char *rest = plain;
	if (url_unescape(plain, n, span_of(uri, n - 1)) != OK)
		*plain = '\0';
	for (; folder > 0 && strncmp(rest, "../", 3) == 0; rest += 3)
		folder = folder_of(list, folder - 1);
	if (pattern_name_ok(rest))
		path = mem_printf("%.*s%s", (int)folder, list, rest);
	free(plain);
	return path;
}
