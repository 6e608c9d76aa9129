/* file_facts - what is known of a file, and what is in it. Layer: output. For a helper thread. */
#pragma once
#include "base/buf.h"

struct file_facts {
	int64_t bytes, modified_s; /* since 1970 */
};

/* False: there is no regular file of that name; a link is none. */
bool file_facts(struct file_facts *out, const char *path);
/* The whole of it, behind what the buffer has. False: it cannot be read, or is too large for the buffer. */
bool file_read(struct file_facts *out, const char *path, struct buf *content);
