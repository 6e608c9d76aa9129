/* Any datagram as a STUN message: what was parsed lies within it. */
#include "base/check.h"
#include "codec/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span d = span_of(data, n);
	struct stun m;
	if (stun_parse(&m, d) != OK)
		return 0;
	check(m.unknown_count <= STUN_UNKNOWN_MAX && m.username.n <= STUN_USERNAME_MAX);
	check(m.username.n == 0 ||
	      (m.username.p >= data && m.username.p + m.username.n <= data + n));
	check(!m.integrity_at || (m.integrity_at + 24 <= n && m.hmac.n == STUN_HMAC));
	uint8_t head[STUN_HEAD];
	if (m.integrity_at)
		stun_integrity_head(head, &m, d);
	if (stun_fingerprint_ok(&m, d))
		check(m.fingerprint_at + 8 == n);
	struct buf b = {.max = STUN_WRITE_MAX};
	stun_write_head(&b, STUN_BINDING_ERROR, m.id);
	stun_write_unknown(&b, &m);
	check(buf_ok(&b));
	buf_free(&b);
	return 0;
}
