/* lines - what libsrt logs, from whatever thread of its own, told by the server's log. Layer: srt.
 * Of a flood the first lines are told and the rest is counted. */
#pragma once
/* For srt_setloghandler(). Any thread. */
void lines_put(void *ctx, int level, const char *file, int line, const char *area,
	       const char *text);
/* Tells what has come since; in the thread that has the coroutines. */
void lines_tell(void);
