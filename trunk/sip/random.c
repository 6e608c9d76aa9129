#include "sip/random.h"

#include <openssl/rand.h>
#include <stdio.h>

err sip_random(void *out, size_t n)
{
	return RAND_bytes(out, (int)n) == 1 ? OK : err_fail(ERR_SYSTEM, "there is no randomness");
}

err sip_word(char out[static SIP_WORD_MAX])
{
	unsigned char bytes[SIP_WORD_MAX / 2];
	out[0] = '\0';
	TRY(sip_random(bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return OK;
}
