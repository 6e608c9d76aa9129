/* recovery - recordings that a crash has left unfinished. Layer: output. For a helper thread. */
#pragma once
#include <stdint.h>

/* A temporary name of a recording, which is not given twice: "a.flv.PID-1.tmp". Owned by the caller. */
char *recovery_temporary(const char *path);
/* The name of what is made of a temporary one, before it takes its place. Owned by the caller. */
char *recovery_part(const char *temporary);
/* When this process has begun, seconds since 1970: a name of its own number that was written before is
 * another's, too. Until this is said none is. */
void recovery_begin(int64_t now_s);
/* Looks below this folder for temporary names of processes that are gone, cuts what is not whole from
 * their ends, and gives them their names; what was being made of them is removed. Returns how many. */
unsigned recovery_run(const char *folder);
/* The same for this recording alone. */
void recovery_of(const char *path);
