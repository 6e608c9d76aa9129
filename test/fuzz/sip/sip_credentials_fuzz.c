/* Any text as the value of Authorization: its parts end within their bounds, and nobody gets in. */
#include "base/check.h"
#include "sip/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct sip_digest *digest;
	struct sip_credentials c;
	struct sip_message request = {.is_request = true, .method_name = span_str("REGISTER")};
	const struct sip_proof proof = {"realm", "user", "a password that is not guessed", "::1"};
	if (!digest)
		check(sip_digest_new(&digest) == OK);
	check(sip_uri_parse(&request.uri, span_str("sip:server@realm")) == OK);
	enum sip_verdict verdict = sip_credentials_parse(&c, span_of(data, n));
	check(strlen(c.username) < sizeof(c.username) && strlen(c.nonce) < sizeof(c.nonce) &&
	      strlen(c.uri) < sizeof(c.uri) && strlen(c.response) < sizeof(c.response));
	if (verdict != SIP_GOOD)
		return 0;
	check(strlen(c.response) == 32 && *c.username && *c.realm && *c.nonce && *c.uri);
	check(sip_digest_check(digest, &c, &request, &proof) == SIP_WRONG);
	return 0;
}
