/* Any messages (kind, length, payload) into a transport stream and into fragmented MP4: packets are
 * whole and counted, boxes fill the file. */
#include "base/check.h"
#include "base/cur.h"
#include "codec/mp4.h"
#include "codec/sample_clock.h"
#include "codec/ts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct mux {
	struct track tracks[2]; /* video, audio */
	struct ts_writer ts;
	struct mp4_fragment fragment;
	struct sample_clock clock;
	struct buf out;
	int counters[8192];
};

static void check_packets(struct mux *m)
{
	check(m->out.n % TS_PACKET == 0);
	for (size_t at = 0; at < m->out.n; at += TS_PACKET) {
		const uint8_t *p = m->out.p + at;
		unsigned pid = (p[1] & 31u) << 8 | p[2], counter = p[3] & 15;
		check(p[0] == 0x47 && p[3] & 0x30);
		if (!(p[3] & 0x10))
			continue;
		check(m->counters[pid] == 0 || ((unsigned)m->counters[pid] & 15) == counter);
		m->counters[pid] = (int)counter + 1 + 16;
	}
	buf_clear(&m->out);
}

static void check_boxes(struct mux *m)
{
	struct cur c = cur_of(m->out.p, m->out.n);
	while (cur_left(&c) > 0) {
		uint32_t size = cur_u32(&c);
		check(size >= 8);
		cur_skip(&c, size - 4);
	}
	check(cur_ok(&c));
	buf_clear(&m->out);
}

/* The tracks have changed: both writers begin anew. */
static void begin(struct mux *m)
{
	const struct track *tracks[2];
	size_t n = 0;
	char name[TRACK_NAME_MAX];
	for (size_t i = 0; i < 2; i++) {
		track_name(&m->tracks[i], name);
		if (sample_fits_mp4(&m->tracks[i]))
			tracks[n++] = &m->tracks[i];
	}
	ts_begin(&m->ts, sample_fits_ts(&m->tracks[0]) ? &m->tracks[0] : NULL,
		 sample_fits_ts(&m->tracks[1]) ? &m->tracks[1] : NULL);
	ts_write_tables(&m->ts, &m->out);
	check_packets(m);
	mp4_fragment_fini(&m->fragment);
	mp4_fragment_init(&m->fragment, tracks, n, 1 << 20);
	m->clock = (struct sample_clock){.rate = mp4_timescale(&m->tracks[1])};
	mp4_write_init(&m->out, tracks, n);
	check_boxes(m);
}

static void take(struct mux *m, const struct au *au)
{
	struct track *t = &m->tracks[au->type == MSG_AUDIO];
	if (track_take(t, au))
		begin(m);
	if (!track_fits(t, au))
		return;
	ts_write(&m->ts, &m->out, au, 1, au->dts * 90, au->pts * 90, au->data.n & 1);
	check_packets(m);
	unsigned samples = track_samples(t, au->data);
	int64_t at = sample_clock_map(&m->clock, au->dts, samples);
	for (size_t i = 0; i < m->fragment.tracks; i++)
		if (m->fragment.runs[i].track == t)
			mp4_fragment_add(&m->fragment, i, au, at, 0, samples);
	mp4_fragment_write(&m->fragment, &m->out, 1);
	check_boxes(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct mux zero;
	struct mux m = zero;
	struct cur c = cur_of(data, n);
	m.out.max = 1 << 22;
	for (int64_t ts = 0; cur_left(&c) > 2; ts += 20) {
		uint8_t kind = cur_u8(&c);
		size_t size = cur_u8(&c) | (kind >> 4) << 8;
		struct span body = cur_bytes(&c, size < c.n ? size : c.n);
		struct msg *msg = msg_new(kind & 1 ? MSG_VIDEO : MSG_AUDIO, ts, body.n);
		struct au_walk w;
		struct au au;
		memcpy(msg->payload, body.p, body.n);
		for (au_begin(&w, msg); au_next(&w, &au);)
			take(&m, &au);
		msg_unref(&msg);
	}
	ts_end(&m.ts);
	mp4_fragment_fini(&m.fragment);
	track_free(&m.tracks[0]);
	track_free(&m.tracks[1]);
	buf_free(&m.out);
	return 0;
}
