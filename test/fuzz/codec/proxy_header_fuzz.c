/* Any first bytes: what is whole lies within them, and less of it is never another answer than "more". */
#include "base/check.h"
#include "codec/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy_header whole, part;
	enum proxy_verdict verdict = proxy_header_parse(&whole, span_of(data, n));
	if (verdict != PROXY_WHOLE)
		return 0;
	check(whole.bytes <= n && whole.bytes <= PROXY_HEADER_MAX);
	check(!whole.has_from || whole.from.len);
	for (size_t i = 0; i < whole.bytes; i++)
		check(proxy_header_parse(&part, span_of(data, i)) == PROXY_PART);
	return 0;
}
