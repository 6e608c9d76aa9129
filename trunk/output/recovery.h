/* recovery - recordings that a crash has left unfinished. Layer: output. For a helper thread. */
#pragma once
#include <stdint.h>

/* The temporary name of a recording: "a.flv.PID.tmp". Owned by the caller. */
char *recovery_temporary(const char *path);
/* Looks below this folder for temporary names of processes that are gone, cuts what is not whole from
 * their ends, and gives them their names. Returns how many. `started_s`: when this process began, since
 * 1970; a name of its own number that was written before is another's, too. */
unsigned recovery_run(const char *folder, int64_t started_s);
