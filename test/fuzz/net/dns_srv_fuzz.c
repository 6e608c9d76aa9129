/* Any packet as the answer to a question for SRV records. */
#include "base/check.h"
#include "base/mem.h"
#include "net/dns_srv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dns_srv_answer *answer = mem_new(struct dns_srv_answer);
	int64_t ttl = 0;
	if (dns_srv_parse(answer, &ttl, data, (int)n)) {
		check(answer->count >= 0 && ttl >= 0);
		for (int i = 0; i < answer->count; i++)
			check(strlen(answer->targets[i].host) < sizeof(answer->targets[i].host));
	}
	free(answer);
	return 0;
}
