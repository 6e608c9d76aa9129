/* pattern - paths of files with variables, as SRS's directives have them. Layer: output.
 * [vhost] [app] [stream], [seq] [duration] [timestamp], and pieces of a date in Go's form: [2006]
 * [01] [02] [15] [04] [05] [999]. */
#pragma once
#include "base/buf.h"

/* A variable that only some patterns have. */
struct pattern_text {
	const char *name, *text;
};

struct pattern_values {
	const char *vhost, *app, *stream;
	const struct pattern_text *more; /* NULL, or one without a name behind the last */
	int64_t seq, duration_ms, timestamp;
	int64_t wall_ms; /* for the pieces of the date */
	bool is_utc;
};

/* The path, owned by the caller. */
char *pattern_fill(const char *pattern, const struct pattern_values *v);
/* Whether a name that a client chose may be a part of a path: no part of it is empty or begins with a
 * dot, no control characters, at most 255 bytes a part. */
bool pattern_name_ok(const char *name);
/* `path` as a player finds it that has fetched `list`; both begin at the same folder. Owned by the
 * caller. Characters that a URL must not have are escaped. */
char *pattern_relative(const char *list, const char *path);

/* The names that a path was filled with; NULL where the pattern has none. */
struct pattern_names {
	char *vhost, *app, *stream;
};
/* Whether the path is one of the pattern's; the names are to be released. Where it can be read in more than one
 * way, each name is as long as can be. */
bool pattern_match(const char *pattern, const char *path, struct pattern_names *out);
void pattern_names_fini(struct pattern_names *names);
