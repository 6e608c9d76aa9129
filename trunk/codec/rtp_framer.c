#include "codec/rtp_framer.h"
#include "base/cur.h"
#include "codec/rtp.h"

enum {
	LENGTH = 2,
	INTERLEAVED = 4, /* bytes in front of a packet of RTSP: '$', channel, length */
	SSRC_AT = 8,
	ROOM = 2 * RTP_FRAME_MAX,
};

void rtp_framer_init(struct rtp_framer *f)
{
	*f = (struct rtp_framer){.bytes.max = ROOM + INTERLEAVED};
}

void rtp_framer_fini(struct rtp_framer *f)
{
	buf_free(&f->bytes);
}

void rtp_framer_take(struct rtp_framer *f, struct span bytes)
{
	buf_drop(&f->bytes, f->at);
	f->at = 0;
	buf_put(&f->bytes, bytes.p, bytes.n);
}

enum look { LOOK_SHORT, LOOK_NONE, LOOK_FRAME };

/* Where a packet lies, from the beginning of what was looked at. */
struct rtp_frame {
	size_t head, n;
	uint32_t ssrc;
	bool is_control;
};

static bool has_version_2(uint8_t byte)
{
	return byte >> 6 == 2;
}

/* A length of 0x24.. and a '$' look the same: the version of the packet behind tells them apart. */
static bool is_interleaved(struct span s)
{
	return s.p[0] == '$' && !has_version_2(s.p[LENGTH]) && has_version_2(s.p[INTERLEAVED]);
}

/* Whether a packet stands here, by its head. */
static enum look look(struct rtp_frame *out, struct span s)
{
	if (s.n <= INTERLEAVED)
		return LOOK_SHORT;
	size_t head = is_interleaved(s) ? INTERLEAVED : LENGTH;
	if (s.n < head + RTP_HEADER)
		return LOOK_SHORT;
	struct cur c = cur_of(s.p + head - LENGTH, s.n - head + LENGTH);
	*out = (struct rtp_frame){.head = head, .n = cur_u16(&c)};
	struct span packet = span_of(c.p, cur_left(&c));
	out->is_control = rtp_is_control(packet);
	cur_skip(&c, SSRC_AT);
	out->ssrc = cur_u32(&c);
	size_t min = out->is_control ? SSRC_AT : RTP_HEADER;
	return out->n >= min && has_version_2(packet.p[0]) ? LOOK_FRAME : LOOK_NONE;
}

static bool is_of_source(const struct rtp_framer *f, const struct rtp_frame *frame)
{
	return frame->is_control || !f->has_ssrc || frame->ssrc == f->ssrc;
}

/* Two in a row, of the source that has sent before. */
static enum look look_for_two(const struct rtp_framer *f, struct rtp_frame *out, struct span s)
{
	struct rtp_frame second;
	enum look first = look(out, s);
	if (first != LOOK_FRAME)
		return first;
	if (out->is_control || !is_of_source(f, out))
		return LOOK_NONE;
	enum look next = look(&second, span_rest(s, out->head + out->n));
	if (next == LOOK_FRAME && second.ssrc != out->ssrc && !second.is_control)
		return LOOK_NONE;
	return next;
}

static void skip(struct rtp_framer *f, size_t n)
{
	f->is_lost = true;
	f->at += n;
	f->skipped += n;
	f->sought += n;
	if (f->sought > RTP_FRAME_SEEK_MAX)
		f->has_ssrc = false;
}

static void found(struct rtp_framer *f, const struct rtp_frame *frame)
{
	f->at += frame->head + frame->n;
	f->is_lost = false;
	f->sought = 0;
	if (frame->is_control)
		return;
	f->has_ssrc = true;
	f->ssrc = frame->ssrc;
}

bool rtp_framer_next(struct rtp_framer *f, struct span *packet, bool *gap)
{
	*gap = f->is_lost;
	for (;;) {
		struct rtp_frame frame;
		struct span rest = span_rest(buf_span(&f->bytes), f->at);
		enum look seen = f->is_lost ? look_for_two(f, &frame, rest) : look(&frame, rest);
		if (seen == LOOK_SHORT)
			return false;
		if (seen == LOOK_NONE || !is_of_source(f, &frame)) {
			*gap = true;
			skip(f, 1);
			continue;
		}
		if (rest.n < frame.head + frame.n)
			return false;
		*packet = span_of(rest.p + frame.head, frame.n);
		found(f, &frame);
		return true;
	}
}
