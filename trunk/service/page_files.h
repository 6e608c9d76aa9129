/* page_files - the files of trunk/page, which are part of the program. Layer: service. */
#pragma once
#include "base/span.h"

struct page_file {
	const char *type; /* for Content-Type */
	struct span text; /* both are there for ever */
};

/* The file of this name below trunk/page; "" is index.html. False: there is none. */
bool page_file_find(struct page_file *out, const char *name);
