/* Any two lists of servers: an item that was added is in it, and merging twice changes nothing. */
#include "base/check.h"
#include "base/mem.h"
#include "codec/list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum { CAP = 256 };
	size_t cut = n ? data[0] % n : 0;
	char *list = mem_zalloc(CAP), *other = mem_strndup((const char *)data + cut, n - cut);
	struct buf merged = {.max = 4096};
	int before, after;
	size_t keep = cut < CAP - 1 ? cut : CAP - 1;
	memcpy(list, data, keep);
	before = list_count(list);
	list_add(list, CAP, "abcdefgh");
	after = list_count(list);
	check(after == before || (after == before + 1 && list_has(list, "abcdefgh")));
	list_merge(&merged, other);
	check(!buf_ok(&merged) || !merged.n || list_has_all(buf_text(&merged), other));
	size_t size = merged.n;
	list_merge(&merged, other);
	check(!buf_ok(&merged) || merged.n == size);
	buf_free(&merged);
	free(list);
	free(other);
	return 0;
}
