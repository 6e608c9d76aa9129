/* tree - the directives of a configuration as they were written. Layer: conf.
 * Both syntaxes become this: a name, arguments and perhaps a block of further directives. What
 * a directive means is the business of the schema. Depth and number of nodes are limited by the
 * parsers (parse.h), so walking a tree by recursion is safe. */
#pragma once
#include "base/span.h"
#include "conf/conf.h"

enum { TREE_PATH_MAX = 128 };

struct conf_tree {
	char *name; /* "" for the root */
	struct text_list args;
	char *file; /* where it was read, or "environment SRS_…" with line 0 */
	int line;
	struct conf_tree *parent;
	struct conf_tree *children; /* utlist, doubly linked */
	struct conf_tree *prev, *next;
};

void text_list_add(struct text_list *list, struct span text);
void text_list_fini(struct text_list *list);

struct conf_tree *tree_new(struct span name, const char *file, int line);
/* NULL is fine; clears the pointer. The node must not have a parent any more. */
void tree_free(struct conf_tree **tree);
/* The parent owns the child from then on. */
void tree_append(struct conf_tree *parent, struct conf_tree *child);
/* Takes a node out of its parent; the caller owns it. */
struct conf_tree *tree_detach(struct conf_tree *node);

/* The first child of that name, which is the one that counts; NULL when there is none. */
struct conf_tree *tree_find(const struct conf_tree *parent, const char *name);
/* The vhost block of that name, or NULL. */
struct conf_tree *tree_find_vhost(const struct conf_tree *root, const char *name);
/* The first child of that name, made after the pattern of the parent's place when it lacks. */
struct conf_tree *tree_block(struct conf_tree *parent, const char *name);
/* Follows "play.mw_msgs" as far as it goes: the node itself, or the deepest block on the way. */
const struct conf_tree *tree_walk(const struct conf_tree *from, const char *path, bool *whole);
/* The path as the schema spells it: names joined by dots, arguments left out. */
void tree_path(char out[static TREE_PATH_MAX], const struct conf_tree *node);
/* The tree in a canonical text, for tests and for people. */
void tree_print(struct buf *out, const struct conf_tree *tree);
