/* The way of a configuration: text, tree, old spellings, environment, table, rules. A snapshot
 * is given out only when nothing was wrong, so a bad file never makes half a configuration. */
#include "conf/load.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/check.h"
#include "conf/parse.h"

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

/* A server that is configured by the environment alone runs in a container: it is no daemon and logs to the console. */
static void settle_env_only(struct conf_tree *root)
{
	put_word(root, "daemon", "off");
	if (!tree_find(root, "srs_log_tank"))
		put_word(root, "srs_log_tank", "console");
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
