/* Any bytes as RTP, RTCP, and payloads of pictures: what unpacks is a unit that can be packed again. */
#include "base/check.h"
#include "codec/pack.h"
#include "codec/param_record.h"
#include "codec/rtcp.h"
#include "codec/rtp.h"
#include "codec/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ignore(void *ctx, uint16_t seq)
{
	*(unsigned *)ctx += seq;
}

static void control(struct span bytes)
{
	struct cur c = cur_of(bytes.p, bytes.n);
	struct rtcp p;
	while (rtcp_next(&c, &p)) {
		struct rtcp_sender_info info;
		struct rtcp_report r;
		unsigned sum = 0;
		uint8_t number;
		(void)rtcp_read_sender(&p, &info);
		for (int i = 0; rtcp_read_report(&p, i, &r); i++)
			;
		(void)rtcp_read_nack(&p, 100, ignore, &sum);
		(void)rtcp_read_remb(&p);
		(void)rtcp_is_fir(&p, rtcp_media(&p), &number);
	}
}

static void unit(uint32_t codec, struct span bytes)
{
	struct buf out = {.max = 1 << 20};
	struct payloads payloads = {0};
	struct au au = {.codec = codec, .data = bytes, .is_key = true};
	(void)unit_facts(codec, bytes);
	(void)param_record_write(&out, codec, bytes);
	unit_write_plain(&out, codec, bytes);
	(void)pack_is_droppable(&au, 4);
	if (pack_video(&payloads, &au, &(struct pack_opts){.max = 64, .form = 4, .record = bytes}))
		for (int i = 0; i < payloads.count; i++)
			check(payloads.v[i].n && payloads.v[i].n <= 64);
	payloads_free(&payloads);
	buf_free(&out);
}

/* Payloads, each behind a byte of its length. */
static void pictures(uint32_t codec, struct span bytes)
{
	struct cur c = cur_of(bytes.p, bytes.n);
	struct unpack u = {0};
	struct span whole;
	unpack_begin(&u, codec);
	while (cur_left(&c)) {
		struct span payload = cur_bytes(&c, cur_u8(&c));
		(void)unpack_is_first(codec, payload);
		unpack_take(&u, payload);
	}
	if (unpack_end(&u, &whole))
		unit(codec, whole);
	unpack_free(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint32_t codecs[] = {CODEC_AVC, CODEC_HEVC, CODEC_AV1, CODEC_VP9};
	struct span bytes = span_of(data, n), value;
	struct rtp rtp;
	if (rtp_read(&rtp, bytes))
		for (unsigned id = 0; id < 20; id++)
			(void)rtp_ext(&rtp, id, &value);
	control(bytes);
	for (int i = 0; i < 4; i++) {
		pictures(codecs[i], bytes);
		unit(codecs[i], bytes);
	}
	return 0;
}
