#include "rtc/random.h"

#include <openssl/rand.h>

err rtc_random(void *out, size_t n)
{
	return RAND_bytes(out, (int)n) == 1 ? OK : err_fail(ERR_SYSTEM, "there is no randomness");
}
