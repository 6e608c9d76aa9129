/* URLs, of which one stands for many. */
#include "bench.h"

#include <string.h>

void url_numbered(char *out, size_t cap, int index)
{
	int number = opt.streams ? index % opt.streams : index;
	const char *mark = strstr(opt.url, "%d");
	if (mark)
		snprintf(out, cap, "%.*s%d%s", (int)(mark - opt.url), opt.url, opt.first + number,
			 mark + 2);
	else
		snprintf(out, cap, "%s", opt.url);
}

bool url_read(struct url *url, const char *text)
{
	const char *host = strstr(text, "://");
	if (!host || (size_t)(host - text) >= sizeof(url->scheme))
		return false;
	memset(url, 0, sizeof(*url));
	memcpy(url->scheme, text, (size_t)(host - text));
	host += 3;
	size_t n = strcspn(host, "/"), port = strcspn(host, ":/");
	if (port >= sizeof(url->host))
		return false;
	memcpy(url->host, host, port);
	if (host[port] == ':')
		snprintf(url->port, sizeof(url->port), "%.*s", (int)(n - port - 1),
			 host + port + 1);
	else
		snprintf(url->port, sizeof(url->port), "%s",
			 strcmp(url->scheme, "http") ? "1935" : "80");
	const char *path = host + n + (host[n] == '/'), *query = strchr(path, '?');
	const char *end = query ? query : path + strlen(path), *slash = end;
	while (slash > path && slash[-1] != '/')
		slash--;
	snprintf(url->stream, sizeof(url->stream), "%s", slash);
	snprintf(url->app, sizeof(url->app), "%.*s", slash > path ? (int)(slash - path - 1) : 0,
		 path);
	return true;
}
