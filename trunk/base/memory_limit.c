#include "base/memory_limit.h"
#include "base/mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static size_t least(size_t a, uint64_t b)
{
	return b < a ? (size_t)b : a;
}

static FILE *open_under(const char *root, const char *folder, const char *path, const char *name)
{
	char *all = mem_printf("%s%s%s%s", root, folder, path, name);
	FILE *f = fopen(all, "re");
	free(all);
	return f;
}

/* The number at the beginning of the text; none where there is none, such as for "max". */
static uint64_t number_of(const char *text)
{
	char *end;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	return end == text || errno ? UINT64_MAX : n;
}

/* A file of one number. */
static size_t read_number(const char *root, const char *folder, const char *path, const char *name)
{
	char line[64];
	FILE *f = open_under(root, folder, path, name);
	if (!f)
		return SIZE_MAX;
	uint64_t n = fgets(line, sizeof(line), f) ? number_of(line) : UINT64_MAX;
	fclose(f);
	return least(SIZE_MAX, n);
}

static size_t machine(const char *root)
{
	static const char total[] = "MemTotal:";
	char line[128];
	uint64_t kb = UINT64_MAX;
	FILE *f = open_under(root, "/proc/meminfo", "", "");
	if (!f)
		return SIZE_MAX;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, total, sizeof(total) - 1) == 0)
			kb = number_of(line + sizeof(total) - 1);
	fclose(f);
	return kb > SIZE_MAX / 1024 ? SIZE_MAX : (size_t)kb * 1024;
}

/* A group and all above it: each may be the one that limits. `path` is written over. */
static size_t group(const char *root, const char *folder, char *path, const char *name)
{
	size_t limit = SIZE_MAX;
	for (;;) {
		limit = least(limit, read_number(root, folder, path, name));
		char *slash = strrchr(path, '/');
		if (!slash)
			return limit;
		*slash = '\0';
	}
}

/* Lines of /proc/self/cgroup: "0::/path" is version 2, "4:memory:/path" version 1. In a container the
 * path may be that of the host, of which only the root can be seen. */
static size_t groups(const char *root)
{
	char line[1024];
	size_t limit = SIZE_MAX;
	FILE *f = open_under(root, "/proc/self/cgroup", "", "");
	if (!f)
		return SIZE_MAX;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
		if (!path)
			continue;
		if (path == names + 1)
			limit = least(limit,
				      group(root, "/sys/fs/cgroup", path + 1, "/memory.max"));
		else if (strstr(names, "memory"))
			limit = least(limit, group(root, "/sys/fs/cgroup/memory", path + 1,
						   "/memory.limit_in_bytes"));
	}
	fclose(f);
	return limit;
}

size_t memory_limit(const char *root)
{
	struct rlimit space;
	size_t limit = least(machine(root), groups(root));
	if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
		limit = least(limit, space.rlim_cur);
	return limit;
}
