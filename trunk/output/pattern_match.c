#include "base/mem.h"
#include "output/pattern.h"

#include <stdlib.h>
#include <string.h>

/* A path of this length has few enough ways to be read. */
enum { MATCH_MAX = 1024, STEPS_MAX = 100000 };

struct match {
	struct span vhost, app, stream; /* .p NULL: not met yet */
	int steps;
};

static struct span *name_of(struct match *m, struct span variable)
{
	return span_is(variable, "vhost")    ? &m->vhost
	       : span_is(variable, "app")    ? &m->app
	       : span_is(variable, "stream") ? &m->stream
					     : NULL;
}

static bool is_number(struct span variable)
{
	static const char *const names[] = {"seq", "duration", "timestamp", "2006", "01",
					    "02",  "15",       "04",        "05",   "999"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_is(variable, names[i]))
			return true;
	return false;
}

static bool match_from(struct match *m, const char *pattern, const char *path);

/* The longest name first: an app may hold slashes, and a stream the number of another one. */
static bool match_name(struct match *m, struct span *name, const char *rest, const char *path)
{
	if (name->p)
		return strncmp(path, (const char *)name->p, name->n) == 0 &&
		       match_from(m, rest, path + name->n);
	for (size_t n = strlen(path); n > 0; n--) {
		*name = span_of(path, n);
		if (match_from(m, rest, path + n))
			return true;
	}
	*name = (struct span){0};
	return false;
}

static bool match_number(struct match *m, const char *rest, const char *path)
{
	for (size_t n = strspn(path, "0123456789"); n > 0; n--)
		if (match_from(m, rest, path + n))
			return true;
	return false;
}

static bool match_from(struct match *m, const char *pattern, const char *path)
{
	for (; m->steps < STEPS_MAX; pattern++, path++) {
		m->steps++;
		const char *end = *pattern == '[' ? strchr(pattern, ']') : NULL;
		struct span variable =
			end ? span_of(pattern + 1, (size_t)(end - pattern - 1)) : span_str("");
		struct span *name = end ? name_of(m, variable) : NULL;
		if (name)
			return match_name(m, name, end + 1, path);
		if (end && is_number(variable))
			return match_number(m, end + 1, path);
		if (*pattern != *path)
			return false;
		if (!*pattern)
			return true;
	}
	return false;
}

static char *copy(struct span s)
{
	return s.p ? mem_strndup((const char *)s.p, s.n) : NULL;
}

bool pattern_match(const char *pattern, const char *path, struct pattern_names *out)
{
	struct match m = {0};
	*out = (struct pattern_names){0};
	if (strlen(path) > MATCH_MAX || !match_from(&m, pattern, path))
		return false;
	*out = (struct pattern_names){copy(m.vhost), copy(m.app), copy(m.stream)};
	return true;
}

void pattern_names_fini(struct pattern_names *names)
{
	free(names->vhost);
	free(names->app);
	free(names->stream);
	*names = (struct pattern_names){0};
}
