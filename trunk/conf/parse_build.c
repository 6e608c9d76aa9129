/* What both syntaxes build the tree with: nodes are counted, and an include opens its files in place. */
#include "conf/parse.h"

#include <string.h>

static bool count_word(struct parse *p, struct conf_place place)
{
	if (p->stop)
		return false;
	if (++p->words <= PARSE_WORDS_MAX)
		return true;
	report_error(p->report, place, "the configuration has more than %d words", PARSE_WORDS_MAX);
	p->stop = true;
	return false;
}

struct conf_tree *parse_node(struct parse *p, struct span name, const char *file, int line)
{
	return count_word(p, (struct conf_place){file, line}) ? tree_new(name, file, line) : NULL;
}

void parse_arg(struct parse *p, struct conf_tree *node, struct span text)
{
	/* SRS's language has no empty argument: "" is none. YAML follows, to mean the same. */
	if (text.n && count_word(p, place_of(node)))
		text_list_add(&node->args, text);
}

static void include(struct parse *p, struct conf_tree *parent, const struct conf_tree *node)
{
	struct conf_place place = place_of(node);

	if (node->children)
		report_error(p->report, place, "'include' takes names of files, not a block");
	else if (node->args.count == 0)
		report_error(p->report, place, "'include' expects one or more names of files");
	else if (p->sealed)
		report_error(p->report, place, "'include' is not possible here");
	else
		for (int i = 0; i < node->args.count && !p->stop; i++)
			p->open_path(p, parent, node->args.v[i], place);
}

void parse_add(struct parse *p, struct conf_tree *parent, struct conf_tree *node)
{
	if (strcmp(node->name, "include") == 0) {
		include(p, parent, node);
		tree_free(&node);
	} else {
		tree_append(parent, node);
	}
}

int parse_depth(const struct conf_tree *parent)
{
	int depth = 0;
	for (; parent; parent = parent->parent)
		depth++;
	return depth;
}
