/* A node keeps its own copy of the file name: nodes move between blocks when old spellings are
 * rewritten, and a message must still name the line that a person wrote. */
#include "conf/tree.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

void text_list_add(struct text_list *list, struct span text)
{
	vec_reserve(list->v, list->room, list->count + 1);
	list->v[list->count++] = mem_strndup((const char *)text.p, text.n);
}

void text_list_fini(struct text_list *list)
{
	for (int i = 0; i < list->count; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct text_list){};
}

struct conf_tree *tree_new(struct span name, const char *file, int line)
{
	struct conf_tree *node = mem_new(struct conf_tree);
	node->name = mem_strndup((const char *)name.p, name.n);
	node->file = mem_strdup(file);
	node->line = line;
	return node;
}

void tree_free(struct conf_tree **tree)
{
	struct conf_tree *node = *tree;
	if (!node)
		return;
	while (node->children) {
		struct conf_tree *child = tree_detach(node->children);
		tree_free(&child);
	}
	text_list_fini(&node->args);
	free(node->name);
	free(node->file);
	free(node);
	*tree = NULL;
}

void tree_append(struct conf_tree *parent, struct conf_tree *child)
{
	child->parent = parent;
	DL_APPEND(parent->children, child);
}

struct conf_tree *tree_detach(struct conf_tree *node)
{
	DL_DELETE(node->parent->children, node);
	node->parent = node->prev = node->next = NULL;
	return node;
}

struct conf_tree *tree_find(const struct conf_tree *parent, const char *name)
{
	struct conf_tree *child;
	DL_FOREACH (parent->children, child) {
		if (strcmp(child->name, name) == 0)
			return child;
	}
	return NULL;
}

struct conf_tree *tree_find_vhost(const struct conf_tree *root, const char *name)
{
	struct conf_tree *child;
	DL_FOREACH (root->children, child) {
		if (strcmp(child->name, "vhost") == 0 && child->args.count > 0 &&
		    strcmp(child->args.v[0], name) == 0)
			return child;
	}
	return NULL;
}

struct conf_tree *tree_block(struct conf_tree *parent, const char *name)
{
	struct conf_tree *block = tree_find(parent, name);
	if (!block) {
		block = tree_new(span_str(name), parent->file, parent->line);
		tree_append(parent, block);
	}
	return block;
}

const struct conf_tree *tree_walk(const struct conf_tree *from, const char *path, bool *whole)
{
	*whole = false;
	while (*path) {
		size_t n = strcspn(path, ".");
		const struct conf_tree *child, *found = NULL;
		DL_FOREACH (from->children, child) {
			if (span_is(span_of(path, n), child->name)) {
				found = child;
				break;
			}
		}
		if (!found)
			return from;
		from = found;
		path += n + (path[n] == '.');
	}
	*whole = true;
	return from;
}

void tree_path(char out[static TREE_PATH_MAX], const struct conf_tree *node)
{
	if (!node->parent) {
		out[0] = '\0';
		return;
	}
	tree_path(out, node->parent);
	size_t n = strlen(out);
	snprintf(out + n, TREE_PATH_MAX - n, "%s%s", n ? "." : "", node->name);
}

static void print_level(struct buf *out, const struct conf_tree *parent, int depth)
{
	const struct conf_tree *node;
	DL_FOREACH (parent->children, node) {
		buf_printf(out, "%*s%s", depth * 2, "", node->name);
		for (int i = 0; i < node->args.count; i++)
			buf_printf(out, " <%s>", node->args.v[i]);
		buf_printf(out, "\n");
		print_level(out, node, depth + 1);
	}
}

void tree_print(struct buf *out, const struct conf_tree *tree)
{
	print_level(out, tree, 0);
}
