/* Any text as the Authorization header of the API: nobody gets in by it. */
#include "api/credentials.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char text[] = "listen 1935; daemon off; http_api { enabled on; auth { enabled on;"
			   " username admin; password gar:nicht+zu/raten; token t-7f3a9c1e5b;"
			   " user sup auch.nicht.zu.raten read+kick;"
			   " bearer graf t-2b8d4f6a0c read; } } vhost v {}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct conf *conf;
	struct conf_report report;
	if (!conf) {
		conf_report_init(&report);
		check(conf_load_text(&conf, "fuzz.conf", text, &report) == OK);
		conf_report_fini(&report);
	}
	char name[] = "Authorization", *value = mem_strndup((const char *)data, n);
	struct http_header header = {.name = name, .value = value};
	const struct http_message m = {.header_count = 1, .headers = &header};
	struct caller caller = {0};
	check(!credentials_check(&caller, &conf->http_api, &m));
	check(caller.scopes == 0);
	free(value);
	return 0;
}
