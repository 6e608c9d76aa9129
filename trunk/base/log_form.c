#include "base/log_form.h"
#include "base/utf8.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000 };

void log_form_time(char out[static LOG_TIME_MAX], int64_t wall_ms)
{
	time_t s = (time_t)(wall_ms / MS);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(out, LOG_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, LOG_TIME_MAX - n, ".%03dZ", (int)(wall_ms % MS));
}

void log_form_quote(struct buf *out, const char *text, size_t n)
{
	buf_u8(out, '"');
	for (size_t i = 0; i < n;) {
		size_t whole = utf8_printable(text + i, n - i);
		if (text[i] == '"' || text[i] == '\\')
			buf_u8(out, '\\');
		if (whole)
			buf_put(out, text + i, whole);
		else
			buf_u8(out, ' ');
		i += whole ? whole : 1;
	}
	buf_u8(out, '"');
}

void log_form_json(struct buf *out, enum log_level level, int64_t wall_ms, const char *id,
		   const char *text, size_t n)
{
	static const char *const names[] = {"trace", "debug", "info", "warn", "error"};
	char time[LOG_TIME_MAX];
	log_form_time(time, wall_ms);
	buf_printf(out, "{\"ts\":\"%s\",\"level\":\"%s\",\"pid\":%d,\"cid\":\"%s\",\"msg\":", time,
		   names[level], (int)getpid(), id);
	log_form_quote(out, text, n);
	buf_u8(out, '}');
}

void log_form_journal(struct buf *out, enum log_level level, const char *id, const char *text,
		      size_t n)
{
	static const int priorities[] = {7, 7, 6, 4, 3};
	buf_printf(out, "<%d>[%s] %.*s", priorities[level], id, (int)n, text);
}
