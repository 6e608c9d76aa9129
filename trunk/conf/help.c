/* The table as an annotated file. It can be loaded as it is: every directive stands there with
 * its default, and what has none, or does not exist here yet, is a comment. */
#include "base/log.h"
#include "conf/report.h"
#include "conf/schema.h"
#include "conf/value.h"

enum { HELP_COLUMNS = 96, NAME_COLUMNS = 24, HELP_EXAMPLE_MAX = 65536 };

static void indent(struct buf *out, int depth)
{
	buf_printf(out, "%*s", depth * 4, "");
}

/* A text as comment lines that break between words. */
static void comment(struct buf *out, int depth, const char *text)
{
	int column = 0;

	while (*text) {
		int n = (int)strcspn(text, " ");
		if (column && column + 1 + n > HELP_COLUMNS) {
			buf_printf(out, "\n");
			column = 0;
		}
		if (!column) {
			indent(out, depth);
			buf_printf(out, "#");
			column = depth * 4 + 1;
		}
		buf_printf(out, " %.*s", n, text);
		column += n + 1;
		text += n;
		text += strspn(text, " ");
	}
	buf_printf(out, "\n");
}

static const char *apply_words(enum row_apply apply)
{
	switch (apply) {
	case APPLY_NOW:
		return "at once";
	case APPLY_NEW:
		return "for new sessions";
	default:
		return "needs a restart";
	}
}

static void help_value(struct buf *out, const struct row *row, int depth)
{
	struct buf line = {.max = 1024};
	/* a list that may not be empty has no default, but nothing works without it */
	bool active = row->value || row->min > 0;
	const char *value = row->value ? row->value : row->example;
	const char *quote = value && *value == '#' ? "\"" : ""; /* a comment begins so */

	comment(out, depth, row->help);
	buf_printf(&line, "Value: ");
	value_range_text(&line, row);
	buf_printf(&line, ". Reload: %s.%s", apply_words(row->apply),
		   row->later ? " Not built yet." : "");
	comment(out, depth, buf_text(&line));
	indent(out, depth);
	if (row->kind == ROW_OPTIONS)
		buf_printf(out, "# %-*s { %s }\n", NAME_COLUMNS - 1, row_name(row), row->example);
	else
		buf_printf(out, "%s%-*s %s%s%s;\n", active ? "" : "# ", NAME_COLUMNS - 1,
			   row_name(row), quote, value, quote);
	buf_free(&line);
}

/* Names of the directives of one kind in this block, in one comment. */
static void help_foreign(struct buf *out, const char *block, enum row_kind kind, int depth,
			 const char *title)
{
	struct buf line = {.max = 4096};
	bool any = false;

	buf_printf(&line, "%s", title);
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (row->kind == kind && row_is_in(row, block)) {
			buf_printf(&line, " %s", row_name(row));
			any = true;
		}
	}
	if (any) {
		buf_printf(out, "\n");
		comment(out, depth, buf_text(&line));
	}
	buf_free(&line);
}

/* True when `row` is `path`, is inside of it or holds it. */
static bool is_wanted(const struct row *row, const char *path)
{
	size_t n = strlen(path), m = strlen(row->path);
	size_t least = n < m ? n : m;
	if (strncmp(row->path, path, least) != 0)
		return false;
	if (n == m)
		return true;
	return n < m ? n == 0 || row->path[n] == '.' : row->kind == ROW_BLOCK && path[m] == '.';
}

static void help_block(struct buf *out, const char *block, const char *path, int depth);

static void help_braces(struct buf *out, const struct row *row, const char *path, int depth)
{
	comment(out, depth, row->help);
	indent(out, depth);
	buf_printf(out, "%s%s%s {\n", row_name(row), row->named ? " " : "",
		   row->named ? row->example : "");
	help_block(out, row->path, path, depth + 1);
	indent(out, depth);
	buf_printf(out, "}\n");
}

/* A block of a name that nobody has chosen yet stands there as a comment; the default vhost is always there. */
static bool is_example(const struct row *row)
{
	return row->named && strcmp(row->path, "vhost") != 0;
}

static void help_example(struct buf *out, const struct row *row, const char *path, int depth)
{
	struct buf text = {.max = HELP_EXAMPLE_MAX};
	help_braces(&text, row, path, depth);
	for (const char *line = buf_text(&text), *end; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		int blanks = (int)strspn(line, " ");
		bool plain = line + blanks < end && line[blanks] != '#';
		buf_printf(out, "%.*s%s%.*s\n", blanks, line, plain ? "# " : "",
			   (int)(end - line) - blanks, line + blanks);
	}
	buf_free(&text);
}

static void help_block(struct buf *out, const char *block, const char *path, int depth)
{
	bool first = true;

	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (!row_is_in(row, block) || !is_wanted(row, path))
			continue;
		if (row->kind != ROW_BLOCK && !row_is_value(row))
			continue;
		if (!first)
			buf_printf(out, "\n");
		first = false;
		if (row_is_value(row)) {
			help_value(out, row, depth);
			continue;
		}
		if (is_example(row)) {
			help_example(out, row, path, depth);
			continue;
		}
		help_braces(out, row, path, depth);
	}
	if (strncmp(path, block, strlen(path)) != 0)
		return; /* only a part of this block was asked for */
	help_foreign(out, block, ROW_UNSUPPORTED, depth,
		     "Directives of SRS that are not built yet:");
	help_foreign(out, block, ROW_IGNORED, depth,
		     "Directives of SRS that are accepted without effect:");
}

static void help_unknown(struct buf *out, const char *path)
{
	struct nearest near = {.word = path};
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (strcmp(row_name(row), path) == 0) {
			buf_printf(out, "# There is no directive '%s'; did you mean '%s'?\n",
				   log_quote(path), row->path);
			return;
		}
		nearest_try(&near, row->path);
		nearest_try(&near, row_name(row));
	}
	buf_printf(out, "# There is no directive '%s'%s\n", log_quote(path), nearest_hint(&near));
}

static void help_one_foreign(struct buf *out, const struct row *row)
{
	buf_printf(out, "# %s: a directive of SRS that %s\n", row->path,
		   row->kind == ROW_IGNORED ? "is accepted without effect" : "is not built yet");
	comment(out, 0, row->help);
}

static void help_title(struct buf *out)
{
	comment(out, 0,
		"Every directive with its default. This file can be used as it is; what it "
		"does not say has the same value.");
	comment(out, 0, "'Reload' tells when a change takes effect after SIGHUP.");
	buf_printf(out, "\n");
}

err conf_help(struct buf *out, const char *path)
{
	const struct row *row = path && *path ? schema_find(path) : NULL;

	if (!path || !*path)
		help_title(out);

	if (path && *path && !row)
		help_unknown(out, path);
	else if (row && row->kind != ROW_BLOCK && !row_is_value(row))
		help_one_foreign(out, row);
	else
		help_block(out, "", path ? path : "", 0);
	return path && *path && !row ? ERR_NOTFOUND : OK;
}
