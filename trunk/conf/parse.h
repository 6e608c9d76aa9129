/* parse - from the text of a file to directives. Layer: conf.
 * Two syntaxes, chosen by the ending of the name, append to the same tree; `include` opens
 * further files in place, whatever their syntax. All limits of a configuration are here. */
#pragma once
#include "conf/conf.h"
#include "conf/report.h"
#include "conf/tree.h"

#include <sys/types.h>

enum {
	PARSE_FILE_MAX = 1024 * 1024, /* bytes of one file */
	PARSE_WORDS_MAX = 200000,     /* names and arguments of all files together */
	PARSE_DEPTH_MAX = 16,         /* blocks inside blocks */
	PARSE_FILES_MAX = 256,        /* all included files together */
	PARSE_NEST_MAX = 8,           /* includes inside includes */
};

struct parse_file {
	struct parse_file *outer; /* the file whose include opened this one */
	dev_t dev;
	ino_t ino;
};

struct parse {
	struct conf_report *report;
	struct parse_file *open;
	int words, files;
	bool sealed; /* text from memory only: an include is an error */
	bool stop;   /* a limit was exceeded: there is no sense in going on */
	/* Reads a file that an include names into its block. */
	void (*open_path)(struct parse *p, struct conf_tree *parent, const char *file,
			  struct conf_place place);
};

/* The directives of a file, respectively of a text in memory. What is wrong goes to the report;
 * the result is never NULL and holds whatever could be understood. */
struct conf_tree *parse_file(const char *file, struct conf_report *report);
struct conf_tree *parse_memory(const char *name, struct span text, bool sealed,
			       struct conf_report *report);

/* The two syntaxes. */
void parse_conf(struct parse *p, struct conf_tree *parent, const char *file, struct span text);
void parse_yaml(struct parse *p, struct conf_tree *parent, const char *file, struct span text);

/* ---- for the two syntaxes (parse_build.c) ---- */

/* A new node that is not in the tree yet, counted; NULL after a limit was exceeded. */
struct conf_tree *parse_node(struct parse *p, struct span name, const char *file, int line);
void parse_arg(struct parse *p, struct conf_tree *node, struct span text);
/* Puts a complete node into its block; an `include` is replaced by what its files hold. Owns
 * the node. */
void parse_add(struct parse *p, struct conf_tree *parent, struct conf_tree *node);
/* How deep a new block in `parent` would be. */
int parse_depth(const struct conf_tree *parent);
