/* Reading is a recursive descent whose every step is paid for: one value of AMF_MAX_VALUES, one
 * level of AMF_MAX_DEPTH, and strings only as long as the bytes that are really there.
 *
 * Two members of one name are both kept, so that what is written again is what was read; asking
 * finds the first. References and AMF3 are refused: no peer needs them in a command, and a
 * reference would turn the tree into a graph. */
#include "codec/amf0.h"
#include "base/mem.h"

#include <stdlib.h>
#include <utlist.h>

enum marker {
	MARK_NUMBER = 0,
	MARK_BOOL = 1,
	MARK_STRING = 2,
	MARK_OBJECT = 3,
	MARK_NULL = 5,
	MARK_UNDEFINED = 6,
	MARK_REFERENCE = 7,
	MARK_ECMA = 8,
	MARK_END = 9,
	MARK_STRICT = 10,
	MARK_DATE = 11,
	MARK_LONG_STRING = 12,
	MARK_UNSUPPORTED = 13,
	MARK_XML = 15,
	MARK_TYPED = 16,
	MARK_AMF3 = 17,
};

struct amf_reading {
	struct cur *c;
	int depth;
	int values;
};

static err read_value(struct amf **out, struct amf_reading *r);

err amf_read(struct amf **out, struct cur *c)
{
	struct amf_reading r = {.c = c};
	return read_value(out, &r);
}

static err cut_short(void)
{
	return err_fail(ERR_PROTOCOL, "AMF0: the value ends too early");
}

static struct amf *value_new(enum amf_kind kind)
{
	struct amf *v = mem_new(struct amf);
	v->kind = kind;
	return v;
}

static void set_text(struct amf *v, struct span s)
{
	v->text = s.n ? mem_strndup((const char *)s.p, s.n) : mem_strdup("");
	v->text_n = s.n;
}

static err read_string(struct amf *v, struct amf_reading *r, size_t length_size)
{
	struct span s = cur_bytes(r->c, cur_be(r->c, length_size));
	if (!cur_ok(r->c))
		return cut_short();
	v->kind = AMF_STRING;
	set_text(v, s);
	return OK;
}

static err read_number(struct amf *v, struct amf_reading *r)
{
	v->kind = AMF_NUMBER;
	v->number = cur_f64(r->c);
	return cur_ok(r->c) ? OK : cut_short();
}

static err read_bool(struct amf *v, struct amf_reading *r)
{
	v->kind = AMF_BOOL;
	v->number = cur_u8(r->c) != 0;
	return cur_ok(r->c) ? OK : cut_short();
}

/* The time zone behind the number is reserved and always 0. */
static err read_date(struct amf *v, struct amf_reading *r)
{
	v->kind = AMF_DATE;
	v->number = cur_f64(r->c);
	cur_skip(r->c, 2);
	return cur_ok(r->c) ? OK : cut_short();
}

/* One member, or the end of the object. Some writers leave the marker of the last ends out: nothing is
 * missing then. */
static err read_member(struct amf **member, bool *end, struct amf_reading *r)
{
	if (cur_ok(r->c) && cur_left(r->c) == 0) {
		*end = true;
		return OK;
	}
	struct span key = cur_bytes(r->c, cur_u16(r->c));
	if (!cur_ok(r->c))
		return cut_short();
	if (key.n == 0 && cur_left(r->c) > 0 && *r->c->p == MARK_END) {
		cur_skip(r->c, 1);
		*end = true;
		return OK;
	}
	if (key.n && memchr(key.p, 0, key.n))
		return err_fail(ERR_PROTOCOL, "AMF0: a member's name holds a NUL");
	TRY(read_value(member, r));
	(*member)->key = key.n ? mem_strndup((const char *)key.p, key.n) : mem_strdup("");
	return OK;
}

static err read_members(struct amf *v, struct amf_reading *r, enum amf_kind kind)
{
	v->kind = kind;
	struct amf **tail = &v->child;
	for (bool end = false; !end; tail = *tail ? &(*tail)->next : tail)
		TRY(read_member(tail, &end, r));
	return OK;
}

/* The count of an ECMA array is a hint that many writers get wrong. */
static err read_ecma(struct amf *v, struct amf_reading *r)
{
	cur_skip(r->c, 4);
	return read_members(v, r, AMF_ECMA);
}

static err read_typed(struct amf *v, struct amf_reading *r)
{
	cur_skip(r->c, cur_u16(r->c)); /* the name of a class that nobody here has */
	return read_members(v, r, AMF_OBJECT);
}

static err read_strict(struct amf *v, struct amf_reading *r)
{
	v->kind = AMF_STRICT;
	uint32_t count = cur_u32(r->c);
	if (!cur_ok(r->c) || count > cur_left(r->c))
		return cut_short();
	struct amf **tail = &v->child;
	for (uint32_t i = 0; i < count; i++, tail = &(*tail)->next)
		TRY(read_value(tail, r));
	return OK;
}

static err read_content(struct amf *v, struct amf_reading *r)
{
	uint8_t marker = cur_u8(r->c);
	if (!cur_ok(r->c))
		return cut_short();
	switch ((enum marker)marker) {
	case MARK_NUMBER:
		return read_number(v, r);
	case MARK_BOOL:
		return read_bool(v, r);
	case MARK_STRING:
		return read_string(v, r, 2);
	case MARK_LONG_STRING:
	case MARK_XML:
		return read_string(v, r, 4);
	case MARK_OBJECT:
		return read_members(v, r, AMF_OBJECT);
	case MARK_TYPED:
		return read_typed(v, r);
	case MARK_ECMA:
		return read_ecma(v, r);
	case MARK_STRICT:
		return read_strict(v, r);
	case MARK_DATE:
		return read_date(v, r);
	case MARK_NULL:
		return OK;
	case MARK_UNDEFINED:
	case MARK_UNSUPPORTED:
		v->kind = AMF_UNDEFINED;
		return OK;
	case MARK_REFERENCE:
		return err_fail(ERR_PROTOCOL, "AMF0: references are not supported");
	case MARK_AMF3:
		return err_fail(ERR_PROTOCOL, "AMF0: values in AMF3 are not supported");
	case MARK_END:
		return err_fail(ERR_PROTOCOL, "AMF0: the end of an object outside of one");
	}
	return err_fail(ERR_PROTOCOL, "AMF0: there is no type %u", marker);
}

static err read_value(struct amf **out, struct amf_reading *r)
{
	if (r->depth >= AMF_MAX_DEPTH)
		return err_fail(ERR_LIMIT, "AMF0: nested more than %d deep", AMF_MAX_DEPTH);
	if (r->values >= AMF_MAX_VALUES)
		return err_fail(ERR_LIMIT, "AMF0: more than %d values", AMF_MAX_VALUES);
	r->depth++;
	r->values++;
	struct amf *v = value_new(AMF_NULL);
	err e = read_content(v, r);
	r->depth--;
	if (e)
		amf_free(&v);
	else
		*out = v;
	return e;
}

void amf_free(struct amf **value)
{
	struct amf *v = *value;
	*value = NULL;
	if (!v)
		return;
	while (v->child) {
		struct amf *child = v->child;
		v->child = child->next;
		amf_free(&child);
	}
	free(v->text);
	free(v->key);
	free(v);
}

static void write_string(struct buf *b, const struct amf *v)
{
	bool is_long = v->text_n > UINT16_MAX;
	buf_u8(b, is_long ? MARK_LONG_STRING : MARK_STRING);
	buf_be(b, v->text_n, is_long ? 4 : 2);
	buf_put(b, v->text, v->text_n);
}

static void write_members(struct buf *b, const struct amf *v)
{
	const struct amf *m;
	LL_FOREACH (v->child, m) {
		size_t n = strlen(m->key);
		if (n > UINT16_MAX)
			b->bad = true;
		buf_u16(b, (uint16_t)n);
		buf_put(b, m->key, n);
		amf_write(b, m);
	}
	buf_u16(b, 0);
	buf_u8(b, MARK_END);
}

static void write_count(struct buf *b, const struct amf *v)
{
	const struct amf *m;
	uint32_t count;
	LL_COUNT(v->child, m, count);
	buf_u32(b, count);
}

static void write_strict(struct buf *b, const struct amf *v)
{
	buf_u8(b, MARK_STRICT);
	write_count(b, v);
	const struct amf *m;
	LL_FOREACH (v->child, m)
		amf_write(b, m);
}

void amf_write(struct buf *b, const struct amf *v)
{
	switch (v->kind) {
	case AMF_NULL:
		buf_u8(b, MARK_NULL);
		break;
	case AMF_UNDEFINED:
		buf_u8(b, MARK_UNDEFINED);
		break;
	case AMF_BOOL:
		buf_u8(b, MARK_BOOL);
		buf_u8(b, v->number != 0);
		break;
	case AMF_NUMBER:
		buf_u8(b, MARK_NUMBER);
		buf_f64(b, v->number);
		break;
	case AMF_STRING:
		write_string(b, v);
		break;
	case AMF_OBJECT:
		buf_u8(b, MARK_OBJECT);
		write_members(b, v);
		break;
	case AMF_ECMA:
		buf_u8(b, MARK_ECMA);
		write_count(b, v);
		write_members(b, v);
		break;
	case AMF_STRICT:
		write_strict(b, v);
		break;
	case AMF_DATE:
		buf_u8(b, MARK_DATE);
		buf_f64(b, v->number);
		buf_u16(b, 0);
		break;
	}
}

struct amf *amf_number(double v)
{
	struct amf *value = value_new(AMF_NUMBER);
	value->number = v;
	return value;
}

struct amf *amf_bool(bool v)
{
	struct amf *value = value_new(AMF_BOOL);
	value->number = v;
	return value;
}

struct amf *amf_string(const char *s)
{
	struct amf *value = value_new(AMF_STRING);
	set_text(value, span_str(s));
	return value;
}

struct amf *amf_null(void)
{
	return value_new(AMF_NULL);
}

struct amf *amf_undefined(void)
{
	return value_new(AMF_UNDEFINED);
}

struct amf *amf_object(void)
{
	return value_new(AMF_OBJECT);
}

struct amf *amf_ecma(void)
{
	return value_new(AMF_ECMA);
}

struct amf *amf_strict(void)
{
	return value_new(AMF_STRICT);
}

static bool has_names(const struct amf *v)
{
	return v && (v->kind == AMF_OBJECT || v->kind == AMF_ECMA);
}

/* Where the member hangs, or the end of the list. */
static struct amf **member_at(struct amf *object, const char *key)
{
	struct amf **at = &object->child;
	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

/* A peer may have sent something else in the place of the object: then the value is dropped. */
void amf_set(struct amf *object, const char *key, struct amf *value)
{
	if (!has_names(object)) {
		amf_free(&value);
		return;
	}
	struct amf **at = member_at(object, key);
	struct amf *old = *at;
	free(value->key);
	value->key = mem_strdup(key);
	value->next = old ? old->next : NULL;
	*at = value;
	amf_free(&old);
}

void amf_append(struct amf *array, struct amf *value)
{
	if (!array || array->kind != AMF_STRICT) {
		amf_free(&value);
		return;
	}
	LL_APPEND(array->child, value);
}

void amf_unset(struct amf *object, const char *key)
{
	if (!has_names(object))
		return;
	struct amf **at;
	while (*(at = member_at(object, key))) {
		struct amf *old = *at;
		*at = old->next;
		amf_free(&old);
	}
}

const struct amf *amf_get(const struct amf *object, const char *key)
{
	if (!has_names(object))
		return NULL;
	const struct amf *m;
	LL_FOREACH (object->child, m)
		if (strcmp(m->key, key) == 0)
			return m;
	return NULL;
}

const char *amf_get_string(const struct amf *object, const char *key, const char *otherwise)
{
	return amf_text(amf_get(object, key), otherwise);
}

double amf_get_number(const struct amf *object, const char *key, double otherwise)
{
	return amf_num(amf_get(object, key), otherwise);
}

const char *amf_text(const struct amf *value, const char *otherwise)
{
	return value && value->kind == AMF_STRING ? value->text : otherwise;
}

double amf_num(const struct amf *value, double otherwise)
{
	return value && (value->kind == AMF_NUMBER || value->kind == AMF_BOOL) ? value->number
									       : otherwise;
}
