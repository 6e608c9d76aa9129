/* A stream as a browser sends it: pictures of H.264 with a key frame of eight times the size every few seconds and
 * whenever one is asked for, and a packet of Opus each 20 ms. Each carries the time at which it was sent. */
#include "codec/pack.h"
#include "codec/rtcp.h"
#include "rtc_bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	SOUND_US = 20000,
	SOUND_BYTES = 80,
	SOUND_SAMPLES = 960,
	PAYLOAD = 1160,
	REPORT_US = 1000000,
	UNIT_MAX = 1 << 20,
	OUR_SSRC = 100, /* and the next one */
};

struct out {
	uint16_t seq;
	uint64_t index;
	uint32_t ts, packets, octets;
};

static struct out outs[RTC_TRACKS];
static struct payloads payloads;
static bool wants_key;

static void send_packet(struct rtc_client *c, int track, struct span payload, bool marker)
{
	uint8_t head[RTP_HEADER_MAX], out[RTP_HEADER_MAX + 1500 + SRTP_OVERHEAD];
	struct out *o = &outs[track];
	struct rtp rtp = {.pt = track ? PICTURE_PT : SOUND_PT,
			  .marker = marker,
			  .seq = (uint16_t)o->index,
			  .ts = o->ts,
			  .ssrc = OUR_SSRC + (uint32_t)track};
	size_t n = rtp_write(&rtp, NULL, 0, head);
	struct srtp_packet packet = {
		.header = span_of(head, n), .payload = payload, .index = o->index++};
	o->packets++;
	o->octets += (uint32_t)payload.n;
	c->life.bytes += (int64_t)(n + payload.n);
	rtc_peer_send(&c->peer, span_of(out, srtp_protect(c->peer.send, &packet, out)));
}

static void put_unit(struct buf *b, uint8_t header, size_t n, int64_t now)
{
	uint8_t stamp[STAMP_SIZE];
	buf_u32(b, (uint32_t)n);
	buf_u8(b, header);
	stamp_write(stamp, now);
	buf_put(b, stamp, sizeof(stamp));
	for (size_t i = 1 + sizeof(stamp); i < n; i++)
		buf_u8(b, 0x55);
}

static void send_picture(struct rtc_client *c, bool is_key, int64_t now)
{
	static const uint8_t sets[] = {0, 0, 0, 4, 0x67, 0x42, 0xE0, 0x1F, 0, 0, 0, 2, 0x68, 0xCE};
	static struct buf unit;
	unit.max = UNIT_MAX;
	buf_clear(&unit);
	if (is_key)
		buf_put(&unit, sets, sizeof(sets));
	put_unit(&unit, is_key ? 0x65 : 0x41, video_size(is_key), now);
	struct au au = {
		.type = MSG_VIDEO, .is_key = is_key, .codec = CODEC_AVC, .data = buf_span(&unit)};
	if (!pack_video(&payloads, &au, &(struct pack_opts){.max = PAYLOAD, .form = 4}))
		return;
	for (int i = 0; i < payloads.count; i++)
		send_packet(c, RTC_PICTURES, payload_span(&payloads, i), i == payloads.count - 1);
}

static void send_sound(struct rtc_client *c, int64_t now)
{
	uint8_t opus[SOUND_BYTES] = {0xFC};
	stamp_write(opus + 1, now);
	send_packet(c, RTC_SOUND, span_of(opus, sizeof(opus)), false);
}

static void send_reports(struct rtc_client *c, int64_t now)
{
	for (int i = 0; i < RTC_TRACKS; i++) {
		uint8_t room[128], out[128 + SRTCP_OVERHEAD];
		struct buf b = {.p = room, .cap = sizeof(room), .max = sizeof(room)};
		struct rtcp_sender_info info = {.ntp = (uint64_t)((double)now / 1e6 * 4294967296.0),
						.ts = outs[i].ts,
						.packets = outs[i].packets,
						.octets = outs[i].octets};
		rtcp_put_sr(&b, OUR_SSRC + (uint32_t)i, &info);
		rtc_peer_send(&c->peer,
			      span_of(out, srtp_protect_rtcp(c->peer.send, buf_span(&b), out)));
	}
}

static void on_rtcp(struct rtc_peer *peer, struct span compound)
{
	struct cur cur = cur_of(compound.p, compound.n);
	struct rtcp p;
	(void)peer;
	for (int i = 0; i < RTCP_PACKETS_MAX && rtcp_next(&cur, &p); i++)
		wants_key |= rtcp_is_pli(&p);
}

err rtc_publisher_run(struct rtc_client *c)
{
	int64_t begin = now_us(), sound = begin, picture = begin, report = begin, key = 0;
	const int64_t step = 1000000 / opt.fps;
	c->peer.on_rtcp = on_rtcp;
	for (;;) {
		int64_t now = now_us();
		for (; sound <= now; sound += SOUND_US, outs[RTC_SOUND].ts += SOUND_SAMPLES)
			send_sound(c, now);
		for (; picture <= now; picture += step) {
			bool is_key = wants_key || picture - key >= (int64_t)(opt.gop * 1e6);
			outs[RTC_PICTURES].ts = (uint32_t)((picture - begin) * 9 / 100);
			send_picture(c, is_key, now);
			key = is_key ? picture : key;
			wants_key &= !is_key;
		}
		if (report <= now) {
			send_reports(c, now);
			rtc_peer_check(&c->peer, 0);
			report = now + REPORT_US;
		}
		int64_t next = sound < picture ? sound : picture;
		err e = udp_wait(c->peer.udp, clock_ms() + (next - now_us() + 999) / 1000);
		rtc_peer_poll(&c->peer);
		if (e && e != ERR_TIMEOUT)
			return e;
		if (dtls_state(c->peer.dtls) >= DTLS_LEFT)
			return err_fail(ERR_CLOSED, "the server has ended it");
	}
}
