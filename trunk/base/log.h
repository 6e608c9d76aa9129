/* log - one line per event, in the form of SRS:
 *   [2026-01-31 23:59:59.123][INFO][pid][connection id] text
 * Layer: base. Never blocks: lines go to a bounded queue that a helper thread writes out; what
 * does not fit is counted and reported when there is room again. */
#pragma once
#include "base/err.h"
#include <stdbool.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* A line of the log; JSON is an object a line; for the journal a line has its priority in front and what the journal
 * itself knows (time, pid) is left out. */
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_JOURNAL };

struct log_opts {
	enum log_level level;
	enum log_format format;
	const char *path;   /* NULL: standard output */
	const char *access; /* the file of log_access(); NULL: there is none */
	bool utc;
	bool echo; /* with a path: also print log_say() lines to the terminal */
};

/* Opens the file and starts the helper thread. Until then lines go straight to stderr.
 * Call it after the last fork. */
err log_start(const struct log_opts *opts);
/* Writes out what is queued and ends the helper thread. */
void log_stop(void);
/* Opens the file again, after a rotation moved it away. */
void log_reopen(void);
bool log_enabled(enum log_level level);
void log_set_level(enum log_level level);
/* Where the id of the running connection is kept; `co` installs its own provider. */
void log_set_id_slot(const char *(*id)(void));

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The few lines that a person at the terminal needs: info level, and printed when `echo` is on. */
void log_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How a story ended: "words: trail", at the level of the error's severity. */
void log_end(err e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line of the access log, which is written as it is; nothing happens when there is no such file. */
void log_access(const char *line, size_t n);
bool log_has_access(void);

#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_line(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...) (log_enabled(LOG_INFO) ? log_line(LOG_INFO, __VA_ARGS__) : (void)0)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* Text of a peer made fit for a line: control characters and quotes escaped, cut at a limit.
 * The result is valid until four more calls. */
const char *log_quote(const char *s);
