/* A variable is named after the path of its directive: vhost.play.gop_cache is
 * SRS_VHOST_PLAY_GOP_CACHE, for every vhost at once. It is put into the tree as if it had been
 * written there, so that the table checks it like anything else. Directives whose name begins
 * with srs_ have a second spelling without the repetition, as in SRS. */
#include "base/log.h"
#include "conf/load.h"
#include "conf/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

enum { ENV_NAME_MAX = 160 };

static void env_name(char out[static ENV_NAME_MAX], const char *path)
{
	int n = snprintf(out, ENV_NAME_MAX, "SRS_%s", path);
	for (int i = 0; i < n && i < ENV_NAME_MAX; i++)
		out[i] = out[i] == '.' ? '_' : (char)toupper((unsigned char)out[i]);
}

static bool has_short_name(const struct row *row)
{
	return strncmp(row->path, "srs_", 4) == 0;
}

/* Blocks have no variable of their own, nor has what is in a named one of a vhost: which one would be meant? */
static bool has_variable(const struct row *row)
{
	const struct row *owner = row_owner(row);
	return row->kind != ROW_BLOCK && row->kind != ROW_OPTIONS && (!owner || !row_owner(owner));
}

/* Returns the value of the row's, and its name. */
static const char *env_value(const struct row *row, char name[static ENV_NAME_MAX])
{
	if (!has_variable(row))
		return NULL;
	env_name(name, row->path);
	const char *value = getenv(name);
	if ((!value || !*value) && has_short_name(row)) {
		env_name(name, row->path + 4);
		value = getenv(name);
	}
	return value && *value ? value : NULL;
}

static void add_words(struct conf_tree *node, const char *value, bool many)
{
	static const char blanks[] = " \t\r\n";
	value += strspn(value, blanks);
	while (*value) {
		size_t n = many ? strcspn(value, blanks) : strlen(value);
		text_list_add(&node->args, span_of(value, n));
		value += n;
		value += strspn(value, blanks);
	}
}

/* Replaces whatever `block` says about `path` ("play.gop_cache"). */
static void put(struct conf_tree *block, const char *path, const char *name, const char *value,
		bool many)
{
	char place[ENV_NAME_MAX + 16], part[TREE_PATH_MAX];
	const char *dot;

	snprintf(place, sizeof(place), "environment %s", name);
	for (; (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
		block = tree_block(block, part);
	}
	struct conf_tree *old;
	while ((old = tree_find(block, path))) {
		tree_detach(old);
		tree_free(&old);
	}
	struct conf_tree *node = tree_new(span_str(path), place, 0);
	add_words(node, value, many);
	tree_append(block, node);
}

static void put_everywhere(struct conf_tree *root, const char *path, const char *name,
			   const char *value, bool many)
{
	struct conf_tree *vhost;

	if (strncmp(path, "vhost.", 6) != 0) {
		put(root, path, name, value, many);
		return;
	}
	DL_FOREACH (root->children, vhost) {
		if (strcmp(vhost->name, "vhost") == 0)
			put(vhost, path + 6, name, value, many);
	}
}

/* SRS_VHOST_HLS_ENABLED, of a block that is not built: into the tree, to be told from there. */
static bool put_lacking(struct conf_tree *root, const char *name, const char *value)
{
	char prefix[ENV_NAME_MAX], path[TREE_PATH_MAX];

	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (row->kind != ROW_UNSUPPORTED && row->kind != ROW_IGNORED)
			continue;
		env_name(prefix, row->path);
		size_t n = strlen(prefix);
		if (strncmp(name, prefix, n) != 0 || name[n] != '_')
			continue;
		snprintf(path, sizeof(path), "%s.%s", row->path, name + n + 1);
		for (char *c = path + strlen(row->path); *c; c++)
			*c = (char)tolower((unsigned char)*c);
		put_everywhere(root, path, name, value, true);
		return true;
	}
	return false;
}

static bool is_known(const char *name)
{
	static const char *const others[] = {"SRS_CONFIG_FILE", "SRS_ENV_ONLY", "SRS_DEVICE_IP"};
	char known[ENV_NAME_MAX];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(name, others[i]) == 0)
			return true;
	}
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (!has_variable(row))
			continue;
		env_name(known, row->path);
		if (strcmp(name, known) == 0)
			return true;
		if (!has_short_name(row))
			continue;
		env_name(known, row->path + 4);
		if (strcmp(name, known) == 0)
			return true;
	}
	return false;
}

static void warn_unknown(const char *name, struct conf_report *report)
{
	static char best[ENV_NAME_MAX];
	char known[ENV_NAME_MAX];
	struct nearest near = {.word = name};

	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (!row_is_value(row) || !has_variable(row))
			continue;
		env_name(known, row->path);
		nearest_try(&near, known);
		if (near.best == known) {
			snprintf(best, sizeof(best), "%s", known);
			near.best = best;
		}
	}
	report_warning(report, (struct conf_place){"environment", 0},
		       "the variable '%s' names no directive%s", log_quote(name),
		       nearest_hint(&near));
}

static void overlay_rest(struct conf_tree *root, struct conf_report *report)
{
	char name[ENV_NAME_MAX];

	for (char **var = environ; var && *var; var++) {
		const char *equals = strchr(*var, '=');
		if (strncmp(*var, "SRS_", 4) != 0 || !equals || !equals[1])
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)(equals - *var), *var);
		if (!is_known(name) && !put_lacking(root, name, equals + 1))
			warn_unknown(name, report);
	}
}

void env_overlay(struct conf_tree *root, struct conf_report *report)
{
	char name[ENV_NAME_MAX];

	/* SRS reads this variable for the global value, too. */
	const char *chunk_size = getenv("SRS_VHOST_CHUNK_SIZE");
	if (chunk_size && *chunk_size)
		put(root, "chunk_size", "SRS_VHOST_CHUNK_SIZE", chunk_size, false);
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		const char *value = env_value(row, name);
		if (value)
			put_everywhere(root, row->path, name, value,
				       row->kind == ROW_LIST || row->kind == ROW_RULES ||
					       row->kind == ROW_COMMANDS);
	}
	overlay_rest(root, report);
}
