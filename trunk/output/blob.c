#include "output/blob.h"
#include "base/mem.h"
#include "codec/media_memory.h"

#include <stdlib.h>

struct blob *blob_new(const struct buf *bytes)
{
	if (!buf_ok(bytes))
		return NULL;
	if (!media_memory_take(sizeof(struct blob) + bytes->n))
		return NULL;
	struct blob *blob = mem_try_alloc(sizeof(*blob) + bytes->n);
	if (!blob) {
		media_memory_give(sizeof(*blob) + bytes->n);
		return NULL;
	}
	*blob = (struct blob){.refs = 1, .n = bytes->n};
	if (bytes->n)
		memcpy(blob->p, bytes->p, bytes->n);
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
	if (b && --b->refs == 0)
		media_memory_free(b, sizeof(*b) + b->n);
}
