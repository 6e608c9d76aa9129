/* log_sink - the bounded queue behind the log, and the thread that writes it out. Layer: base.
 * Only log.c uses it. Putting a line never waits for the disk, a pipe or a terminal. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

enum { LOG_SINK_LINE_MAX = 8192, LOG_SINK_ROOM = 1024 * 1024 };
enum log_sink_to { LOG_SINK_FILE, LOG_SINK_TERMINAL, LOG_SINK_ACCESS, LOG_SINK_TARGETS };

/* Opens the file (NULL: standard output) and starts the thread, with all signals blocked in it. */
err log_sink_start(const char *path);
/* Opens another file, for LOG_SINK_ACCESS. After log_sink_start(), before the first line for it. */
err log_sink_add(enum log_sink_to to, const char *path);
bool log_sink_running(void);
/* Writes out what is queued and ends the thread; gives up after a while when whoever should take
 * the lines does not. */
void log_sink_stop(void);
/* Has the thread open the files again, behind what is queued. */
void log_sink_reopen(void);
/* Queues a line of n bytes with its end, at most LOG_SINK_LINE_MAX. When there is no room for it, or it cannot
 * be written, whole, `lines` are counted as lost: 1, or for a line that reports losses as many as it
 * reports, so that they are reported again. */
void log_sink_put(enum log_sink_to to, const char *p, size_t n, size_t lines);
/* Takes the number of lines that were lost, once there is ample room again; 0 before. */
size_t log_sink_take_lost(void);
