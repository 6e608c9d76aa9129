#include "codec/pes.h"
#include "base/cur.h"
#include "codec/elementary.h"

enum { PES_MIN = 6, OPTIONAL = 3, TIME_BYTES = 5, BOTH_TIMES = 3, PTS_ALONE = 2 };
#define WRAP (INT64_C(1) << 33)

bool pes_has_times(unsigned id)
{
	enum {
		MAP = 0xBC,
		PADDING = 0xBE,
		PRIVATE_2 = 0xBF,
		FIRST_CONTROL = 0xF0,
		EXTENDED = 0xFD
	};
	return id > MAP && id != PADDING && id != PRIVATE_2 &&
	       (id < FIRST_CONTROL || id == EXTENDED);
}

/* 33 bits between marker bits. */
static int64_t read_time(struct cur *c)
{
	int64_t t = (int64_t)(cur_u8(c) >> 1 & 7) << 30;
	t |= (int64_t)(cur_u16(c) >> 1) << 15;
	return t | cur_u16(c) >> 1;
}

static enum pes_result read_optional(struct pes_head *h, struct span s, size_t packet)
{
	struct cur c = cur_of(s.p + PES_MIN, s.n - PES_MIN);
	unsigned marks = cur_u8(&c), flags = cur_u8(&c) >> 6;
	size_t more = cur_u8(&c);
	if (cur_left(&c) < more)
		return PES_SHORT;
	h->n = PES_MIN + OPTIONAL + more;
	h->is_scrambled = marks >> 4 & 3;
	if (marks >> 6 != 2 || (packet && packet < OPTIONAL + more))
		return PES_BAD;
	h->length = packet ? packet - OPTIONAL - more : 0;
	if (flags >= PTS_ALONE && more >= TIME_BYTES)
		h->pts = h->dts = read_time(&c);
	if (flags == BOTH_TIMES && more >= 2 * TIME_BYTES)
		h->dts = read_time(&c);
	return PES_OK;
}

enum pes_result pes_read(struct pes_head *h, struct span s)
{
	*h = (struct pes_head){.n = PES_MIN, .pts = ES_NO_TIME, .dts = ES_NO_TIME};
	if (s.n < PES_MIN)
		return PES_SHORT;
	if (s.p[0] || s.p[1] || s.p[2] != 1)
		return PES_BAD;
	size_t packet = (size_t)s.p[4] << 8 | s.p[5];
	h->stream_id = s.p[3];
	h->length = packet;
	h->is_bounded = packet > 0;
	if (!pes_has_times(h->stream_id))
		return PES_OK;
	return s.n < PES_MIN + OPTIONAL ? PES_SHORT : read_optional(h, s, packet);
}

/* The value next to the last one. */
int64_t pes_unwrap(struct pes_clock *clock, int64_t time)
{
	if (time == ES_NO_TIME)
		return time;
	if (!clock->begun) {
		clock->begun = true;
		clock->last = time;
	}
	int64_t step = (time - clock->last) & (WRAP - 1);
	clock->last += step < WRAP / 2 ? step : step - WRAP;
	return clock->last;
}
