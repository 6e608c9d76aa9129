#include "output/blob.h"
#include "base/mem.h"
#include "codec/media_memory.h"

#include <stdlib.h>

struct blob *blob_new(struct buf *bytes)
{
	if (!buf_ok(bytes) || !media_memory_take(bytes->n)) {
		buf_free(bytes);
		return NULL;
	}
	struct blob *blob = mem_new(struct blob);
	*blob = (struct blob){.refs = 1, .n = bytes->n, .p = mem_realloc(bytes->p, bytes->n)};
	*bytes = (struct buf){.max = bytes->max};
	return blob;
}

struct blob *blob_ref(struct blob *blob)
{
	blob->refs++;
	return blob;
}

void blob_unref(struct blob **blob)
{
	struct blob *b = *blob;
	*blob = NULL;
	if (!b || --b->refs > 0)
		return;
	media_memory_free(b->p, b->n);
	free(b);
}
