/* load - the steps between a tree and a snapshot. Layer: conf. */
#pragma once
#include "conf/conf.h"
#include "conf/report.h"
#include "conf/tree.h"

/* load.c: all the steps. Owns the tree. `file` is NULL for environment only. */
err load_tree(struct conf **out, struct conf_tree *root, const char *file,
	      struct conf_report *report);
/* legacy.c: moves directives of older SRS versions to where they are today, with a warning. */
void legacy_rewrite(struct conf_tree *root, struct conf_report *report);
/* env.c: puts the SRS_ variables of the environment in the place of what the tree says. */
void env_overlay(struct conf_tree *root, struct conf_report *report);
/* fill.c: walks the tree by the table, sets members, reports what does not fit. */
void fill_defaults(struct conf *conf);
void fill_conf(struct conf *conf, const struct conf_tree *root, struct conf_report *report);
