/* Any text as an offer, to publish or to play by its first byte: what is answered is an answer to it. */
#include "base/check.h"
#include "base/mem.h"
#include "rtc/answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct rtc_candidates candidates = {1, {{"192.0.2.1", 8000, false}}};

/* The answer has as many sections, of the same kinds, in the same order. */
static void look_at(const struct rtc_offer *offer, struct span answer)
{
	struct sdp sdp;
	check(sdp_parse(&sdp, answer) == OK && sdp.count == offer->sdp.count);
	for (int i = 0; i < sdp.count; i++) {
		struct span a = sdp.sections[i].kind, b = offer->sdp.sections[i].kind;
		check(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
	}
	sdp_fini(&sdp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rtc_offer offer;
	struct rtc_media media;
	struct buf out = {.max = SDP_BYTES_MAX};
	char *text = mem_strndup("", 0);
	bool publish = n && data[0] & 1;
	text = mem_realloc(text, n + 1);
	if (n)
		memcpy(text, data, n);
	if (n)
		text[0] = 'v';
	struct rtc_answer_opts opts = {
		.publish = publish,
		.nack = true,
		.twcc = true,
		.trickle = true,
		.ufrag = "ours",
		.pwd = "0123456789abcdefghijkl",
		.fingerprint = "sha-256 00",
		.candidates = &candidates,
		.ssrc = {1, 2, 3, 4},
		.cname = "c",
	};
	if (rtc_offer_read(&offer, span_of(text, n), publish) == OK &&
	    rtc_answer_write(&out, &media, &offer, &opts) == OK)
		look_at(&offer, buf_span(&out));
	rtc_offer_fini(&offer);
	buf_free(&out);
	free(text);
	return 0;
}
