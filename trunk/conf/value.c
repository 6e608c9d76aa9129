/* Numbers are decimal and nothing else: 010 is ten, 1e3 and 0x10 are mistakes. Enumerations are
 * stored through their size of an int, which the table's macros make sure of. */
#include "conf/value.h"
#include "base/addr.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/tree.h"
#include "conf/value_inside.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void *at(void *base, const struct row *row)
{
	return (char *)base + row->offset;
}

static const void *at_const(const void *base, const struct row *row)
{
	return (const char *)base + row->offset;
}

/* "60.5" with `scale` 1000 is 60500. False for anything else than digits and one point. */
static bool decimal(int64_t *out, const char *word, int64_t scale)
{
	bool negative = *word == '-';
	const char *c = word + negative;
	int64_t v = 0, unit = scale;

	if (!isdigit((unsigned char)*c) || strlen(c) > 15)
		return false;
	for (; isdigit((unsigned char)*c); c++)
		v = v * 10 + (*c - '0');
	if (v > INT64_MAX / 1000000)
		return false;
	v *= scale;
	if (*c == '.' && scale > 0 && isdigit((unsigned char)c[1])) {
		for (c++; isdigit((unsigned char)*c); c++) {
			v += (*c - '0') * unit / 10;
			unit /= 10;
		}
	}
	*out = negative ? -v : v;
	return *c == '\0';
}

static bool set_number(void *base, const struct row *row, const char *word)
{
	int64_t v;
	if (row->kind == ROW_INT && strchr(word, '.'))
		return false;
	if (!decimal(&v, word, row->kind == ROW_SECONDS ? 1000 : 1) || v < row->min || v > row->max)
		return false;
	if (row->kind == ROW_INT) {
		int small = (int)v;
		memcpy(at(base, row), &small, sizeof(small));
	} else {
		memcpy(at(base, row), &v, sizeof(v));
	}
	return true;
}

static bool set_onoff(void *base, const struct row *row, const char *word)
{
	bool on = strcmp(word, "on") == 0;
	if (!on && strcmp(word, "off") != 0)
		return false;
	memcpy(at(base, row), &on, sizeof(on));
	return true;
}

static bool set_enum(void *base, const struct row *row, const char *word)
{
	for (const struct choice *c = row->choices; c->name; c++) {
		if (strcmp(c->name, word) == 0) {
			memcpy(at(base, row), &c->value, sizeof(c->value));
			return true;
		}
	}
	return false;
}

static bool text_fits(const struct row *row, const char *word)
{
	size_t n = strlen(word);
	return n >= (size_t)row->min && n <= (size_t)row->max &&
	       !(n && row->judge && row->judge(word));
}

static bool set_text(void *base, const struct row *row, const char *word)
{
	char **text = at(base, row);
	if (!text_fits(row, word))
		return false;
	free(*text);
	*text = mem_strdup(word);
	return true;
}

static void set_list(void *base, const struct row *row, const struct text_list *words)
{
	struct text_list *list = at(base, row);
	text_list_fini(list);
	for (int i = 0; i < words->count; i++)
		text_list_add(list, span_str(words->v[i]));
}

static bool set_word(void *base, const struct row *row, const char *word)
{
	switch (row->kind) {
	case ROW_ONOFF:
		return set_onoff(base, row, word);
	case ROW_INT:
	case ROW_SECONDS:
	case ROW_MILLIS:
		return set_number(base, row, word);
	case ROW_ENUM:
		return set_enum(base, row, word);
	case ROW_TEXT:
		return set_text(base, row, word);
	default:
		check(!"a row that has no value");
		return false;
	}
}

void value_expect(char why[static VALUE_WHY_MAX], const struct row *row, const char *word)
{
	struct buf range = {.max = 160};
	const char *special = row->judge && word && *word ? row->judge(word) : NULL;
	word = row->hidden ? NULL : word;

	value_range_text(&range, row);
	snprintf(why, VALUE_WHY_MAX, "expects %s%s%.60s%s", special ? special : buf_text(&range),
		 word ? ", not '" : "", word ? log_quote(word) : "", word ? "'" : "");
	buf_free(&range);
}

static bool list_fits(const struct row *row, const struct text_list *words,
		      char why[static VALUE_WHY_MAX])
{
	if (words->count < row->min || words->count > row->max) {
		value_expect(why, row, NULL);
		return false;
	}
	for (int i = 0; i < words->count; i++) {
		if (row->judge && row->judge(words->v[i])) {
			value_expect(why, row, words->v[i]);
			return false;
		}
	}
	return true;
}

bool value_set(void *base, const struct row *row, const struct text_list *words,
	       char why[static VALUE_WHY_MAX])
{
	if (row->kind == ROW_LIST) {
		if (!list_fits(row, words, why))
			return false;
		set_list(base, row, words);
		return true;
	}
	if (row->kind == ROW_OPTIONS) {
		set_list(base, row, words);
		return true;
	}
	if (row->kind == ROW_COMMANDS)
		return value_add_command(base, row, words, why);
	if (row->kind == ROW_RULES)
		return value_set_rules(base, row, words, why);
	if (words->count > 1) {
		snprintf(why, VALUE_WHY_MAX, "takes one value, not %d", words->count);
		return false;
	}
	const char *word = words->count ? words->v[0] : "";
	if (set_word(base, row, word))
		return true;
	value_expect(why, row, words->count ? word : NULL);
	return false;
}

void value_set_default(void *base, const struct row *row)
{
	char *word = row->value ? mem_strdup(row->value) : NULL;
	if (row->kind == ROW_TEXT && !row->value)
		*(char **)at(base, row) = mem_strdup("");
	else if (row->kind == ROW_LIST && row->value) /* of one word */
		set_list(base, row, &(struct text_list){.count = 1, .v = &word});
	else if (row->value)
		check(set_word(base, row, row->value));
	free(word);
}

static void millis_text(struct buf *out, int64_t ms)
{
	buf_printf(out, "%" PRId64, ms / 1000);
	if (ms % 1000) {
		buf_printf(out, ".%03d", (int)(ms % 1000));
		while (out->n && out->p[out->n - 1] == '0')
			out->n--;
	}
}

static void number_text(struct buf *out, const struct row *row, int64_t v)
{
	if (row->kind == ROW_SECONDS)
		millis_text(out, v);
	else
		buf_printf(out, "%" PRId64, v);
}

static void enum_text(struct buf *out, const struct row *row, int v)
{
	for (const struct choice *c = row->choices; c->name; c++) {
		if (c->value == v) {
			buf_printf(out, "%s", c->name);
			return;
		}
	}
}

static void list_text(struct buf *out, const struct row *row, const struct text_list *list)
{
	bool apart = row->kind == ROW_RULES || row->kind == ROW_COMMANDS;
	for (int i = 0; i < list->count; i++) {
		buf_printf(out, "%s", !i ? "" : apart ? "; " : " ");
		for (const char *c = list->v[i]; *c; c++)
			buf_u8(out, *c == CONF_COMMAND_JOINT ? ' ' : (uint8_t)*c);
	}
}

void value_text(struct buf *out, const struct row *row, const void *base)
{
	const void *p = at_const(base, row);
	const struct text_list *list = p;

	switch (row->kind) {
	case ROW_ONOFF:
		buf_printf(out, "%s", *(const bool *)p ? "on" : "off");
		break;
	case ROW_INT:
		number_text(out, row, *(const int *)p);
		break;
	case ROW_SECONDS:
	case ROW_MILLIS:
		number_text(out, row, *(const int64_t *)p);
		break;
	case ROW_ENUM:
		enum_text(out, row, *(const int *)p);
		break;
	case ROW_TEXT:
		buf_printf(out, "%s", *(char *const *)p);
		break;
	case ROW_LIST:
	case ROW_OPTIONS:
	case ROW_RULES:
	case ROW_COMMANDS:
		list_text(out, row, list);
		break;
	default:
		break;
	}
}

static size_t plain_size(const struct row *row)
{
	switch (row->kind) {
	case ROW_ONOFF:
		return sizeof(bool);
	case ROW_INT:
	case ROW_ENUM:
		return sizeof(int);
	default:
		return sizeof(int64_t);
	}
}

static bool is_list(const struct row *row)
{
	return row->kind == ROW_LIST || row->kind == ROW_OPTIONS || row->kind == ROW_RULES ||
	       row->kind == ROW_COMMANDS;
}

void value_copy(void *to, const struct row *row, const void *from)
{
	const void *p = at_const(from, row);
	if (is_list(row)) {
		set_list(to, row, p);
	} else if (row->kind == ROW_TEXT) {
		char **text = at(to, row), *const *other = p;
		free(*text);
		*text = *other ? mem_strdup(*other) : NULL;
	} else {
		memcpy(at(to, row), p, plain_size(row));
	}
}

void value_each(const void *base, const struct row *row, void (*each)(const char *text, void *ctx),
		void *ctx)
{
	const void *p = at_const(base, row);
	const struct text_list *list = p;
	if (row->kind == ROW_TEXT)
		each(*(char *const *)p, ctx);
	for (int i = 0; row->kind == ROW_LIST && i < list->count; i++)
		each(list->v[i], ctx);
}

void value_fini(void *base, const struct row *row)
{
	if (row->kind == ROW_TEXT) {
		free(*(char **)at(base, row));
		*(char **)at(base, row) = NULL;
	} else if (is_list(row)) {
		text_list_fini(at(base, row));
	}
}

static void number_range(struct buf *out, const struct row *row)
{
	const char *unit = row->kind == ROW_SECONDS  ? "seconds, "
			   : row->kind == ROW_MILLIS ? "milliseconds, "
						     : "a whole number, ";
	buf_printf(out, "%s", unit);
	number_text(out, row, row->min);
	buf_printf(out, " to ");
	number_text(out, row, row->max);
}

void value_range_text(struct buf *out, const struct row *row)
{
	const char *special = row->judge ? row->judge("") : NULL;

	switch (row->kind) {
	case ROW_ONOFF:
		buf_printf(out, "on or off");
		break;
	case ROW_INT:
	case ROW_SECONDS:
	case ROW_MILLIS:
		number_range(out, row);
		break;
	case ROW_ENUM:
		for (const struct choice *c = row->choices; c->name; c++)
			buf_printf(out, "%s%s",
				   c == row->choices ? ""
				   : c[1].name       ? ", "
						     : " or ",
				   c->name);
		break;
	case ROW_TEXT:
		buf_printf(out, "%s", special ? special : "a text");
		break;
	case ROW_RULES:
		buf_printf(out, "%s", special ? special : "a rule");
		break;
	case ROW_OPTIONS:
		buf_printf(out, "options");
		break;
	case ROW_COMMANDS:
		buf_printf(out, "a command: a program and its arguments");
		break;
	case ROW_LIST:
		buf_printf(out, "%s of %s", row->min ? "one or more" : "a list",
			   special ? special : "texts");
		break;
	default:
		break;
	}
}
