/* path_table - whose the paths are: a hash table of paths to links. Layer: rtc, for the port. Each packet of
 * media is looked up here. */
#pragma once
#include "rtc/ice.h"

struct rtc_link;
struct path_entry;

/* Zeroed memory is an empty one. */
struct path_table {
	struct path_entry **buckets;
	size_t room, count; /* room: a power of two */
};

struct rtc_link *path_table_get(const struct path_table *table, const struct rtc_path *path);
/* Adds it, or gives it to another link; returns the link that had it; NULL: none. */
struct rtc_link *path_table_set(struct path_table *table, const struct rtc_path *path,
				struct rtc_link *link);
/* Removes it if it is that link's. */
void path_table_remove(struct path_table *table, const struct rtc_path *path,
		       const struct rtc_link *link);
void path_table_fini(struct path_table *table);
