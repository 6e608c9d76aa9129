/* Any bytes as a message between two processes that share a UDP port: what is read of it can be written again, and is what
 * was read. */
#include "base/check.h"
#include "rtc/crossing.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void same_again(struct span record, struct span datagram, const struct rtc_path *path)
{
	struct buf out = {.max = CROSSING_MESSAGE_MAX};
	crossing_pack(&out, datagram, path);
	check(buf_ok(&out) && out.n == crossing_record_size(datagram, path));
	struct span message = buf_span(&out), again;
	struct rtc_path back = {0};
	check(crossing_unpack(&message, &again, &back) && message.n == 0);
	check(again.n == datagram.n && (!again.n || memcmp(again.p, datagram.p, again.n) == 0));
	check(addr_same(&back.peer, &path->peer) && addr_same(&back.local, &path->local));
	check(record.n >= datagram.n);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_of(data, n < CROSSING_MESSAGE_MAX ? n : CROSSING_MESSAGE_MAX);
	while (message.n) {
		struct span before = message, datagram;
		struct rtc_path path = {0};
		if (!crossing_unpack(&message, &datagram, &path))
			break;
		check(message.n < before.n);
		check(datagram.p >= before.p && datagram.p + datagram.n <= message.p);
		same_again(span_of(before.p, before.n - message.n), datagram, &path);
	}
	return 0;
}
