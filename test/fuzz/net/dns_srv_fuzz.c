/* Any packet as the answer to a question for SRV records. */
#include "base/check.h"
#include "net/dns_srv.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dns_srv_answer answer = {0};
	int64_t ttl = 0;
	if (dns_srv_parse(&answer, &ttl, data, (int)n)) {
		check(answer.count >= 0 && ttl >= 0);
		for (int i = 0; i < answer.count; i++)
			check(strlen(answer.targets[i].host) < sizeof(answer.targets[i].host));
	}
	dns_srv_answer_fini(&answer);
	return 0;
}
