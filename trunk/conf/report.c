/* The report is bounded: a file of a megabyte that is not a configuration at all can be wrong in
 * every line, and the first few hundred are enough to see that. */
#include "conf/report.h"

#include <stdio.h>

enum { REPORT_MAX = 64 * 1024, LINE_TEXT_MAX = 1024, NAME_MAX_COMPARED = 64 };

void conf_report_init(struct conf_report *report)
{
	*report = (struct conf_report){.errors = {.max = REPORT_MAX},
				       .warnings = {.max = REPORT_MAX}};
}

void conf_report_fini(struct conf_report *report)
{
	buf_free(&report->errors);
	buf_free(&report->warnings);
}

__attribute__((format(printf, 3, 0))) static void
report_line(struct buf *out, struct conf_place place, const char *fmt, va_list ap)
{
	static const char more[] = "further problems are not shown\n";
	static char line[LINE_TEXT_MAX]; /* nothing here switches coroutines */

	if (out->max - out->n < 2 * LINE_TEXT_MAX) {
		if (out->n < sizeof(more) ||
		    memcmp(out->p + out->n - strlen(more), more, strlen(more)))
			buf_put(out, more, strlen(more));
		return;
	}
	int n = place.line > 0 ? snprintf(line, sizeof(line), "%.512s:%d: ", place.file, place.line)
			       : snprintf(line, sizeof(line), "%.512s: ", place.file);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	buf_printf(out, "%s\n", line);
}

void report_error(struct conf_report *report, struct conf_place place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report_line(&report->errors, place, fmt, ap);
	va_end(ap);
}

void report_warning(struct conf_report *report, struct conf_place place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	report_line(&report->warnings, place, fmt, ap);
	va_end(ap);
}

static int min3(int a, int b, int c)
{
	int least = a < b ? a : b;
	return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours ("hsl"), three rows of the table at a time. */
static int distance_of(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	int rows[3][NAME_MAX_COMPARED + 1];

	if (a_len > NAME_MAX_COMPARED || b_len > NAME_MAX_COMPARED)
		return NAME_MAX_COMPARED;
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		int *row = rows[i % 3];
		const int *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
		row[0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			bool swapped =
				i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (swapped && two_above[j - 2] + 1 < row[j])
				row[j] = two_above[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	int distance = distance_of(n->word, candidate);
	if (!n->best || distance < n->distance) {
		n->best = candidate;
		n->distance = distance;
	}
}

const char *nearest_hint(const struct nearest *n)
{
	static char hint[NAME_MAX_COMPARED + 32];
	if (!n->best || n->distance > (int)(strlen(n->word) + 2) / 3)
		return "";
	snprintf(hint, sizeof(hint), "; did you mean '%s'?", n->best);
	return hint;
}
