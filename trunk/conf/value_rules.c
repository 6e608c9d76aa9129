/* Directives that may be repeated: rules of so many words, and commands of any number of them. */
#include "base/mem.h"
#include "conf/tree.h"
#include "conf/value.h"
#include "conf/value_inside.h"

#include <stdlib.h>
#include <string.h>

enum { RULE_MAX = 256, RULES_TEXT_MAX = 65536 };
#define RULE_BLANKS " \t;,"

static struct text_list *list_at(void *base, const struct row *row)
{
	return (struct text_list *)((char *)base + row->offset);
}

/* The n-th rule, counted in words of `text`; "" when there are not so many words. */
static char *rule_at(const char *text, int64_t first, int64_t words)
{
	struct buf rule = {.max = RULE_MAX};
	const char *p = text + strspn(text, RULE_BLANKS);
	for (int64_t i = 0; *p && i < first + words; i++) {
		size_t n = strcspn(p, RULE_BLANKS);
		if (i >= first)
			buf_printf(&rule, "%s%.*s", rule.n ? " " : "", (int)n, p);
		p += n;
		p += strspn(p, RULE_BLANKS);
	}
	char *out = mem_strdup(buf_text(&rule));
	buf_free(&rule);
	return out;
}

static int64_t count_words(const char *text)
{
	int64_t count = 0;
	for (const char *p = text + strspn(text, RULE_BLANKS); *p; count++) {
		p += strcspn(p, RULE_BLANKS);
		p += strspn(p, RULE_BLANKS);
	}
	return count;
}

static bool add_rules(struct text_list *list, const struct row *row, const char *text,
		      char why[static VALUE_WHY_MAX])
{
	int64_t count = count_words(text);
	for (int64_t i = 0; i < count; i += row->words) {
		char *rule = rule_at(text, i, row->words);
		bool fits = i + row->words <= count && list->count < row->max &&
			    !(row->judge && row->judge(rule));
		if (fits)
			text_list_add(list, span_str(rule));
		else
			value_expect(why, row, row->hidden ? NULL : rule);
		free(rule);
		if (!fits)
			return false;
	}
	return true;
}

/* Added to the rules that are there. However the words come (one directive a rule, a sequence of YAML, a
 * variable of the environment), each rule is so many of them. */
bool value_set_rules(void *base, const struct row *row, const struct text_list *words,
		     char why[static VALUE_WHY_MAX])
{
	struct buf text = {.max = RULES_TEXT_MAX};
	for (int i = 0; i < words->count; i++)
		buf_printf(&text, "%s ", words->v[i]);
	bool ok = add_rules(list_at(base, row), row, buf_text(&text), why);
	if (!words->count)
		value_expect(why, row, NULL);
	buf_free(&text);
	return ok && words->count;
}

/* Added to the commands that are there. */
bool value_add_command(void *base, const struct row *row, const struct text_list *words,
		       char why[static VALUE_WHY_MAX])
{
	struct buf text = {.max = RULES_TEXT_MAX};
	struct text_list *list = list_at(base, row);
	for (int i = 0; i < words->count; i++)
		buf_printf(&text, "%.*s%s", i > 0, (const char[]){CONF_COMMAND_JOINT, 0},
			   words->v[i]);
	bool fits = words->count && buf_ok(&text) && list->count < row->max;
	if (fits)
		text_list_add(list, buf_span(&text));
	else
		value_expect(why, row, NULL);
	buf_free(&text);
	return fits;
}
