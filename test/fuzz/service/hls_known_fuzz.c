/* Any text as the playlist of an origin, and what a player waits for behind it: what the list has is never far. The
 * first two bytes are the segment and the part that are waited for. */
#include "base/check.h"
#include "service/hls_known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct hls_known known = {0};
	if (n < 2)
		return 0;
	hls_known_read(&known, span_of(data + 2, n - 2), 1000);
	check(known.last_parts >= 0 && known.open_parts >= 0);
	check(known.target_ms >= 0 && known.part_ms >= 0);
	const struct hls_want want = {
		.waits = true,
		.for_part = data[1] & 128,
		.number = known.last + data[0] % 8 - 1,
		.part = data[1] & 127,
	};
	if (hls_known_has(&known, &want))
		check(!hls_known_is_far(&known, &want, 2000));
	(void)hls_known_is_far(&known, &want, INT64_MAX / 2);
	return 0;
}
