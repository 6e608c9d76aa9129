/* check - rules that need more than one directive. Layer: conf. */
#pragma once
#include "conf/conf.h"
#include "conf/report.h"
#include "conf/tree.h"

/* Reports what contradicts in a snapshot that was filled from this tree. */
void check_rules(const struct conf *conf, const struct conf_tree *root, struct conf_report *report);
