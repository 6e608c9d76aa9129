/* Any text as a coworker's answer: names that are taken could be in a URL. */
#include "base/check.h"
#include "cluster/coworker_answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct coworker_answer answer = {0};
	json_t *root = json_loadb((const char *)data, n, 0, NULL);
	if (coworker_answer_read(&answer, root) == OK)
		check(*answer.rtmp && !strpbrk(answer.rtmp, "/?#@ \r\n"));
	check(!strpbrk(answer.http, "/?#@ \r\n"));
	json_decref(root);
	return 0;
}
