/* Any bytes as RTP in a stream, in pieces; and the packets found, as datagrams in any order. */
#include "base/check.h"
#include "codec/rtp.h"
#include "codec/rtp_framer.h"
#include "codec/rtp_order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void drain(struct rtp_order *o, int64_t now)
{
	struct span packet;
	bool gap;
	while (rtp_order_next(o, now, &packet, &gap)) {
		volatile uint8_t last = packet.p[packet.n - 1];
		(void)last;
	}
	check(o->count >= 0 && o->count <= RTP_ORDER_ROOM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rtp_framer f;
	struct rtp_order o = {0};
	size_t piece = n ? data[n - 1] * 5u + 1 : 1;
	int64_t now = 0;
	rtp_framer_init(&f);
	for (size_t at = 0; at < n; at += piece) {
		struct span packet;
		struct rtp rtp;
		bool gap;
		rtp_framer_take(&f, span_of(data + at, piece < n - at ? piece : n - at));
		while (rtp_framer_next(&f, &packet, &gap))
			if (rtp_read(&rtp, packet))
				rtp_order_put(&o, rtp.seq, packet, now++);
		drain(&o, now += rtp_order_due(&o) == INT64_MAX ? 0 : 20);
	}
	drain(&o, now + RTP_ORDER_WAIT_MS);
	rtp_order_fini(&o);
	rtp_framer_fini(&f);
	return 0;
}
