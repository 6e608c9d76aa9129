/* files - files that are written behind a stream: by helper threads, in order, each replaced as a
 * whole. Layer: output. A disk that stalls delays nobody: the queue has a bound, and what does not fit
 * into it is lost, counted and told once. */
#pragma once
#include "co/co.h"
#include "output/blob.h"

struct files;

/* Told once that something was done: with the path it has, or NULL when it could not be. */
struct files_done {
	void (*fn)(void *ctx, const char *path);
	void *ctx;
};

/* `root`: where relative paths begin; copied. */
struct files *files_new(const char *root);
/* Waits until all that is queued is done, however long the disk takes; or until the caller is stopped. One caller. */
void files_drain(struct files *files) BLOCKS;
/* Ends what is queued, for at most a second or two, and waits for it. */
void files_free(struct files **files);
/* The file of that path below the root gets these bytes, by a rename; folders are made. */
void files_write(struct files *files, const char *path, struct blob *blob, struct files_done done);
void files_remove(struct files *files, const char *path);
/* For streams that make files and give them up again for ever. What is retired becomes the place on the disk of the
 * file that is written next, and is called PATH.PID.spare meanwhile; what is renewed and what it was before,
 * PATH.PID.tmp, take turns. What processes that have died kept likewise is removed. Before anything is written;
 * without it, and where nobody may come upon its bytes, files are removed. */
void files_keep(struct files *files, const char *path);
void files_retire(struct files *files, const char *path);
/* files_write() for the one file of a stream that is written over and over. */
void files_renew(struct files *files, const char *path, struct blob *blob);
/* What is kept for the next file is removed; files_free() does so too. */
void files_tidy(struct files *files);
/* Writes these bytes at that offset of the file, which is made if it is not there. Once this has failed for a
 * file, nothing more is written to it, and it keeps what stood before the failure. */
void files_write_at(struct files *files, const char *path, struct blob *blob, int64_t offset);
/* The file gets its final name; where that is taken, a number is put in front of its ending. */
void files_rename(struct files *files, const char *path, const char *to, struct files_done done);
/* Says when all of the file is written that will be: up to a gap, if there is one. */
void files_settle(struct files *files, const char *path, struct files_done done);
/* Files that could not be written, or did not fit into the queue. */
uint64_t files_lost(const struct files *files);
