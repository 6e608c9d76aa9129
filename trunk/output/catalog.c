#include "output/catalog.h"
#include "base/mem.h"
#include "base/vec.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, FILES_MAX = 50000, ENDING = 4, PATH_LONGEST = 4096 };

/* ---- names ---- */

char *catalog_pattern(const char *dvr_path)
{
	size_t n = strlen(dvr_path);
	const char *end = dvr_path + (n > ENDING ? n - ENDING : 0);
	bool is_file = strcmp(end, ".flv") == 0 || strcmp(end, ".mp4") == 0;
	return is_file ? mem_strdup(dvr_path) : mem_printf("%s/[stream].[timestamp].flv", dvr_path);
}

char *catalog_folder(const char *pattern)
{
	size_t n = strcspn(pattern, "[");
	while (n > 0 && pattern[n - 1] != '/')
		n--;
	if (n == 0)
		return mem_strdup(".");
	return n == 1 ? mem_strdup("/") : mem_strndup(pattern, n - 1);
}

/* A variable of a pattern: what may stand for it. */
struct variable {
	const char *name;
	enum { DIGITS, PART, PARTS } kind; /* PARTS: slashes, too */
};

static const struct variable variables[] = {
	{"[vhost]", PART},      {"[app]", PARTS},   {"[stream]", PART}, {"[timestamp]", DIGITS},
	{"[seq]", DIGITS},      {"[2006]", DIGITS}, {"[01]", DIGITS},   {"[02]", DIGITS},
	{"[15]", DIGITS},       {"[04]", DIGITS},   {"[05]", DIGITS},   {"[999]", DIGITS},
	{"[duration]", DIGITS},
};

static const struct variable *variable_at(const char *pattern)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (strncmp(pattern, variables[i].name, strlen(variables[i].name)) == 0)
			return &variables[i];
	return NULL;
}

static bool may_stand(const struct variable *v, char c)
{
	return v->kind == DIGITS ? isdigit((unsigned char)c) : v->kind == PARTS || c != '/';
}

/* "-2" in front of the ending, as file_give_name() makes it. */
static const char *skip_number(const char *path)
{
	size_t n = *path == '-' ? strspn(path + 1, "0123456789") : 0;
	return n > 0 ? path + 1 + n : path;
}

static bool matches(const char *pattern, const char *path, int *steps)
{
	for (; *pattern; pattern++, path++) {
		const struct variable *v = *pattern == '[' ? variable_at(pattern) : NULL;
		if (--*steps < 0)
			return false;
		if (v) {
			const char *rest = pattern + strlen(v->name);
			for (; *path && may_stand(v, *path); path++)
				if (matches(rest, path + 1, steps))
					return true;
			return false;
		}
		if (strlen(pattern) == ENDING && strcmp(skip_number(path), pattern) == 0)
			return true;
		if (*pattern != *path)
			return false;
	}
	return !*path;
}

bool catalog_matches(const char *pattern, const char *path)
{
	int steps = 100000; /* names that fit in very many ways are nobody's */
	return strlen(path) < PATH_LONGEST && matches(pattern, path, &steps);
}

/* ---- files ---- */

static void visit(struct catalog *c, const char *pattern, const char *folder, int depth);

static void visit_entry(struct catalog *c, const char *pattern, char *path, int depth)
{
	struct stat st;
	if (lstat(path, &st) != 0) {
		free(path);
	} else if (S_ISDIR(st.st_mode)) {
		visit(c, pattern, path, depth + 1);
		free(path);
	} else if (S_ISREG(st.st_mode) && catalog_matches(pattern, path)) {
		vec_reserve(c->entries, c->room, c->count + 1);
		c->entries[c->count++] = (struct catalog_entry){
			.path = path, .bytes = st.st_size, .modified_s = st.st_mtime};
	} else {
		free(path);
	}
}

static void visit(struct catalog *c, const char *pattern, const char *folder, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? opendir(folder) : NULL;
	struct dirent *entry;
	while (dir && c->count < FILES_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			visit_entry(c, pattern,
				    mem_printf("%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
					       entry->d_name),
				    depth);
	if (dir)
		closedir(dir);
}

static int by_age(const void *a, const void *b)
{
	const struct catalog_entry *x = a, *y = b;
	if (x->modified_s != y->modified_s)
		return x->modified_s < y->modified_s ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* A pattern without a folder names files of this one. */
void catalog_read(struct catalog *catalog, const char *pattern)
{
	char *folder = catalog_folder(pattern);
	bool is_here = strcmp(folder, ".") == 0 && pattern[0] != '.';
	char *whole = is_here ? mem_printf("./%s", pattern) : mem_strdup(pattern);
	visit(catalog, whole, folder, 0);
	if (catalog->count > 1)
		qsort(catalog->entries, catalog->count, sizeof(*catalog->entries), by_age);
	free(whole);
	free(folder);
}

size_t catalog_read_page(struct catalog *page, const char *pattern, size_t skip, size_t count)
{
	struct catalog all = {0};
	catalog_read(&all, pattern);
	size_t left = all.count > skip ? all.count - skip : 0;
	for (; left > 0 && page->count < count; left--) {
		struct catalog_entry *e = &all.entries[left - 1];
		vec_reserve(page->entries, page->room, page->count + 1);
		page->entries[page->count++] = *e;
		e->path = NULL;
	}
	catalog_free(&all);
	return left;
}

void catalog_free(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		free(catalog->entries[i].path);
	free(catalog->entries);
	*catalog = (struct catalog){0};
}

/* Folders that are empty, up to the one that all are below. */
static void remove_folders(const char *file, size_t top)
{
	char *path = mem_strdup(file), *slash;
	while ((slash = strrchr(path, '/')) && (size_t)(slash - path) > top) {
		*slash = '\0';
		if (rmdir(path) != 0)
			break;
	}
	free(path);
}

size_t catalog_prune(const char *pattern, const struct catalog_limits *limits, int64_t now_s)
{
	struct catalog c = {0};
	int64_t total = 0;
	size_t removed = 0;
	char *folder = catalog_folder(pattern);
	catalog_read(&c, pattern);
	for (size_t i = 0; i < c.count; i++)
		total += c.entries[i].bytes;
	for (size_t i = 0; i < c.count; i++) {
		const struct catalog_entry *e = &c.entries[i];
		bool is_old = limits->age_s > 0 && now_s - e->modified_s >= limits->age_s;
		if (!is_old && (limits->bytes == 0 || total <= limits->bytes))
			break;
		if (unlink(e->path) == 0) {
			remove_folders(e->path, strlen(folder));
			removed++;
		}
		total -= e->bytes;
	}
	free(folder);
	catalog_free(&c);
	return removed;
}
