/* check_casters - whether the blocks 'stream_caster' can be told apart, and do not share ports. Layer: conf, for
 * check.c only. */
#pragma once
#include "conf/conf.h"
#include "conf/report.h"

/* What is wrong goes to the report, as being at that place. */
void check_casters(const struct conf *conf, struct conf_place place, struct conf_report *report);
