#include "rtc/turn.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum { SHA1_BYTES = 20 };

err turn_words_make(struct turn_words *out, const char *secret, const char *who, int64_t end_s)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	snprintf(out->name, sizeof(out->name), "%lld:%s", (long long)end_s, who);
	if (!HMAC(EVP_sha1(), secret, (int)strlen(secret), (const uint8_t *)out->name,
		  strlen(out->name), digest, &n) ||
	    n != SHA1_BYTES)
		return err_fail(ERR_SYSTEM, "no credentials of TURN can be made");
	EVP_EncodeBlock((uint8_t *)out->credential, digest, SHA1_BYTES);
	return OK;
}
