/* blob - bytes that were made once and are shared: a segment, a playlist, a key. Layer: output. */
#pragma once
#include "base/buf.h"

struct blob {
	int refs;
	size_t n;
	uint8_t *p;
};

/* Makes a blob with one reference. Takes the bytes, whose buffer is empty then, and counts them as media memory. NULL
 * when the buffer is bad, or there is no room. */
struct blob *blob_new(struct buf *bytes);
struct blob *blob_ref(struct blob *blob);
/* NULL is fine; clears the pointer. */
void blob_unref(struct blob **blob);

static inline struct span blob_span(const struct blob *blob)
{
	return span_of(blob->p, blob->n);
}
