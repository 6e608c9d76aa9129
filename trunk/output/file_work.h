/* file_work - what is done to files. Layer: output; for helper threads, as all of it blocks. What returns an int
 * gives 0, or the errno of what failed. */
#pragma once
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Files that nobody needs any more, whose places on the disk the next ones take: a file system looks long for a place
 * where hundreds of files are made and removed each second, longer than it takes to write them. One that somebody has
 * open still, or has given another name, is let go instead. Paths are owned by the holder. */
struct file_kept {
	char *spare; /* the name of a file that was retired; NULL: nothing is kept */
	bool has_spare;
	char *former; /* of what the file that is renewed was before */
};

/* The file gets these bytes as a whole, by a rename; folders are made. */
int file_write(struct file_kept *kept, const char *path, struct span bytes);
/* The same for the one file that is written over and over: it and what it was take turns. */
int file_renew(struct file_kept *kept, const char *path, struct span bytes);
/* One that is not there is removed. */
int file_remove(const char *path);
/* Removes it, or keeps it as the spare one. */
int file_retire(struct file_kept *kept, const char *path);
/* What is kept is removed. */
void file_tidy(struct file_kept *kept);
/* Removes STEM.PID.spare and STEM.PID.tmp of processes that are no more. */
void file_sweep(const char *stem);
/* These bytes at that offset of a file, which is made, with its folders, if it is not there. */
int file_write_at(char *path, struct span bytes, int64_t offset);
/* Another name, with a number in front of its ending where it is taken. *name, unless NULL, is the one that it has
 * got, owned by the caller. */
int file_give_name(const char *path, const char *to, char **name);
