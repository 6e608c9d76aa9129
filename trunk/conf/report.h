/* report - collects what is wrong with a configuration, one sentence a line. Layer: conf.
 * Nothing stops at the first problem: a person wants to see all of them in one go. */
#pragma once
#include "conf/conf.h"
#include "conf/tree.h"

struct conf_place {
	const char *file;
	int line; /* 0: the whole file */
};

static inline struct conf_place place_of(const struct conf_tree *node)
{
	return (struct conf_place){node->file, node->line};
}

void report_error(struct conf_report *report, struct conf_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_warning(struct conf_report *report, struct conf_place place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The candidate that a mistyped word most probably meant. */
struct nearest {
	const char *word;
	const char *best;
	int distance;
};
void nearest_try(struct nearest *n, const char *candidate);
/* "; did you mean 'listen'?" for the end of a sentence, or "". Valid until the next call. */
const char *nearest_hint(const struct nearest *n);
