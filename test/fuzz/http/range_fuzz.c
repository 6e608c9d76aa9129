/* Any text as a Range header, of files of several sizes: a range that is taken lies in the file. */
#include "base/check.h"
#include "base/mem.h"
#include "http/range.h"

#include <stddef.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int64_t sizes[] = {0, 1, 10, 1000, INT64_MAX};
	char *text = mem_strndup((const char *)data, n);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int64_t from = -1, to = -1;
		if (http_range_parse(text, sizes[i], &from, &to) == HTTP_RANGE_ONE)
			check(from >= 0 && from <= to && to < sizes[i]);
	}
	free(text);
	return 0;
}
