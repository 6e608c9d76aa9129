/* schema - THE table: every directive once. Layer: conf.
 * From a row come parsing, defaults, checks, environment names, help, the annotated full file
 * and the difference at reload. To add a directive, add a member to conf.h and a row here. */
#pragma once
#include "base/buf.h"
#include "conf/conf.h"

enum row_kind {
	ROW_BLOCK,
	ROW_ONOFF,
	ROW_INT,
	ROW_SECONDS, /* in the file seconds, in the struct milliseconds */
	ROW_MILLIS,
	ROW_TEXT,
	ROW_ENUM,
	ROW_LIST,
	ROW_RULES,       /* may be repeated; a list of texts of so many words each */
	ROW_OPTIONS,     /* a block of any names and values: a list of texts "-name", "value" */
	ROW_COMMANDS,    /* may be repeated; a list of commands of any number of words */
	ROW_UNSUPPORTED, /* of SRS, not built yet: an error when enabled, else a warning */
	ROW_IGNORED,     /* of SRS, without effect here: a warning */
};

enum row_apply { APPLY_NOW, APPLY_NEW, APPLY_RESTART };

struct choice {
	const char *name; /* NULL ends the list */
	int value;
};

/* Where the items of a named block are: an array that grows, in the struct of the block around it. The first
 * member of an item is its name, a text that it owns. */
struct row_items {
	size_t count, room, v; /* offsets */
	size_t size;           /* of an item */
};

struct row {
	const char *path; /* "vhost.play.gop_cache" */
	enum row_kind kind;
	bool named;             /* a block with a name; in YAML a mapping of names */
	bool may_repeat;        /* blocks of one name stand beside each other, and need none */
	struct row_items items; /* of a named block, unless it is of SRS alone */
	bool is_file;           /* names files that are read, again at a reload */
	bool hidden;            /* never printed into logs: a secret */
	bool later;             /* known, with its member, but nothing but its default works yet */
	size_t offset;          /* in the struct of row_owner(), or in struct conf */
	const char *value;      /* default, as one writes it in a file; NULL: not set */
	const char *example;    /* for those without default */
	int words;              /* of each of the rules */
	int64_t min, max; /* of numbers in their unit of the struct; of texts and lists: length */
	const struct choice *choices;
	/* A word that is wrong gets what was expected instead; NULL for a good one. */
	const char *(*judge)(const char *word);
	enum row_apply apply;
	const char *help;
};

/* Iterate over all rows, a block before its members; NULL behind the last one. */
const struct row *schema_first(void);
const struct row *schema_next(const struct row *row);
/* The row of a full path; NULL when there is none. */
const struct row *schema_find(const char *path);
/* The row's own name, without the blocks around it. */
const char *row_name(const struct row *row);
/* "vhost.play" for "vhost.play.atc", "" for "listen". */
bool row_is_in(const struct row *row, const char *block);
bool row_is_vhost(const struct row *row);
/* The nearest named block around it, whose items have its member; NULL: the configuration itself. */
const struct row *row_owner(const struct row *row);
/* True for rows that hold a value of ours. */
bool row_is_value(const struct row *row);
