/* Any text as the answer of a web service: it is allowed, refused or none, and a refusal has a sentence that is fit for
 * people. The first byte is the status. */
#include "base/check.h"
#include "base/utf8.h"
#include "node/hook.h"
#include "node/json.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int statuses[] = {200, 200, 200, 204, 302, 403, 500};
	char why[HOOK_WHY_MAX] = "";
	if (n == 0)
		return 0;
	struct span body = span_of(data + 1, n - 1);
	int status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
	enum hook_verdict verdict = hook_verdict_of(status, body, why);
	check(verdict <= HOOK_NO_ANSWER && strlen(why) < HOOK_WHY_MAX);
	check((verdict == HOOK_ALLOWED) == (*why == '\0'));
	json_t *value = json_read(body);
	check(!value || json_count(body) >= 1);
	json_decref(value);
	return 0;
}
