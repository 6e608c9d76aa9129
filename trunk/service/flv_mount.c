/* A pattern is matched by trying: the shortest text for a name first, longer ones when what
 * follows does not fit. Paths are short, and there are two names. */
#include "service/flv_mount.h"
#include "codec/url.h"

#include <strings.h>

static const char vhost_name[] = "[vhost]", app_name[] = "[app]", stream_name[] = "[stream]";

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool match(struct mount *out, const char *pattern, const char *vhost, const char *path);

static bool match_name(struct mount *out, struct span *name, bool slashes, const char *pattern,
		       const char *vhost, const char *path)
{
	if (*path == '/')
		return false;
	for (size_t n = 1; path[n - 1] && (slashes || path[n - 1] != '/'); n++) {
		*name = span_of(path, n);
		if (match(out, pattern, vhost, path + n))
			return true;
	}
	return false;
}

static bool match(struct mount *out, const char *pattern, const char *vhost, const char *path)
{
	while (*pattern) {
		if (starts(pattern, app_name))
			return match_name(out, &out->app, true, pattern + strlen(app_name), vhost,
					  path);
		if (starts(pattern, stream_name))
			return match_name(out, &out->stream, false, pattern + strlen(stream_name),
					  vhost, path);
		if (starts(pattern, vhost_name)) {
			if (!starts(path, vhost))
				return false;
			pattern += strlen(vhost_name);
			path += strlen(vhost);
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path;
}

static bool host_fits(const char *pattern, size_t n, const char *host)
{
	if (n == 0 || (n == strlen(vhost_name) && starts(pattern, vhost_name)))
		return true;
	return strlen(host) == n && strncasecmp(pattern, host, n) == 0;
}

bool mount_match(struct mount *out, const char *pattern, const char *host, const char *vhost,
		 const char *path)
{
	size_t n = strcspn(pattern, "/");
	*out = (struct mount){0};
	/* A name with these in it could not be told from a query. */
	if (strlen(path) >= URL_MAX || strpbrk(path, "?#") || !host_fits(pattern, n, host))
		return false;
	if (!match(out, pattern + n, vhost, path))
		return false;
	/* A pattern without names is a path of its own: its last part is the stream. */
	const char *last = strrchr(path, '/');
	if (!out->stream.n)
		out->stream = span_of(last + 1, strcspn(last + 1, "."));
	if (!out->app.n && last > path)
		out->app = span_of(path + 1, (size_t)(last - path - 1));
	return out->stream.n > 0;
}

bool mount_names_vhost(const char *pattern)
{
	return strstr(pattern + strcspn(pattern, "/"), vhost_name) != NULL;
}
