/* The trail is one line of text per coroutine, allocated at its first error: a connection that
 * never fails pays one pointer for it. Running out of memory here costs the words, not the code. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *slug;
	enum err_severity severity;
	const char *text;
} rows[] = {
	[OK] = {"ok", ERR_QUIET, "no error"},
#define X(id, slug, severity, text) [ERR_##id] = {slug, ERR_##severity, text},
#include "base/err_list.h"
#undef X
};

static char *root_trail;
static char **root_slot(void)
{
	return &root_trail;
}
static char **(*trail_slot)(void) = root_slot;

void err_set_trail_slot(char **(*slot)(void))
{
	trail_slot = slot ? slot : root_slot;
}

const char *err_slug(err e)
{
	return rows[e].slug;
}

const char *err_text(err e)
{
	return rows[e].text;
}

enum err_severity err_severity(err e)
{
	return rows[e].severity;
}

static char *trail_get(void)
{
	char **slot = trail_slot();
	if (!*slot) {
		*slot = malloc(ERR_TRAIL_MAX);
		if (*slot)
			**slot = '\0';
	}
	return *slot;
}

err err_fail(err e, const char *fmt, ...)
{
	char *trail = trail_get();
	if (trail) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(trail, ERR_TRAIL_MAX, fmt, ap);
		va_end(ap);
	}
	return e;
}

err err_sys(err e, const char *fmt, ...)
{
	int number = errno;
	char *trail = trail_get();
	if (trail) {
		va_list ap;
		va_start(ap, fmt);
		int n = vsnprintf(trail, ERR_TRAIL_MAX, fmt, ap);
		va_end(ap);
		if (n >= 0 && n < ERR_TRAIL_MAX)
			snprintf(trail + n, (size_t)(ERR_TRAIL_MAX - n), ": %s", strerror(number));
	}
	errno = number;
	return e;
}

err err_add(err e, const char *fmt, ...)
{
	static char line[ERR_TRAIL_MAX]; /* nothing here switches coroutines */
	char *trail = trail_get();
	if (!trail)
		return e;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n >= 0 && n < ERR_TRAIL_MAX)
		snprintf(line + n, sizeof(line) - (size_t)n, ": %s", *trail ? trail : err_text(e));
	memcpy(trail, line, sizeof(line));
	return e;
}

const char *err_trail(err e)
{
	char **slot = trail_slot();
	return *slot && **slot ? *slot : err_text(e);
}

void err_clear(void)
{
	char **slot = trail_slot();
	if (*slot)
		**slot = '\0';
}
