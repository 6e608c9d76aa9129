#include "service/hls_known.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 200, AHEAD_SEGMENTS = 2, AHEAD_MS = 3000, SECONDS_MAX = 3600 };
#define NUMBER_MAX ((int64_t)1 << 52)

/* The number behind a text in the line: digits, perhaps with three behind a point. NULL: it is not there. */
static const char *behind(const char *line, const char *text)
{
	const char *at = strstr(line, text);
	return at ? at + strlen(text) : NULL;
}

static int64_t number_behind(const char *line, const char *text)
{
	const char *at = behind(line, text);
	int64_t n = at ? strtoll(at, NULL, 10) : 0;
	return n < 0 || n > NUMBER_MAX ? 0 : n;
}

static int64_t ms_behind(const char *line, const char *text)
{
	const char *at = behind(line, text);
	double s = at ? strtod(at, NULL) : 0;
	return s > 0 && s < SECONDS_MAX ? (int64_t)(s * 1000 + 0.5) : 0;
}

static bool begins(const char *line, const char *text)
{
	return strncmp(line, text, strlen(text)) == 0;
}

/* A list may say it again and again. */
static void skip(struct hls_known *k, int64_t segments)
{
	if (k->last + segments <= NUMBER_MAX)
		k->last += segments;
}

static void take_line(struct hls_known *k, const char *line)
{
	if (begins(line, "#EXTINF:")) {
		k->last++;
		k->last_parts = k->open_parts;
		k->open_parts = 0;
	} else if (begins(line, "#EXT-X-PART:")) {
		k->open_parts++;
	} else if (begins(line, "#EXT-X-MEDIA-SEQUENCE:")) {
		k->last = number_behind(line, ":") - 1;
	} else if (begins(line, "#EXT-X-SKIP:")) {
		skip(k, number_behind(line, "SKIPPED-SEGMENTS="));
	} else if (begins(line, "#EXT-X-TARGETDURATION:")) {
		k->target_ms = number_behind(line, ":") % SECONDS_MAX * 1000;
	} else if (begins(line, "#EXT-X-PART-INF:")) {
		k->part_ms = ms_behind(line, "PART-TARGET=");
	} else if (begins(line, "#EXT-X-SERVER-CONTROL:")) {
		k->waits = strstr(line, "CAN-BLOCK-RELOAD=YES") != NULL;
	} else if (begins(line, "#EXT-X-ENDLIST")) {
		k->is_ended = true;
	}
}

void hls_known_read(struct hls_known *out, struct span list, int64_t now_ms)
{
	*out = (struct hls_known){.is_known = true, .last = -1, .made_ms = now_ms};
	while (list.n > 0) {
		char line[LINE_MAX_BYTES];
		const uint8_t *end = memchr(list.p, '\n', list.n);
		size_t n = end ? (size_t)(end - list.p) : list.n;
		size_t kept = n < sizeof(line) - 1 ? n : sizeof(line) - 1;
		if (*list.p == '#') {
			memcpy(line, list.p, kept);
			line[kept] = '\0';
			take_line(out, line);
		}
		list = span_rest(list, end ? n + 1 : n);
	}
}

bool hls_known_has(const struct hls_known *k, const struct hls_want *want)
{
	if (!want->waits || !k->waits || k->is_ended)
		return true;
	if (want->number < k->last)
		return true;
	if (want->number > k->last)
		return want->number == k->last + 1 && want->for_part && want->part < k->open_parts;
	/* One behind the last part of a segment is the first of the next. */
	return !want->for_part || want->part < k->last_parts || k->open_parts > 0;
}

bool hls_known_is_far(const struct hls_known *k, const struct hls_want *want, int64_t now_ms)
{
	int64_t target = k->target_ms > 0 ? k->target_ms : 1000;
	int64_t passed = (now_ms - k->made_ms) / target + 1;
	if (hls_known_has(k, want))
		return false;
	bool is_far_part = want->for_part && k->part_ms > 0 &&
			   want->part > (2 * target + AHEAD_MS) / k->part_ms;
	return want->number > k->last + AHEAD_SEGMENTS + passed || is_far_part;
}
