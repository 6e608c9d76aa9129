/* One walk over the tree in the order of the file, so that problems come in the order in which
 * a person meets them. Defaults are in place before; what a directive sets replaces them. The
 * first of several directives of one name counts, as in SRS. */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "conf/items.h"
#include "conf/load.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <utlist.h>

enum { NAME_MAX_BYTES = 255 };

void fill_defaults(struct conf *conf)
{
	items_default(conf, NULL);
}

/* "; it belongs to vhost.play" for a name that is known, but not here; or "". */
static void elsewhere(char out[static TREE_PATH_MAX], const char *name)
{
	out[0] = '\0';
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (strcmp(row_name(row), name) != 0)
			continue;
		int n = (int)(row_name(row) - row->path);
		snprintf(out, TREE_PATH_MAX, "; it belongs to %.*s",
			 n ? n - 1 : (int)strlen("the top level"), n ? row->path : "the top level");
		return;
	}
}

static void unknown(const struct conf_tree *node, const char *block, struct conf_report *report)
{
	char other[TREE_PATH_MAX];
	struct nearest near = {.word = node->name};

	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (row_is_in(row, block))
			nearest_try(&near, row_name(row));
	}
	const char *hint = nearest_hint(&near);
	elsewhere(other, node->name);
	report_error(report, place_of(node), "unknown directive '%s'%s%s%s", log_quote(node->name),
		     *block ? " in " : "", block, *hint ? hint : other);
}

static bool is_on(const struct conf_tree *node)
{
	if (!node->children)
		return node->args.count > 0 && strcmp(node->args.v[0], "off") != 0;
	const struct conf_tree *enabled = tree_find(node, "enabled");
	return enabled && enabled->args.count > 0 && strcmp(enabled->args.v[0], "on") == 0;
}

static void fill_foreign(const struct conf_tree *node, const struct row *row,
			 struct conf_report *report)
{
	if (row->kind == ROW_IGNORED)
		report_warning(report, place_of(node), "'%s' has no effect: %s", row->path,
			       row->help);
	else if (is_on(node))
		report_error(report, place_of(node),
			     "'%s' is a directive of SRS that is not built yet: %s Turn it off or "
			     "remove it",
			     row->path, row->help);
	else
		report_warning(report, place_of(node),
			       "'%s' is a directive of SRS that is not built yet; it stays off",
			       row->path);
}

/* Names and values of any kind, as the words of a command: "re;" is "-re". */
static void fill_options(void *base, const struct conf_tree *node, const struct row *row,
			 struct conf_report *report)
{
	struct text_list words = {0};
	char why[VALUE_WHY_MAX];
	const struct conf_tree *option;
	if (node->args.count) {
		report_error(report, place_of(node), "'%s' is a block of options, '%s { … }'",
			     row->path, row_name(row));
		return;
	}
	DL_FOREACH (node->children, option) {
		char *name = mem_printf("%s%s", *option->name == '-' ? "" : "-", option->name);
		text_list_add(&words, span_str(name));
		free(name);
		for (int i = 0; i < option->args.count; i++)
			text_list_add(&words, span_str(option->args.v[i]));
	}
	if (!value_set(base, row, &words, why))
		report_error(report, place_of(node), "'%s' %s", row->path, why);
	text_list_fini(&words);
}

static void fill_value(void *base, const struct conf_tree *node, const struct row *row,
		       struct conf_report *report)
{
	char why[VALUE_WHY_MAX];

	if (node->children) {
		report_error(report, place_of(node),
			     "'%s' holds a value, not a block of directives", row->path);
		return;
	}
	if (!value_set(base, row, &node->args, why)) {
		report_error(report, place_of(node), "'%s' %s", row->path, why);
		return;
	}
	if (row->later && node->args.count && strcmp(node->args.v[0], row->value) != 0)
		report_error(report, place_of(node), "'%s %s' is not built yet; only '%s' works",
			     row->path, log_quote(node->args.v[0]), row->value);
}

/* The identity of a directive within its block; for named blocks the name belongs to it. */
static bool is_duplicate(struct map *seen, const struct conf_tree *node, const struct row *row,
			 struct conf_report *report)
{
	if (row->kind == ROW_RULES || row->kind == ROW_COMMANDS || row->may_repeat)
		return false;
	char *key = row->named && node->args.count
			    ? mem_printf("%s %s", node->name, node->args.v[0])
			    : mem_strdup(node->name);
	const struct conf_tree *first = map_get(seen, key);

	if (!first) {
		union {
			const struct conf_tree *from;
			void *to;
		} value = {.from = node};
		map_set(seen, key, value.to);
	} else if (row->named && row->kind != ROW_UNSUPPORTED) {
		report_error(report, place_of(node),
			     "'%s' is in line %d already: two have the same name", log_quote(key),
			     first->line);
	} else if (row->kind != ROW_UNSUPPORTED) {
		report_warning(report, place_of(node),
			       "'%s' was set in line %d already; this one is ignored",
			       log_quote(key), first->line);
	}
	free(key);
	return first && row->kind != ROW_UNSUPPORTED;
}

static void fill_item(struct conf *conf, void *base, const struct conf_tree *node,
		      const struct row *row, struct conf_report *report);

/* A name with a dot would look like a path: "vhost.enabled" at the top is not the vhost's. */
static const struct row *row_of(const struct conf_tree *node)
{
	char path[TREE_PATH_MAX];
	if (strchr(node->name, '.'))
		return NULL;
	tree_path(path, node);
	return schema_find(path);
}

/* The directives of a block into `base`, the struct of the named block that they are in. */
static void fill_block(struct conf *conf, void *base, const struct conf_tree *block,
		       struct conf_report *report)
{
	char block_path[TREE_PATH_MAX];
	struct map *seen = map_new();
	const struct conf_tree *node;

	tree_path(block_path, block);
	DL_FOREACH (block->children, node) {
		const struct row *row = row_of(node);
		if (!row) {
			unknown(node, block_path, report);
			continue;
		}
		if (is_duplicate(seen, node, row, report))
			continue;
		if (row->kind == ROW_UNSUPPORTED || row->kind == ROW_IGNORED)
			fill_foreign(node, row, report);
		else if (row->kind == ROW_OPTIONS)
			fill_options(base, node, row, report);
		else if (row->kind != ROW_BLOCK)
			fill_value(base, node, row, report);
		else if (row->named)
			fill_item(conf, base, node, row, report);
		else if (node->args.count)
			report_error(report, place_of(node),
				     "'%s' is a block, '%s { … }'; it takes no value", row->path,
				     row_name(row));
		else
			fill_block(conf, base, node, report);
	}
	map_free(&seen);
}

static bool is_given(const struct conf_tree *block, const char *path)
{
	bool whole;
	(void)tree_walk(block, path, &whole);
	return whole;
}

static void fill_item(struct conf *conf, void *base, const struct conf_tree *node,
		      const struct row *row, struct conf_report *report)
{
	int names = node->args.count;
	if (names > 1 || (names < 1 && !row->may_repeat) ||
	    (names && strlen(node->args.v[0]) > NAME_MAX_BYTES)) {
		report_error(report, place_of(node), "'%s' expects one name, as in '%s %s { … }'",
			     row_name(row), row_name(row), row->example);
		return;
	}
	fill_block(conf, items_add(base, row, names ? node->args.v[0] : ""), node, report);
}

/* Where SRS has its files, if that folder is there; else the working directory, which always is. */
static char *default_place(const struct conf *conf, const char *name)
{
	struct stat st;
	char *objs = mem_printf("%s/objs", *conf->work_dir ? conf->work_dir : ".");
	bool there = stat(objs, &st) == 0 && S_ISDIR(st.st_mode);
	free(objs);
	return mem_printf("./%s%s", there ? "objs/" : "", name);
}

static void settle_text(char **text, char *preset)
{
	if (**text) {
		free(preset);
		return;
	}
	free(*text);
	*text = preset;
}

/* A server in the foreground writes no file that nobody asked for. */
static void settle_files(struct conf *conf, const struct conf_tree *root)
{
	if (!is_given(root, "srs_log_tank") && !conf->daemon && !*conf->srs_log_file)
		conf->srs_log_tank = LOG_TANK_CONSOLE;
	settle_text(&conf->srs_log_file, default_place(conf, "srs.log"));
	if (conf->daemon)
		settle_text(&conf->pid, default_place(conf, "srs.pid"));
}

/* Values that depend on other ones, which may stand behind them in the file. */
static void settle(struct conf *conf, const struct conf_tree *root, struct conf_report *report)
{
	char why[VALUE_WHY_MAX];
	const struct conf_tree *level = tree_find(root, "srs_log_level_v2");

	if (level)
		(void)value_set(conf, schema_find("srs_log_level_v2"), &level->args, why);
	settle_files(conf, root);
	for (int i = 0; i < conf->vhost_count; i++) {
		struct conf_vhost *vhost = &conf->vhosts[i];
		if (!is_given(tree_find_vhost(root, vhost->name), "chunk_size"))
			vhost->chunk_size = conf->chunk_size;
		if (!vhost->http_remux.hstrs)
			report_warning(report, place_of(tree_find_vhost(root, vhost->name)),
				       "'vhost.http_remux.hstrs off' has no effect: it is always "
				       "on");
		vhost->http_remux.hstrs = true;
	}
}

void fill_conf(struct conf *conf, const struct conf_tree *root, struct conf_report *report)
{
	fill_block(conf, conf, root, report);
	bool unread = !root->children && report->errors.n; /* which was told already */
	if (!unread && !is_given(root, "listen"))
		report_error(report, (struct conf_place){root->file, 0},
			     "'listen' is missing: say where RTMP is served, as in 'listen 1935;'");
	settle(conf, root, report);
}
