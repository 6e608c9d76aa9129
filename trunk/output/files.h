/* files - files that are written behind a stream: by helper threads, in order, each replaced as a
 * whole. Layer: output. A disk that stalls delays nobody: the queue has a bound, and what does not fit
 * into it is lost, counted and told once. */
#pragma once
#include "output/blob.h"

struct files;

/* `root`: where relative paths begin; copied. */
struct files *files_new(const char *root);
/* Ends what is queued, for at most a second or two, and waits for it. */
void files_free(struct files **files);
/* The file of that path below the root gets these bytes, by a rename; folders are made. */
void files_write(struct files *files, const char *path, struct blob *blob);
void files_remove(struct files *files, const char *path);
/* Files that could not be written, or did not fit into the queue. */
uint64_t files_lost(const struct files *files);
