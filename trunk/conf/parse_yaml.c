/* YAML as a second spelling of the same tree: a mapping is a block, a scalar or a list are the
 * arguments, a list of lists repeats a directive, and a block that has a name (vhost) is a
 * mapping of names. Quotes and tags are dropped, since the schema decides what a text means.
 * libyaml composes the document, so that an anchor costs nothing until it is used; every use is
 * counted as words are, which is what makes a bomb of aliases harmless. What costs libyaml itself
 * more than its length, deep nesting and very many anchors, is refused in a pass over its events
 * before. */
#include "base/check.h"
#include "conf/parse.h"
#include "conf/schema.h"

#include <yaml.h>

struct yaml {
	struct parse *p;
	const char *file;
	yaml_document_t doc;
};

static struct conf_place place_at(const struct yaml *y, const yaml_node_t *node)
{
	return (struct conf_place){y->file, (int)node->start_mark.line + 1};
}

static struct span scalar(const yaml_node_t *node)
{
	return span_of(node->data.scalar.value, node->data.scalar.length);
}

/* A scalar that can be a word: "\0" is the one thing that YAML can write and we cannot hold. */
static bool is_word(const struct yaml *y, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		report_error(y->p->report, place_at(y, node), "%s must be plain text", what);
		return false;
	}
	if (node->data.scalar.length &&
	    memchr(node->data.scalar.value, '\0', node->data.scalar.length)) {
		report_error(y->p->report, place_at(y, node), "a NUL byte inside %s", what);
		return false;
	}
	return true;
}

static void walk_mapping(struct yaml *y, struct conf_tree *parent, const yaml_node_t *map);

static void walk_block(struct yaml *y, struct conf_tree *parent, struct conf_tree *node,
		       const yaml_node_t *value)
{
	if (parse_depth(parent) > PARSE_DEPTH_MAX) {
		report_error(y->p->report, place_of(node), "blocks are nested more than %d deep",
			     PARSE_DEPTH_MAX);
		y->p->stop = true;
	} else {
		node->parent = parent;
		walk_mapping(y, node, value);
		node->parent = NULL;
	}
	parse_add(y->p, parent, node);
}

/* vhost: { name: { … }, other: { … } } */
static void walk_names(struct yaml *y, struct conf_tree *parent, struct span name,
		       const yaml_node_t *map)
{
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top && !y->p->stop; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&y->doc, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&y->doc, pair->value);

		if (!is_word(y, key, "the name of a block"))
			continue;
		struct conf_tree *node = parse_node(y->p, name, y->file, place_at(y, key).line);
		if (!node)
			return;
		parse_arg(y->p, node, scalar(key));
		if (value->type == YAML_MAPPING_NODE) {
			walk_block(y, parent, node, value);
			continue;
		}
		if (value->type != YAML_SCALAR_NODE || value->data.scalar.length)
			report_error(y->p->report, place_at(y, value),
				     "a mapping is expected here");
		parse_add(y->p, parent, node);
	}
}

static void add_args(struct yaml *y, struct conf_tree *node, const yaml_node_t *list)
{
	for (const yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top && !y->p->stop; item++) {
		const yaml_node_t *value = yaml_document_get_node(&y->doc, *item);
		if (is_word(y, value, "an item of this list"))
			parse_arg(y->p, node, scalar(value));
	}
}

static bool is_list_of_lists(struct yaml *y, const yaml_node_t *list)
{
	const yaml_node_item_t *items = list->data.sequence.items.start;
	return items < list->data.sequence.items.top &&
	       yaml_document_get_node(&y->doc, *items)->type == YAML_SEQUENCE_NODE;
}

static void walk_lists(struct yaml *y, struct conf_tree *parent, struct span name,
		       const yaml_node_t *lists)
{
	for (const yaml_node_item_t *item = lists->data.sequence.items.start;
	     item < lists->data.sequence.items.top && !y->p->stop; item++) {
		const yaml_node_t *list = yaml_document_get_node(&y->doc, *item);
		struct conf_tree *node = parse_node(y->p, name, y->file, place_at(y, list).line);
		if (!node)
			return;
		if (list->type == YAML_SEQUENCE_NODE)
			add_args(y, node, list);
		else
			report_error(y->p->report, place_at(y, list),
				     "a list is expected here, as in the items before");
		parse_add(y->p, parent, node);
	}
}

static bool is_named(const struct conf_tree *parent, struct span name)
{
	char path[TREE_PATH_MAX];
	tree_path(path, parent);
	size_t n = strlen(path);
	snprintf(path + n, sizeof(path) - n, "%s%.*s", n ? "." : "", (int)name.n,
		 (const char *)name.p);
	const struct row *row = schema_find(path);
	return row && row->named;
}

static void walk_pair(struct yaml *y, struct conf_tree *parent, const yaml_node_t *key,
		      const yaml_node_t *value)
{
	struct span name = scalar(key);

	if (value->type == YAML_MAPPING_NODE && is_named(parent, name)) {
		walk_names(y, parent, name, value);
		return;
	}
	if (value->type == YAML_SEQUENCE_NODE && is_list_of_lists(y, value)) {
		walk_lists(y, parent, name, value);
		return;
	}
	struct conf_tree *node = parse_node(y->p, name, y->file, place_at(y, key).line);
	if (!node)
		return;
	if (value->type == YAML_MAPPING_NODE) {
		walk_block(y, parent, node, value);
		return;
	}
	if (value->type == YAML_SEQUENCE_NODE)
		add_args(y, node, value);
	else if (is_word(y, value, "a value"))
		parse_arg(y->p, node, scalar(value));
	parse_add(y->p, parent, node);
}

static void walk_mapping(struct yaml *y, struct conf_tree *parent, const yaml_node_t *map)
{
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top && !y->p->stop; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&y->doc, pair->key);
		const yaml_node_t *value = yaml_document_get_node(&y->doc, pair->value);

		if (!is_word(y, key, "the name of a directive"))
			continue;
		if (key->data.scalar.length == 0)
			report_error(y->p->report, place_at(y, key), "a directive without a name");
		else
			walk_pair(y, parent, key, value);
	}
}

static void syntax_error(const struct yaml *y, const yaml_parser_t *parser)
{
	int line = (int)parser->problem_mark.line + 1;
	report_error(y->p->report, (struct conf_place){y->file, line}, "this is not YAML: %s%s%s",
		     parser->problem ? parser->problem : "it cannot be read",
		     parser->context ? ", " : "", parser->context ? parser->context : "");
}

enum { NESTING_MAX = 64, ANCHORS_MAX = 1000 };

static bool has_anchor(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

static int nesting_step(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

/* Whether composing the text is cheap. What is no YAML is left to the composer to tell. */
static bool is_cheap(const struct yaml *y, struct span text)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int depth = 0, anchors = 0;
	bool end = false;

	check(yaml_parser_initialize(&parser) && "out of memory");
	yaml_parser_set_input_string(&parser, text.p, text.n);
	while (!end && yaml_parser_parse(&parser, &event)) {
		struct conf_place place = {y->file, (int)event.start_mark.line + 1};
		depth += nesting_step(&event);
		anchors += has_anchor(&event);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (depth <= NESTING_MAX && anchors <= ANCHORS_MAX)
			continue;
		report_error(y->p->report, place, "more than %d levels or %d anchors", NESTING_MAX,
			     ANCHORS_MAX);
		break;
	}
	yaml_parser_delete(&parser);
	return depth <= NESTING_MAX && anchors <= ANCHORS_MAX;
}

/* Composes the next document and walks it; false when there is no next one. */
static bool read_document(struct yaml *y, yaml_parser_t *parser, struct conf_tree *parent,
			  bool first)
{
	if (!yaml_parser_load(parser, &y->doc)) {
		syntax_error(y, parser);
		return false;
	}
	const yaml_node_t *root = yaml_document_get_root_node(&y->doc);
	bool more = root && first;

	if (root && !first)
		report_error(y->p->report, place_at(y, root),
			     "a second document; one file holds one");
	else if (root && root->type == YAML_MAPPING_NODE)
		walk_mapping(y, parent, root);
	else if (root && (root->type != YAML_SCALAR_NODE || root->data.scalar.length))
		report_error(y->p->report, place_at(y, root),
			     "the file must be a mapping of directives, 'name: value'");
	yaml_document_delete(&y->doc);
	return more;
}

void parse_yaml(struct parse *p, struct conf_tree *parent, const char *file, struct span text)
{
	struct yaml y = {.p = p, .file = file};
	yaml_parser_t parser;

	if (!is_cheap(&y, text))
		return;
	check(yaml_parser_initialize(&parser) && "out of memory");
	yaml_parser_set_input_string(&parser, text.p, text.n);
	bool more = read_document(&y, &parser, parent, true);
	while (more)
		more = read_document(&y, &parser, parent, false);
	yaml_parser_delete(&parser);
}
