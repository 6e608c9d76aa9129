/* catalog - the recordings that are on the disk, and which of them have to go. Layer: output. For a helper
 * thread: the disk may be slow. A file is a recording when its name is one that the pattern makes, so nothing
 * else in the same folder is touched. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog_entry {
	char *path;
	int64_t bytes, modified_s; /* seconds since 1970 */
};

struct catalog {
	struct catalog_entry *entries; /* oldest first; of a page newest first */
	size_t count, room;
};

/* Limits of what is kept. */
struct catalog_limits {
	int64_t age_s, bytes; /* 0: without a limit */
};

/* The pattern of whole paths that dvr_path means: with a name below it where it is that of a folder. Owned by
 * the caller. */
char *catalog_pattern(const char *dvr_path);
/* The folder that all of them are below. Owned by the caller. */
char *catalog_folder(const char *pattern);
/* Whether the pattern makes such a path, also one that a number was put into since its name was taken. */
bool catalog_matches(const char *pattern, const char *path);
/* Reads what there is into a zeroed catalog: at most 50,000 files, eight folders deep. */
void catalog_read(struct catalog *catalog, const char *pattern);
/* The same, of which a page stays: at most `count` entries behind the `skip` newest ones. Returns how many older ones
 * there are. */
size_t catalog_read_page(struct catalog *page, const char *pattern, size_t skip, size_t count);
void catalog_free(struct catalog *catalog);
/* Removes the oldest that are beyond the limits, and folders that are empty then. Returns how many. */
size_t catalog_prune(const char *pattern, const struct catalog_limits *limits, int64_t now_s);
