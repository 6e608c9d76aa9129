#include "output/blob.h"
#include "base/mem.h"

#include <stdlib.h>

struct blob *blob_new(const struct buf *bytes)
{
	if (!buf_ok(bytes))
		return NULL;
	struct blob *blob = mem_alloc(sizeof(*blob) + bytes->n);
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
		free(b);
}
