/* Paths of an include are relative to the working directory, as they are in SRS, so that an
 * existing tree of files keeps its meaning. A loop is told from a diamond by the chain of files
 * that are open, compared by inode: the same file may be included twice, but not by itself. */
#include "conf/parse.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcasecmp(s + n - m, end) == 0;
}

static void parse_text(struct parse *p, struct conf_tree *parent, const char *name,
		       struct span text)
{
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = span_of(text.p + 3,
			       text.n - 3); /* editors on Windows begin with this mark */
	if (text.n && memchr(text.p, '\0', text.n)) {
		report_error(p->report, (struct conf_place){name, 0},
			     "a NUL byte: this is not a text file");
		return;
	}
	if (ends_with(name, ".yaml") || ends_with(name, ".yml"))
		parse_yaml(p, parent, name, text);
	else
		parse_conf(p, parent, name, text);
}

static bool is_open(const struct parse *p, const struct stat *st)
{
	for (const struct parse_file *f = p->open; f; f = f->outer) {
		if (f->dev == st->st_dev && f->ino == st->st_ino)
			return true;
	}
	return false;
}

static int nesting(const struct parse *p)
{
	int n = 0;
	for (const struct parse_file *f = p->open; f; f = f->outer)
		n++;
	return n;
}

static bool read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t room = out->max - out->n < 65536 ? out->max - out->n : 65536;
		size_t before = out->n;
		uint8_t *at = room ? buf_grow(out, room) : NULL;
		if (!at) {
			errno = EFBIG;
			return false;
		}
		ssize_t n = read(fd, at, room);
		out->n = before + (n > 0 ? (size_t)n : 0);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static void parse_open_file(struct parse *p, struct conf_tree *parent, const char *file, int fd,
			    struct conf_place place)
{
	struct stat st;
	struct buf text = {.max = PARSE_FILE_MAX + 1};

	if (fstat(fd, &st) < 0 || !read_all(fd, &text)) {
		report_error(p->report, place, "cannot read '%s': %s", log_quote(file),
			     strerror(errno));
	} else if (is_open(p, &st)) {
		report_error(p->report, place, "'%s' includes itself, perhaps through another file",
			     log_quote(file));
	} else {
		struct parse_file here = {.outer = p->open, .dev = st.st_dev, .ino = st.st_ino};
		p->open = &here;
		parse_text(p, parent, file, buf_span(&text));
		p->open = here.outer;
	}
	buf_free(&text);
}

static void parse_path(struct parse *p, struct conf_tree *parent, const char *file,
		       struct conf_place place)
{
	if (++p->files > PARSE_FILES_MAX || nesting(p) > PARSE_NEST_MAX) {
		report_error(p->report, place,
			     "too many included files; the limits are %d in all and %d levels",
			     PARSE_FILES_MAX, PARSE_NEST_MAX);
		p->stop = true;
		return;
	}
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		report_error(p->report, place, "cannot open '%s': %s", log_quote(file),
			     strerror(errno));
		return;
	}
	parse_open_file(p, parent, file, fd, place);
	close(fd);
}

struct conf_tree *parse_file(const char *file, struct conf_report *report)
{
	struct parse p = {.report = report, .open_path = parse_path};
	struct conf_tree *root = tree_new(span_str(""), file, 0);
	parse_path(&p, root, file, (struct conf_place){file, 0});
	return root;
}

struct conf_tree *parse_memory(const char *name, struct span text, bool sealed,
			       struct conf_report *report)
{
	struct parse p = {.report = report, .sealed = sealed, .open_path = parse_path};
	struct conf_tree *root = tree_new(span_str(""), name, 0);
	parse_text(&p, root, name, text);
	return root;
}
