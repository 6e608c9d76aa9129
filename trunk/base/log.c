/* Lines are formatted in one static area: formatting never switches coroutines, and a large local
 * would cost each of their stacks. The lock is there for helper threads that log. */
#include "base/log.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log_form.h"
#include "base/log_sink.h"
#include "base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { QUOTE_MAX = 256, QUOTES = 4 };

static const struct {
	const char *name;
	const char *colour;
} levels[] = {
	/* clang-format off */
	[LOG_TRACE] = {"TRACE", NULL},
	[LOG_DEBUG] = {"DEBUG", NULL},
	[LOG_INFO] = {"INFO", NULL},
	[LOG_WARN] = {"WARN", "\033[33m"},
	[LOG_ERROR] = {"ERROR", "\033[31m"},
	/* clang-format on */
};

static const char *no_id(void)
{
	return "-";
}

static atomic_int lowest = LOG_INFO;
static bool utc, echo, has_access;
static enum log_format format;
static const char *(*id_slot)(void) = no_id;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A line in the making; what does not fit is cut, with room kept for the end of the line. */
static struct {
	char p[LOG_SINK_LINE_MAX];
	size_t n;
} line;
enum { LINE_END = 16 };

bool log_enabled(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed) && level < LOG_OFF;
}

void log_set_level(enum log_level level)
{
	atomic_store(&lowest, (int)level);
}

void log_set_id_slot(const char *(*id)(void))
{
	id_slot = id ? id : no_id;
}

__attribute__((format(printf, 1, 0))) static void line_vadd(const char *fmt, va_list ap)
{
	size_t room = sizeof(line.p) - LINE_END - line.n;
	int n = vsnprintf(line.p + line.n, room, fmt, ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		line.n += room - 1;
		memcpy(line.p + line.n - 3, "...", 3);
	} else {
		line.n += (size_t)n;
	}
}

__attribute__((format(printf, 1, 2))) static void line_add(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	line_vadd(fmt, ap);
	va_end(ap);
}

static bool coloured(enum log_level level)
{
	static int tty[2] = {-1, -1}; /* standard output, standard error */
	int which = log_sink_running() ? 0 : 1;
	if (tty[which] < 0)
		tty[which] = isatty(which + STDOUT_FILENO);
	return levels[level].colour && tty[which];
}

/* Control characters in a line could forge other lines or drive a terminal, and marks of direction could
 * make it read as another one. Every line passes here. */
static void line_clean(size_t from)
{
	for (size_t i = from; i < line.n;) {
		size_t n = utf8_printable(line.p + i, line.n - i);
		if (!n)
			line.p[i] = ' ';
		i += n ? n : 1;
	}
}

static bool to_console = true; /* until a file is opened */

/* Returns where the text begins. */
static size_t line_begin(enum log_level level)
{
	char time[CLOCK_TEXT_MAX];
	clock_text(time, clock_wall_ms(), utc);
	line.n = 0;
	if (format != LOG_FORMAT_TEXT)
		return 0;
	if (to_console && coloured(level))
		line_add("%s", levels[level].colour);
	line_add("[%s][%s][%d][%s] ", time, levels[level].name, (int)getpid(), id_slot());
	return line.n;
}

static void render(struct buf *form, enum log_level level, size_t n)
{
	buf_clear(form);
	if (format == LOG_FORMAT_JSON)
		log_form_json(form, level, clock_wall_ms(), id_slot(), line.p, n);
	else
		log_form_journal(form, level, id_slot(), line.p, n);
}

/* The text becomes a line of another form; of one that would be too long a part is told. */
static void line_form(enum log_level level)
{
	static struct buf form = {.max = sizeof(line.p) - LINE_END};
	size_t n = line.n;
	for (render(&form, level, n); !buf_ok(&form) && n > 0; render(&form, level, n))
		n /= 2;
	line.n = buf_ok(&form) ? form.n : 0;
	memcpy(line.p, form.p, line.n);
}

/* `lines`: how many are lost when this one is, see log_sink_put(). */
static void line_end(enum log_level level, size_t lines)
{
	if (format != LOG_FORMAT_TEXT)
		line_form(level);
	size_t n = line.n;
	if (to_console && format == LOG_FORMAT_TEXT && coloured(level))
		n += (size_t)snprintf(line.p + n, sizeof(line.p) - n, "\033[0m");
	line.p[n++] = '\n';
	if (log_sink_running()) {
		log_sink_put(LOG_SINK_FILE, line.p, n, lines);
		return;
	}
	ssize_t ignored = write(STDERR_FILENO, line.p, n);
	(void)ignored;
}

static void report_lost(void)
{
	size_t lost = log_sink_take_lost();
	if (!lost)
		return;
	line_begin(LOG_WARN);
	line_add("%zu lines of the log were lost here", lost);
	line_end(LOG_WARN, lost);
}

/* `why` is NULL or goes behind the words. */
__attribute__((format(printf, 3, 0))) static void emit(enum log_level level, const char *why,
						       const char *fmt, va_list ap)
{
	int number = errno;
	pthread_mutex_lock(&lock);
	report_lost();
	size_t text = line_begin(level);
	line_vadd(fmt, ap);
	if (why)
		line_add(": %s", why);
	line_clean(text);
	line_end(level, 1);
	pthread_mutex_unlock(&lock);
	errno = number;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (!log_enabled(level))
		return;
	va_list ap;
	va_start(ap, fmt);
	emit(level, NULL, fmt, ap);
	va_end(ap);
}

void log_end(err e, const char *fmt, ...)
{
	static const enum log_level level_of[] = {
		[ERR_QUIET] = LOG_INFO,
		[ERR_PEER] = LOG_WARN,
		[ERR_LOCAL] = LOG_ERROR,
	};
	enum log_level level = level_of[err_severity(e)];
	if (log_enabled(level)) {
		va_list ap;
		va_start(ap, fmt);
		emit(level, e == OK ? NULL : err_trail(e), fmt, ap);
		va_end(ap);
	}
}

/* On the terminal a person reads the words alone. */
__attribute__((format(printf, 1, 0))) static void say_to_terminal(const char *fmt, va_list ap)
{
	pthread_mutex_lock(&lock);
	line.n = 0;
	line_vadd(fmt, ap);
	line_clean(0);
	line.p[line.n++] = '\n';
	log_sink_put(LOG_SINK_TERMINAL, line.p, line.n, 0);
	pthread_mutex_unlock(&lock);
}

void log_say(const char *fmt, ...)
{
	va_list ap;
	if (echo) {
		va_start(ap, fmt);
		say_to_terminal(fmt, ap);
		va_end(ap);
	}
	if (log_enabled(LOG_INFO)) {
		va_start(ap, fmt);
		emit(LOG_INFO, NULL, fmt, ap);
		va_end(ap);
	}
}

/* The process is about to abort: its last line must be in the file. */
static void last_words(const char *text)
{
	log_line(LOG_ERROR, "%s", text);
	log_stop();
}

err log_start(const struct log_opts *opts)
{
	TRY(log_sink_start(opts->path));
	if (opts->access) {
		err e = log_sink_add(LOG_SINK_ACCESS, opts->access);
		if (e) {
			log_sink_stop();
			return e;
		}
	}
	has_access = opts->access != NULL;
	format = opts->format;
	log_set_level(opts->level);
	utc = opts->utc;
	echo = opts->echo && opts->path;
	to_console = !opts->path;
	check_set_last_words(last_words);
	return OK;
}

void log_stop(void)
{
	if (!log_sink_running())
		return;
	check_set_last_words(NULL);
	pthread_mutex_lock(&lock);
	report_lost();
	echo = has_access = false;
	log_sink_stop();
	format = LOG_FORMAT_TEXT;
	to_console = true;
	pthread_mutex_unlock(&lock);
}

void log_access(const char *p, size_t n)
{
	if (has_access)
		log_sink_put(LOG_SINK_ACCESS, p, n, 1);
}

bool log_has_access(void)
{
	return has_access;
}

void log_reopen(void)
{
	log_sink_reopen();
}

/* Of a character that may stand in quotes; 0 when its first byte must be escaped. */
static size_t quotable(const char *s)
{
	return *s == '"' || *s == '\\' ? 0 : utf8_printable(s, strlen(s) < 4 ? strlen(s) : 4);
}

const char *log_quote(const char *s)
{
	static char ring[QUOTES][QUOTE_MAX];
	static unsigned turn;
	char *out = ring[turn++ % QUOTES];
	size_t n = 0;
	for (const char *p = s ? s : ""; *p;) {
		if (n > QUOTE_MAX - 8) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		size_t whole = quotable(p);
		if (whole)
			memcpy(out + n, p, whole);
		else if (*p == '"' || *p == '\\')
			snprintf(out + n, 3, "\\%c", *p);
		else
			snprintf(out + n, 5, "\\x%02x", (unsigned char)*p);
		n += whole ? whole : strlen(out + n);
		p += whole ? whole : 1;
	}
	out[n] = '\0';
	return out;
}
