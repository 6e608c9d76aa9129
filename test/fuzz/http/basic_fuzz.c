/* Any text as an Authorization header: nobody gets in by it but with the right text. */
#include "base/check.h"
#include "base/mem.h"
#include "http/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char name[] = "Authorization", *value = mem_strndup((const char *)data, n);
	struct http_header header = {.name = name, .value = value};
	struct http_message m = {.header_count = 1, .headers = &header};
	bool right = strncasecmp(value, "Basic ", 6) == 0 &&
		     strcmp(value + 6 + strspn(value + 6, " "), "dTpw") == 0; /* u:p */
	check(http_basic_ok(&m, "u", "p") == right);
	free(value);
	return 0;
}
