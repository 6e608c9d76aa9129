/* Any values of X-Forwarded-For and Forwarded: an address that is trusted is the client only when all are. */
#include "base/check.h"
#include "codec/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool is_trusted(const void *ctx, const struct addr *addr)
{
	(void)ctx;
	return addr_within(addr, "10.0.0.0/8");
}

static void look(struct span first, struct span second,
		 void (*take)(struct forwarded *f, struct span value))
{
	struct forwarded f = {.is_trusted = is_trusted};
	take(&f, first);
	take(&f, second);
	check(!f.settled || f.any);
	check(!f.settled || !is_trusted(NULL, &f.client));
	check(!f.any || f.client.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t cut = n ? data[0] % n : 0;
	struct span first = span_of(data, cut), second = span_of(data + cut, n - cut);
	look(first, second, forwarded_take_addresses);
	look(first, second, forwarded_take_elements);
	return 0;
}
