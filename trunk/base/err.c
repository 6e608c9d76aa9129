/* The trail is the last message of a coroutine and the code that it is of, allocated at its first error: a
 * connection that never fails pays one pointer for it. Running out of memory here costs the message, not
 * the code. */
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

static struct err_trail *root_trail;
static struct err_trail **root_slot(void)
{
	return &root_trail;
}
static struct err_trail **(*trail_slot)(void) = root_slot;

void err_set_trail_slot(struct err_trail **(*slot)(void))
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

/* The words of `e` that are kept; NULL when those are of another error, or none. */
static const char *words_of(err e)
{
	const struct err_trail *trail = *trail_slot();
	return trail && trail->code == e ? trail->words : NULL;
}

/* Keeps `line` as the words of `e`. */
static void keep(err e, const char *line)
{
	struct err_trail **slot = trail_slot();
	if (!*slot)
		*slot = malloc(sizeof(**slot));
	if (!*slot)
		return;
	(*slot)->code = e;
	memcpy((*slot)->words, line, ERR_WORDS_MAX);
}

/* Words, then ": " and `tail` unless it is NULL. They are made in memory of their own, since an argument
 * may be the trail itself; nothing here switches coroutines. */
__attribute__((format(printf, 2, 0))) static void put(err e, const char *fmt, va_list ap,
						      const char *tail)
{
	static char line[ERR_WORDS_MAX];
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	if (tail && n >= 0 && n < ERR_WORDS_MAX)
		snprintf(line + n, sizeof(line) - (size_t)n, ": %s", tail);
	keep(e, line);
}

err err_fail(err e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(e, fmt, ap, NULL);
	va_end(ap);
	return e;
}

err err_sys(err e, const char *fmt, ...)
{
	int number = errno;
	va_list ap;
	va_start(ap, fmt);
	put(e, fmt, ap, strerror(number));
	va_end(ap);
	errno = number;
	return e;
}

err err_add(err e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	put(e, fmt, ap, err_trail(e));
	va_end(ap);
	return e;
}

err err_plain(err e)
{
	if (words_of(e))
		(*trail_slot())->code = OK;
	return e;
}

const char *err_trail(err e)
{
	const char *words = words_of(e);
	return words ? words : err_text(e);
}
