#include "node/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

size_t json_count(struct span text)
{
	int depth = 0;
	bool quoted = false;
	size_t count = 1;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool opens = !quoted && (c == '{' || c == '[');
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		count += opens || (!quoted && c == ',');
		if (opens && ++depth > JSON_NESTING_MAX)
			return SIZE_MAX;
	}
	return count;
}

json_t *json_read(struct span text)
{
	return json_count(text) == SIZE_MAX ? NULL
					    : json_loadb((const char *)text.p, text.n, 0, NULL);
}

/* ---- long ones ---- */

enum { SLICE_BYTES = 64 * 1024, ITEMS_PER_TURN = 256 };

/* Others have a turn after so many bytes. */
static void went_on(size_t *slice, size_t n)
{
	*slice += n;
	if (*slice < SLICE_BYTES)
		return;
	*slice = 0;
	co_yield ();
}

struct json_reading {
	struct span left;
	size_t slice;
};

static size_t read_more(void *buffer, size_t size, void *ctx)
{
	struct json_reading *r = ctx;
	size_t n = r->left.n < size ? r->left.n : size;
	if (n)
		memcpy(buffer, r->left.p, n);
	r->left = (struct span){r->left.p + n, r->left.n - n};
	went_on(&r->slice, n);
	return n;
}

json_t *json_read_long(struct span text)
{
	struct json_reading r = {.left = text};
	return json_count(text) == SIZE_MAX ? NULL : json_load_callback(read_more, &r, 0, NULL);
}

struct json_writing {
	struct buf *out;
	size_t slice;
};

static int write_more(const char *piece, size_t n, void *ctx)
{
	struct json_writing *w = ctx;
	buf_put(w->out, piece, n);
	went_on(&w->slice, n);
	return buf_ok(w->out) ? 0 : -1;
}

bool json_write_long(struct buf *out, const json_t *value)
{
	struct json_writing w = {.out = out};
	size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(6);
	return json_dump_callback(value, write_more, &w, flags) == 0 && buf_ok(out);
}

static void free_items(json_t *array)
{
	for (size_t n = json_array_size(array); n > 0; n--) {
		json_array_remove(array, n - 1);
		if (n % ITEMS_PER_TURN == 0)
			co_yield ();
	}
}

void json_free_long(json_t *object)
{
	for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it)) {
		json_t *member = json_object_iter_value(it);
		if (json_is_array(member) && member->refcount == 1) /* nobody else has it */
			free_items(member);
	}
	json_decref(object);
}

/* ---- members ---- */

void json_put_text(json_t *object, const char *key, const char *text)
{
	json_t *value = json_string(text);
	if (!value) {
		char *ascii = mem_strdup(text);
		for (char *c = ascii; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		value = json_string(ascii);
		free(ascii);
	}
	json_object_set_new(object, key, value);
}

void json_put_int(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void json_put_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

json_t *json_put_object(json_t *object, const char *key)
{
	json_t *value = json_object();
	json_object_set_new(object, key, value);
	return value;
}
