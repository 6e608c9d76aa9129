/* amf0 - Action Message Format 0, the values in RTMP commands and metadata. Layer: codec.
 * A value is a tree in memory; depth, count and size are limited, so that no peer can make it
 * costly. Read: number, boolean, string, long string, object, null, undefined, ECMA array,
 * strict array, date, and the rest of the types as far as needed to be skipped. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

enum amf_kind {
	AMF_NULL,
	AMF_UNDEFINED,
	AMF_BOOL,
	AMF_NUMBER,
	AMF_STRING,
	AMF_OBJECT,
	AMF_ECMA,
	AMF_STRICT,
	AMF_DATE
};

struct amf {
	enum amf_kind kind;
	double number; /* number, boolean (0 or 1), date */
	char *text;    /* string: NUL-terminated, owned; may hold NULs before its length */
	size_t text_n;
	char *key;         /* name within its object, owned; NULL for array elements and roots */
	struct amf *child; /* object, ECMA, strict: the first member */
	struct amf *next;  /* the next member of the same parent */
};

enum { AMF_MAX_DEPTH = 16, AMF_MAX_VALUES = 4096 };

/* Reads one value. ERR_PROTOCOL for nonsense, ERR_LIMIT beyond the limits above. */
err amf_read(struct amf **out, struct cur *c);
void amf_free(struct amf **value);
void amf_write(struct buf *b, const struct amf *value);

struct amf *amf_number(double v);
struct amf *amf_bool(bool v);
struct amf *amf_string(const char *s);
struct amf *amf_null(void);
struct amf *amf_undefined(void);
struct amf *amf_object(void);
struct amf *amf_ecma(void);
struct amf *amf_strict(void);
/* Sets (replaces) a member; takes the value. Order of first setting is kept. */
void amf_set(struct amf *object, const char *key, struct amf *value);
/* Appends to a strict array; takes the value. */
void amf_append(struct amf *array, struct amf *value);
/* Removes a member if it is there. */
void amf_unset(struct amf *object, const char *key);

/* Borrowed member, or NULL; also for a NULL object or another kind. */
const struct amf *amf_get(const struct amf *object, const char *key);
/* The text of a string member, else `otherwise`. Borrowed. */
const char *amf_get_string(const struct amf *object, const char *key, const char *otherwise);
double amf_get_number(const struct amf *object, const char *key, double otherwise);
/* The value's own text or number when it is of that kind. */
const char *amf_text(const struct amf *value, const char *otherwise);
double amf_num(const struct amf *value, double otherwise);
