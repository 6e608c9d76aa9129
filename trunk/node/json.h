/* json - the one place that includes jansson; small helpers around it. Layer: node. */
#pragma once
#include "base/buf.h"
#include "co/co.h"
#include <jansson.h>

enum { JSON_NESTING_MAX = 100 };

/* How many values a text has at most, should it be JSON: what parsing costs depends on them, and a
 * text may have one in every second byte. SIZE_MAX when it nests deeper than JSON_NESTING_MAX. */
size_t json_count(struct span text);
/* What another server sent, as a value; NULL when it is not JSON. The parser recurses: what nests
 * deeper than JSON_NESTING_MAX is refused before it could use up a coroutine's stack. */
json_t *json_read(struct span text);
/* The same for what may be long: lets others have a turn meanwhile. */
json_t *json_read_long(struct span text) BLOCKS;
/* Compact, at the end of the buffer; lets others have a turn meanwhile. False: it has no room. */
bool json_write_long(struct buf *out, const json_t *value) BLOCKS;
/* Frees an object; lets others have a turn between the items of arrays that are its members. */
void json_free_long(json_t *object) BLOCKS;

/* ---- members ---- */

/* A text that came from the network: what is not UTF-8 is shown as question marks. */
void json_put_text(json_t *object, const char *key, const char *text);
void json_put_int(json_t *object, const char *key, int64_t value);
void json_put_bool(json_t *object, const char *key, bool value);
/* An empty object, entered under that key. */
json_t *json_put_object(json_t *object, const char *key);
