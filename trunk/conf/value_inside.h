/* value_inside - what value.c and value_rules.c share. Layer: conf, for those alone. */
#pragma once
#include "conf/value.h"

/* "expects a rule, not 'x'"; `word` is NULL when there is none. */
void value_expect(char why[static VALUE_WHY_MAX], const struct row *row, const char *word);
/* As value_set() for ROW_RULES and ROW_COMMANDS: added to what is there. */
bool value_set_rules(void *base, const struct row *row, const struct text_list *words,
		     char why[static VALUE_WHY_MAX]);
bool value_add_command(void *base, const struct row *row, const struct text_list *words,
		       char why[static VALUE_WHY_MAX]);
