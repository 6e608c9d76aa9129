#include "codec/rtcp.h"

enum { VERSION = 2, PADDED = 0x20, REPORT = 24, NO_SENDER_INFO = 0, SENDER_INFO = 20 };
#define REMB UINT32_C(0x52454D42)

/* ---- reading ---- */

bool rtcp_next(struct cur *c, struct rtcp *packet)
{
	if (cur_left(c) < 8)
		return false;
	uint8_t first = cur_u8(c);
	*packet = (struct rtcp){.count = first & 31, .type = cur_u8(c)};
	struct span rest = cur_bytes(c, 4u * cur_u16(c));
	if (!cur_ok(c) || first >> 6 != VERSION || rest.n < 4)
		return false;
	if (first & PADDED) {
		size_t padding = rest.p[rest.n - 1];
		if (padding == 0 || padding > rest.n - 4)
			return false;
		rest.n -= padding;
	}
	struct cur body = cur_of(rest.p, rest.n);
	packet->sender = cur_u32(&body);
	packet->body = span_of(body.p, body.n);
	return true;
}

bool rtcp_read_sender(const struct rtcp *packet, struct rtcp_sender_info *info)
{
	struct cur c = cur_of(packet->body.p, packet->body.n);
	if (packet->type != RTCP_SR || packet->body.n < SENDER_INFO)
		return false;
	info->ntp = cur_be(&c, 8);
	info->ts = cur_u32(&c);
	info->packets = cur_u32(&c);
	info->octets = cur_u32(&c);
	return true;
}

static int32_t signed24(uint32_t v)
{
	return (int32_t)(v << 8) >> 8;
}

bool rtcp_read_report(const struct rtcp *packet, int i, struct rtcp_report *r)
{
	bool is_sr = packet->type == RTCP_SR;
	struct cur c = cur_of(packet->body.p, packet->body.n);
	if ((!is_sr && packet->type != RTCP_RR) || i >= packet->count)
		return false;
	cur_skip(&c, (is_sr ? SENDER_INFO : NO_SENDER_INFO) + (size_t)i * REPORT);
	r->ssrc = cur_u32(&c);
	r->fraction = cur_u8(&c);
	r->lost = signed24(cur_u24(&c));
	r->highest = cur_u32(&c);
	r->jitter = cur_u32(&c);
	r->lsr = cur_u32(&c);
	r->dlsr = cur_u32(&c);
	return cur_ok(&c);
}

uint32_t rtcp_media(const struct rtcp *packet)
{
	struct cur c = cur_of(packet->body.p, packet->body.n);
	bool is_feedback = packet->type == RTCP_RTPFB || packet->type == RTCP_PSFB;
	return is_feedback ? cur_u32(&c) : 0;
}

bool rtcp_is_pli(const struct rtcp *packet)
{
	return packet->type == RTCP_PSFB && packet->count == PSFB_PLI && packet->body.n >= 4;
}

bool rtcp_is_fir(const struct rtcp *packet, uint32_t ssrc, uint8_t *number)
{
	struct cur c = cur_of(packet->body.p, packet->body.n);
	if (packet->type != RTCP_PSFB || packet->count != PSFB_FIR)
		return false;
	cur_skip(&c, 4);
	while (cur_left(&c) >= 8) {
		uint32_t wanted = cur_u32(&c);
		*number = cur_u8(&c);
		cur_skip(&c, 3);
		if (wanted == ssrc)
			return true;
	}
	return false;
}

int rtcp_read_nack(const struct rtcp *packet, int max, void (*fn)(void *ctx, uint16_t seq),
		   void *ctx)
{
	struct cur c = cur_of(packet->body.p, packet->body.n);
	int n = 0;
	if (packet->type != RTCP_RTPFB || packet->count != RTPFB_NACK)
		return 0;
	cur_skip(&c, 4);
	while (cur_left(&c) >= 4) {
		uint16_t seq = cur_u16(&c);
		uint32_t mask = (uint32_t)cur_u16(&c) << 1 | 1;
		for (; mask; mask >>= 1, seq++)
			if (mask & 1 && n++ < max)
				fn(ctx, seq);
	}
	return n;
}

uint64_t rtcp_read_remb(const struct rtcp *packet)
{
	struct cur c = cur_of(packet->body.p, packet->body.n);
	if (packet->type != RTCP_PSFB || packet->count != PSFB_APP)
		return 0;
	cur_skip(&c, 4);
	if (cur_u32(&c) != REMB)
		return 0;
	cur_skip(&c, 1);
	uint32_t word = cur_u24(&c);
	unsigned exp = word >> 18;
	uint64_t mantissa = word & 0x3FFFF;
	if (!cur_ok(&c))
		return 0;
	return exp > 45 ? UINT64_MAX >> 1 : mantissa << exp;
}

/* ---- writing ---- */

/* Writes the first words; finish() the length behind all. */
static size_t begin(struct buf *b, unsigned count, enum rtcp_type type, uint32_t sender)
{
	size_t at = b->n;
	buf_u8(b, (uint8_t)(VERSION << 6 | count));
	buf_u8(b, (uint8_t)type);
	buf_u16(b, 0);
	buf_u32(b, sender);
	return at;
}

static void finish(struct buf *b, size_t at)
{
	while (buf_ok(b) && (b->n - at) % 4)
		buf_u8(b, 0);
	if (!buf_ok(b))
		return;
	size_t words = (b->n - at) / 4 - 1;
	b->p[at + 2] = (uint8_t)(words >> 8);
	b->p[at + 3] = (uint8_t)words;
}

void rtcp_put_sr(struct buf *b, uint32_t sender, const struct rtcp_sender_info *info)
{
	size_t at = begin(b, 0, RTCP_SR, sender);
	buf_be(b, info->ntp, 8);
	buf_u32(b, info->ts);
	buf_u32(b, info->packets);
	buf_u32(b, info->octets);
	finish(b, at);
}

void rtcp_put_rr(struct buf *b, uint32_t sender, const struct rtcp_report *reports, int count)
{
	size_t at = begin(b, (unsigned)count, RTCP_RR, sender);
	for (int i = 0; i < count; i++) {
		const struct rtcp_report *r = &reports[i];
		buf_u32(b, r->ssrc);
		buf_u8(b, r->fraction);
		buf_u24(b, (uint32_t)r->lost & 0xFFFFFF);
		buf_u32(b, r->highest);
		buf_u32(b, r->jitter);
		buf_u32(b, r->lsr);
		buf_u32(b, r->dlsr);
	}
	finish(b, at);
}

void rtcp_put_sdes(struct buf *b, uint32_t ssrc, const char *cname)
{
	enum { CNAME = 1 };
	size_t at = begin(b, 1, RTCP_SDES, ssrc), n = strlen(cname);
	buf_u8(b, CNAME);
	buf_u8(b, (uint8_t)n);
	buf_put(b, cname, n);
	buf_u8(b, 0); /* ends the items */
	finish(b, at);
}

void rtcp_put_bye(struct buf *b, uint32_t ssrc)
{
	finish(b, begin(b, 1, RTCP_BYE, ssrc));
}

void rtcp_put_pli(struct buf *b, uint32_t sender, uint32_t media)
{
	size_t at = begin(b, PSFB_PLI, RTCP_PSFB, sender);
	buf_u32(b, media);
	finish(b, at);
}

void rtcp_put_fir(struct buf *b, uint32_t sender, uint32_t media, uint8_t number)
{
	size_t at = begin(b, PSFB_FIR, RTCP_PSFB, sender);
	buf_u32(b, 0);
	buf_u32(b, media);
	buf_u32(b, (uint32_t)number << 24);
	finish(b, at);
}

void rtcp_put_nack(struct buf *b, uint32_t sender, uint32_t media, const uint16_t *seqs, int count)
{
	size_t at = begin(b, RTPFB_NACK, RTCP_RTPFB, sender);
	buf_u32(b, media);
	for (int i = 0; i < count;) {
		uint16_t first = seqs[i++], mask = 0;
		for (; i < count && (uint16_t)(seqs[i] - first) <= 16; i++)
			mask |= (uint16_t)(1u << (uint16_t)(seqs[i] - first - 1));
		buf_u16(b, first);
		buf_u16(b, mask);
	}
	finish(b, at);
}

void rtcp_put_remb(struct buf *b, uint32_t sender, uint64_t bits, const uint32_t *ssrcs, int count)
{
	size_t at = begin(b, PSFB_APP, RTCP_PSFB, sender);
	unsigned exp = 0;
	for (; bits > 0x3FFFF; bits >>= 1)
		exp++;
	buf_u32(b, 0);
	buf_u32(b, REMB);
	buf_u8(b, (uint8_t)count);
	buf_u24(b, exp << 18 | (uint32_t)bits);
	for (int i = 0; i < count; i++)
		buf_u32(b, ssrcs[i]);
	finish(b, at);
}

/* ---- transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01) ---- */

enum { TICK_US = 250, REFERENCE_US = 64000, RUN_MAX = 8191 };
enum symbol { LOST, SMALL, LARGE };

/* The symbols and deltas of what can be told: a delta has 16 bits. */
static int measure(const int64_t *arrivals, int count, int64_t reference, uint8_t *symbols,
		   int16_t *deltas)
{
	int64_t last = reference;
	for (int i = 0; i < count; i++) {
		symbols[i] = LOST;
		if (arrivals[i] < 0)
			continue;
		int64_t delta = arrivals[i] / TICK_US - last;
		if (delta != (int16_t)delta)
			return i;
		symbols[i] = delta >= 0 && delta <= 255 ? SMALL : LARGE;
		deltas[i] = (int16_t)delta;
		last += delta;
	}
	return count;
}

/* A run where it is worth it, else seven symbols of two bits. */
static int put_chunk(struct buf *b, const uint8_t *symbols, int left)
{
	enum { VECTOR = 3 << 14, IN_VECTOR = 7 };
	int run = 1;
	while (run < left && run < RUN_MAX && symbols[run] == symbols[0])
		run++;
	if (run >= IN_VECTOR || run == left) {
		buf_u16(b, (uint16_t)(symbols[0] << 13 | run));
		return run;
	}
	unsigned word = VECTOR;
	int n = left < IN_VECTOR ? left : IN_VECTOR;
	for (int i = 0; i < n; i++)
		word |= (unsigned)symbols[i] << (12 - 2 * i);
	buf_u16(b, (uint16_t)word);
	return n;
}

int rtcp_put_twcc(struct buf *b, uint32_t sender, uint32_t media, uint16_t base,
		  const int64_t *arrivals, int count, uint8_t number)
{
	uint8_t symbols[TWCC_PACKETS_MAX];
	int16_t deltas[TWCC_PACKETS_MAX];
	int first = 0;
	if (count > TWCC_PACKETS_MAX)
		count = TWCC_PACKETS_MAX;
	while (first < count && arrivals[first] < 0)
		first++;
	if (first == count)
		return 0;
	int64_t reference = arrivals[first] / REFERENCE_US;
	int told = measure(arrivals, count, reference * (REFERENCE_US / TICK_US), symbols, deltas);
	size_t at = begin(b, RTPFB_TWCC, RTCP_RTPFB, sender);
	buf_u32(b, media);
	buf_u16(b, base);
	buf_u16(b, (uint16_t)told);
	buf_u24(b, (uint32_t)reference & 0xFFFFFF);
	buf_u8(b, number);
	for (int i = 0; i < told;)
		i += put_chunk(b, symbols + i, told - i);
	for (int i = 0; i < told; i++) {
		if (symbols[i] == SMALL)
			buf_u8(b, (uint8_t)deltas[i]);
		else if (symbols[i] == LARGE)
			buf_u16(b, (uint16_t)deltas[i]);
	}
	finish(b, at);
	return told;
}
