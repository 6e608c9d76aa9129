/* memory_limit - how much memory this process may use. Layer: base. */
#pragma once
#include <stddef.h>

/* The least of what the machine has, what the control groups of the process allow (version 2 and 1) and
 * its limit of address space; in bytes. `root` goes before the paths of /proc and /sys: "" in earnest.
 * What cannot be read is no limit; SIZE_MAX when nothing can. */
size_t memory_limit(const char *root);
