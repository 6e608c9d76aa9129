/* What older versions of SRS wrote at other places. The target may exist already: then it stands
 * first and wins, and the walk by the table warns about the second one. */
#include "base/log.h"
#include "base/mem.h"
#include "conf/load.h"

#include <stdlib.h>
#include <utlist.h>

struct alias {
	const char *from; /* in the vhost */
	const char *block;
	const char *name;
};

static const struct alias aliases[] = {
	{"time_jitter", "play", "time_jitter"},
	{"mix_correct", "play", "mix_correct"},
	{"atc", "play", "atc"},
	{"atc_auto", "play", "atc_auto"},
	{"mw_latency", "play", "mw_latency"},
	{"gop_cache", "play", "gop_cache"},
	{"gop_cache_max_frames", "play", "gop_cache_max_frames"},
	{"queue_length", "play", "queue_length"},
	{"send_min_interval", "play", "send_min_interval"},
	{"reduce_sequence_header", "play", "reduce_sequence_header"},
	{"publish_1stpkt_timeout", "publish", "firstpkt_timeout"},
	{"publish_normal_timeout", "publish", "normal_timeout"},
	{"mr.enabled", "publish", "mr"},
	{"mr.latency", "publish", "mr_latency"},
	{"mode", "cluster", "mode"},
	{"origin", "cluster", "origin"},
	{"token_traverse", "cluster", "token_traverse"},
	{"vhost", "cluster", "vhost"},
	{"debug_srs_upnode", "cluster", "debug_srs_upnode"},
};

static const struct alias *alias_find(const char *prefix, const char *name)
{
	size_t n = strlen(prefix);
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		const char *from = aliases[i].from;
		if (strncmp(from, prefix, n) == 0 && strcmp(from + n, name) == 0)
			return &aliases[i];
	}
	return NULL;
}

static void rename_node(struct conf_tree *node, const char *name, struct conf_report *report)
{
	report_warning(report, place_of(node), "'%s' is the old name of '%s'",
		       log_quote(node->name), name);
	free(node->name);
	node->name = mem_strdup(name);
}

static void move(struct conf_tree *vhost, struct conf_tree *node, const struct alias *alias,
		 struct conf_report *report)
{
	report_warning(report, place_of(node), "'%s' is an old spelling of '%s { %s … }'",
		       alias->from, alias->block, alias->name);
	tree_detach(node);
	free(node->name);
	node->name = mem_strdup(alias->name);
	tree_append(tree_block(vhost, alias->block), node);
}

/* mr { enabled on; latency 350; }: what is left in the block is unknown and will be told. */
static void rewrite_mr(struct conf_tree *vhost, struct conf_tree *mr, struct conf_report *report)
{
	struct conf_tree *node, *next;
	DL_FOREACH_SAFE (mr->children, node, next) {
		const struct alias *alias = alias_find("mr.", node->name);
		if (alias)
			move(vhost, node, alias, report);
	}
	if (!mr->children && mr->args.count == 0) {
		tree_detach(mr);
		tree_free(&mr);
	}
}

/* forward a b; */
static void rewrite_forward(struct conf_tree *node, struct conf_report *report)
{
	if (node->children || !node->args.count)
		return;
	report_warning(report, place_of(node),
		       "'forward %s' is an old spelling of 'forward { enabled on; destination … }'",
		       log_quote(node->args.v[0]));
	struct conf_tree *enabled = tree_new(span_str("enabled"), node->file, node->line);
	struct conf_tree *destination = tree_new(span_str("destination"), node->file, node->line);
	text_list_add(&enabled->args, span_str("on"));
	destination->args = node->args;
	node->args = (struct text_list){0};
	tree_append(node, enabled);
	tree_append(node, destination);
}

static void rewrite_vhost(struct conf_tree *vhost, struct conf_report *report)
{
	struct conf_tree *node, *next;
	DL_FOREACH_SAFE (vhost->children, node, next) {
		const struct alias *alias = alias_find("", node->name);
		if (alias)
			move(vhost, node, alias, report);
		else if (strcmp(node->name, "mr") == 0)
			rewrite_mr(vhost, node, report);
		else if (strcmp(node->name, "forward") == 0)
			rewrite_forward(node, report);
		else if (strcmp(node->name, "http") == 0)
			rename_node(node, "http_static", report);
	}
}

/* A misspelling of SRS that it still takes. */
static void rewrite_srt(struct conf_tree *srt, struct conf_report *report)
{
	struct conf_tree *node;
	DL_FOREACH (srt->children, node)
		if (strcmp(node->name, "tlpkdrop") == 0)
			rename_node(node, "tlpktdrop", report);
}

void legacy_rewrite(struct conf_tree *root, struct conf_report *report)
{
	struct conf_tree *node;
	DL_FOREACH (root->children, node) {
		if (strcmp(node->name, "vhost") == 0)
			rewrite_vhost(node, report);
		else if (strcmp(node->name, "http_stream") == 0)
			rename_node(node, "http_server", report);
		else if (strcmp(node->name, "srt_server") == 0)
			rewrite_srt(node, report);
	}
}
