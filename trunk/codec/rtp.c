#include "codec/rtp.h"
#include "base/check.h"
#include "base/cur.h"

enum {
	VERSION = 2 << 6,
	PADDED = 0x20,
	EXTENDED = 0x10,
	ONE_BYTE = 0xBEDE,
	TWO_BYTE = 0x1000, /* the low four bits are the application's */
	ONE_BYTE_STOP = 15,
};

size_t rtp_header_size(struct span packet)
{
	struct cur c = cur_of(packet.p, packet.n);
	uint8_t first = cur_u8(&c);
	cur_skip(&c, RTP_HEADER - 1 + 4u * (first & 15));
	if (first & EXTENDED) {
		cur_skip(&c, 2);
		cur_skip(&c, 4u * cur_u16(&c));
	}
	return cur_ok(&c) && (first & 0xC0) == VERSION ? (size_t)(c.p - packet.p) : 0;
}

bool rtp_read(struct rtp *rtp, struct span packet)
{
	size_t header = rtp_header_size(packet);
	struct cur c = cur_of(packet.p, packet.n);
	if (!header)
		return false;
	uint8_t first = cur_u8(&c), second = cur_u8(&c);
	*rtp = (struct rtp){.pt = second & 127, .marker = second >> 7};
	rtp->seq = cur_u16(&c);
	rtp->ts = cur_u32(&c);
	rtp->ssrc = cur_u32(&c);
	cur_skip(&c, 4u * (first & 15));
	if (first & EXTENDED) {
		rtp->profile = cur_u16(&c);
		rtp->exts = cur_bytes(&c, 4u * cur_u16(&c));
	}
	rtp->payload = span_rest(packet, header);
	if (first & PADDED) {
		size_t n = rtp->payload.n, padding = n ? rtp->payload.p[n - 1] : 0;
		if (padding == 0 || padding > n)
			return false;
		rtp->payload.n -= padding;
	}
	return true;
}

/* The next element; false behind the last one. */
static bool next_ext(struct cur *c, bool one_byte, unsigned *id, struct span *value)
{
	while (cur_left(c)) {
		uint8_t first = cur_u8(c);
		if (first == 0)
			continue;
		*id = one_byte ? first >> 4 : first;
		if (one_byte && *id == ONE_BYTE_STOP)
			return false;
		*value = cur_bytes(c, one_byte ? (first & 15) + 1u : cur_u8(c));
		return cur_ok(c);
	}
	return false;
}

bool rtp_ext(const struct rtp *rtp, unsigned id, struct span *value)
{
	bool one_byte = rtp->profile == ONE_BYTE;
	struct cur c = cur_of(rtp->exts.p, rtp->exts.n);
	unsigned found;
	if (!id || (!one_byte && (rtp->profile & 0xFFF0) != TWO_BYTE))
		return false;
	while (next_ext(&c, one_byte, &found, value))
		if (found == id)
			return true;
	return false;
}

static void put(uint8_t *p, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static size_t write_exts(const struct rtp_ext *exts, int count, uint8_t *out)
{
	size_t n = 4;
	for (int i = 0; i < count; i++) {
		check(exts[i].id && exts[i].id < ONE_BYTE_STOP && exts[i].n &&
		      exts[i].n <= RTP_EXT_MAX);
		out[n++] = (uint8_t)(exts[i].id << 4 | (exts[i].n - 1));
		memcpy(out + n, exts[i].value, exts[i].n);
		n += exts[i].n;
	}
	while (n % 4)
		out[n++] = 0;
	put(out, ONE_BYTE, 2);
	put(out + 2, (uint32_t)(n / 4 - 1), 2);
	return n;
}

size_t rtp_write(const struct rtp *rtp, const struct rtp_ext *exts, int count,
		 uint8_t out[static RTP_HEADER_MAX])
{
	check(count <= RTP_EXTS_MAX);
	out[0] = (uint8_t)(VERSION | (count ? EXTENDED : 0));
	out[1] = (uint8_t)(rtp->marker << 7 | rtp->pt);
	put(out + 2, rtp->seq, 2);
	put(out + 4, rtp->ts, 4);
	put(out + 8, rtp->ssrc, 4);
	return RTP_HEADER + (count ? write_exts(exts, count, out + RTP_HEADER) : 0);
}

int64_t rtp_extend(int64_t near, uint32_t low, unsigned bits)
{
	int64_t round = INT64_C(1) << bits;
	int64_t value = (near & ~(round - 1)) + low;
	if (value > near + round / 2 && value >= round)
		return value - round;
	return value + round / 2 < near ? value + round : value;
}
