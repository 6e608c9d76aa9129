/* Any datagrams as encrypted media and control packets, by the first byte in either profile: nothing is taken that was
 * not made with the key, and what was is taken once. Each begins with a byte of its length and one that says what it is. */
#include "base/check.h"
#include "base/cur.h"
#include "codec/rtp.h"
#include "rtc/srtp.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { CONTROL = 1, GOOD = 2, PAYLOAD_MAX = 255, PACKET_MAX = 2 * PAYLOAD_MAX };

struct ends {
	struct srtp *send, *recv;
};

static void ends_new(struct ends *ends, enum srtp_profile profile)
{
	uint8_t exported[SRTP_KEYS_MAX];
	struct srtp *a, *b;
	memset(exported, 0x5A, sizeof(exported));
	struct span keys = span_of(exported, srtp_keys_size(profile));
	check(srtp_new(&ends->send, &a, profile, keys, true) == OK);
	check(srtp_new(&b, &ends->recv, profile, keys, false) == OK);
	srtp_free(&a);
	srtp_free(&b);
}

static enum srtp_verdict take(struct srtp *srtp, const uint8_t *p, size_t n, bool control)
{
	uint8_t packet[PACKET_MAX];
	size_t left = n;
	memcpy(packet, p, n);
	enum srtp_verdict verdict = control ? srtp_unprotect_rtcp(srtp, packet, &left)
					    : srtp_unprotect(srtp, packet, &left);
	check(verdict != SRTP_OK || left < n);
	return verdict;
}

/* A packet with the key, then a byte of it changed by the input, then the right one again, twice. */
static void take_good(struct ends *ends, struct span payload, uint16_t seq, bool control)
{
	uint8_t out[PACKET_MAX], head[RTP_HEADER_MAX + 8] = {0x80, 0xC9};
	struct rtp rtp = {.pt = 96, .ssrc = 7, .seq = seq};
	size_t n;
	if (control) {
		head[7] = 7; /* SSRC */
		n = srtp_protect_rtcp(ends->send, span_of(head, 8), out);
	} else {
		size_t size = rtp_write(&rtp, NULL, 0, head);
		n = srtp_protect(ends->send,
				 &(struct srtp_packet){.header = span_of(head, size),
						       .payload = payload,
						       .index = seq},
				 out);
	}
	size_t at = payload.n ? payload.p[0] % n : 0;
	out[at] ^= 0x10;
	check(take(ends->recv, out, n, control) != SRTP_OK);
	out[at] ^= 0x10;
	(void)take(ends->recv, out, n, control);
	check(take(ends->recv, out, n, control) != SRTP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ends ends;
	struct cur c = cur_of(data, n);
	uint16_t seq = 0;
	ends_new(&ends, cur_u8(&c) & 1 ? SRTP_AEAD_AES_128_GCM : SRTP_AES128_CM_SHA1_80);
	while (cur_left(&c) > 2) {
		size_t size = cur_u8(&c);
		uint8_t kind = cur_u8(&c);
		struct span payload = cur_bytes(&c, size < cur_left(&c) ? size : cur_left(&c));
		seq = (uint16_t)(seq + 1 + (kind >> 2) * 37u);
		if (kind & GOOD)
			take_good(&ends, payload, seq, kind & CONTROL);
		else
			check(take(ends.recv, payload.p, payload.n, kind & CONTROL) != SRTP_OK);
	}
	srtp_free(&ends.send);
	srtp_free(&ends.recv);
	return 0;
}
