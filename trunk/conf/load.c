/* The way of a configuration: text, tree, old spellings, environment, table, rules. A snapshot
 * is given out only when nothing was wrong, so a bad file never makes half a configuration. */
#include "conf/load.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/parse.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <stdlib.h>

static void put_word(struct conf_tree *root, const char *name, const char *word)
{
	struct conf_tree *node;
	while ((node = tree_find(root, name))) {
		tree_detach(node);
		tree_free(&node);
	}
	node = tree_new(span_str(name), root->file, 0);
	text_list_add(&node->args, span_str(word));
	tree_append(root, node);
}

/* Without a file there is nobody at a terminal who could have wanted it otherwise. */
static void settle_env_only(struct conf_tree *root)
{
	put_word(root, "daemon", "off");
	if (!tree_find(root, "srs_log_tank"))
		put_word(root, "srs_log_tank", "console");
}

static void free_rows(void *base, bool vhost)
{
	for (const struct row *row = schema_first(); row; row = schema_next(row)) {
		if (row_is_value(row) && row_is_vhost(row) == vhost)
			value_fini(base, row);
	}
}

static void conf_free(struct conf *conf)
{
	for (int i = 0; i < conf->vhost_count; i++) {
		free_rows(&conf->vhosts[i], true);
		free(conf->vhosts[i].name);
	}
	free(conf->vhosts);
	free_rows(conf, false);
	free(conf->file);
	free(conf);
}

static struct conf *build(struct conf_tree *root, const char *file, struct conf_report *report)
{
	struct conf *conf = mem_new(struct conf);
	conf->refs = 1;
	conf->file = mem_strdup(file);
	fill_defaults(conf);
	fill_conf(conf, root, report);
	if (report->errors.n == 0)
		check_rules(conf, root, report);
	return conf;
}

err load_tree(struct conf **out, struct conf_tree *root, const char *file,
	      struct conf_report *report)
{
	struct conf *conf = NULL;

	*out = NULL;
	legacy_rewrite(root, report);
	if (!file)
		put_word(root, "vhost", "__defaultVhost__");
	env_overlay(root, report);
	if (!file)
		settle_env_only(root);
	if (!root->children && report->errors.n == 0)
		report_error(report, place_of(root), "there is not a single directive in it");
	else
		conf = build(root, file ? file : "", report);
	tree_free(&root);
	if (report->errors.n == 0) {
		*out = conf;
		return OK;
	}
	conf_unref(&conf);
	return err_fail(ERR_CONFIG, "the configuration %s has errors",
			file ? log_quote(file) : "of the environment");
}

err conf_load(struct conf **out, const char *file, struct conf_report *report)
{
	struct conf_tree *root =
		file ? parse_file(file, report) : tree_new(span_str(""), "environment", 0);
	return load_tree(out, root, file, report);
}

err conf_load_text(struct conf **out, const char *name, const char *text,
		   struct conf_report *report)
{
	return load_tree(out, parse_memory(name, span_str(text), false, report), name, report);
}

struct conf *conf_ref(struct conf *conf)
{
	conf->refs++;
	return conf;
}

void conf_unref(struct conf **conf)
{
	if (!*conf)
		return;
	check((*conf)->refs > 0);
	if (--(*conf)->refs == 0)
		conf_free(*conf);
	*conf = NULL;
}

const struct conf_vhost *conf_vhost_named(const struct conf *conf, const char *name)
{
	for (int i = 0; i < conf->vhost_count; i++)
		if (strcasecmp(conf->vhosts[i].name, name) == 0)
			return &conf->vhosts[i];
	return NULL;
}

const struct conf_vhost *conf_vhost_find(const struct conf *conf, const char *name)
{
	const struct conf_vhost *vhost = conf_vhost_named(conf, name);
	return vhost ? vhost : conf_vhost_named(conf, "__defaultVhost__");
}

bool conf_is_edge(const struct conf *conf)
{
	int edges = 0, others = 0;
	for (int i = 0; i < conf->vhost_count; i++) {
		if (conf->vhosts[i].enabled && conf->vhosts[i].cluster.mode == MODE_REMOTE)
			edges++;
		else if (conf->vhosts[i].enabled)
			others++;
	}
	return edges > 0 && others == 0;
}
