/* log_form - the forms of a line of the log beside SRS's text. Layer: base. For log.c, and for what else is
 * written a line at a time. */
#pragma once
#include "base/buf.h"
#include "base/log.h"

enum { LOG_TIME_MAX = 32 };
/* "2026-01-31T23:59:59.123Z" (RFC 3339). */
void log_form_time(char out[static LOG_TIME_MAX], int64_t wall_ms);
/* `text` with quotes around it, as JSON wants it. What is no UTF-8, or a control character, is a blank. */
void log_form_quote(struct buf *out, const char *text, size_t n);
/* The object of a line, without its end. */
void log_form_json(struct buf *out, enum log_level level, int64_t wall_ms, const char *id,
		   const char *text, size_t n);
/* "<6>[id] text": the priorities of syslog, as journald reads them from standard output. */
void log_form_journal(struct buf *out, enum log_level level, const char *id, const char *text,
		      size_t n);
