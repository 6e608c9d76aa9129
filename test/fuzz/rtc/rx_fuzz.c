/* Any packets of a publisher, and any time between them. Each begins with a byte of its length, one of time
 * and one that says whether it is RTP, RTCP, or RTP with a proper header in front. */
#include "base/cur.h"
#include "codec/msg.h"
#include "codec/rtp.h"
#include "rtc/rx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ignore(void *ctx, struct span compound)
{
	*(size_t *)ctx += compound.n;
}

static void take_media(struct rx *rx, struct span rest, uint8_t kind, int64_t now_us)
{
	uint8_t bytes[RTP_HEADER_MAX + 256];
	struct cur c = cur_of(rest.p, rest.n);
	struct rtp rtp = {
		.pt = (uint8_t)(96 + (kind & 3)), .ssrc = 1u + (kind & 3), .marker = kind & 8};
	rtp.seq = cur_u16(&c);
	rtp.ts = cur_u8(&c) * 1000u;
	size_t header = rtp_write(&rtp, NULL, 0, bytes);
	size_t left = cur_left(&c);
	if (left)
		memcpy(bytes + header, c.p, left);
	rx_take(rx, span_of(bytes, header + left), now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct rtc_feedback all = {.nack = true, .pli = true, .twcc = true};
	struct cur c = cur_of(data, n);
	enum rtc_codec codec = (enum rtc_codec)(RTC_CODEC_H264 + cur_u8(&c) % 3);
	const struct rtc_media media = {
		.audio = {.codec = RTC_CODEC_OPUS, .pt = 96},
		.video = {.codec = codec,
			  .pt = 97,
			  .has_rtx = true,
			  .rtx_pt = 98,
			  .feedback = all,
			  .ext = {.twcc = 3}},
	};
	size_t told = 0;
	int64_t now_us = 1000000;
	struct rx *rx =
		rx_new(&media, &(struct rx_opts){.send_rtcp = ignore, .ctx = &told, .nack = true});
	while (cur_left(&c)) {
		size_t size = cur_u8(&c);
		now_us += cur_u8(&c) * 1000;
		uint8_t kind = cur_u8(&c);
		struct span packet = cur_bytes(&c, size);
		struct msg *m;
		uint32_t raw;
		if (kind & 128)
			rx_take_rtcp(rx, packet, now_us);
		else if (kind & 64)
			rx_take(rx, packet, now_us);
		else
			take_media(rx, packet, kind, now_us);
		rx_tick(rx, now_us);
		while (rx_next(rx, &m, &raw))
			msg_unref(&m);
	}
	rx_free(&rx);
	return 0;
}
