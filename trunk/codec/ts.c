#include "codec/ts.h"
#include "base/check.h"
#include "codec/psi.h"

enum { PES_MAX = 1 << 25, SECTION_MAX = 183, PES_START = 6, PES_LENGTH_MAX = 0xFFFF };
enum { HAS_PAYLOAD = 0x10, HAS_FIELD = 0x20, UNIT_START = 0x40 };
enum { FIELD_RANDOM_ACCESS = 0x40, FIELD_CLOCK = 0x10 };
enum { CLOCK_INTERVAL = 9000 /* 100 ms */, COUNTERS = 16 };

void ts_begin(struct ts_writer *w, const struct track *video, const struct track *audio)
{
	bool was = w->video.track || w->audio.track;
	w->video.track = video;
	w->audio.track = audio;
	w->version = (w->version + was) & 31;
	w->pes.max = PES_MAX;
}

void ts_end(struct ts_writer *w)
{
	buf_free(&w->pes);
}

/* A section in a packet of its own; its length field and checksum are filled in here. */
static void write_section(struct buf *b, unsigned pid, uint8_t *counter, struct buf *section)
{
	check(buf_ok(section) && section->n + 4 <= SECTION_MAX);
	section->p[2] = (uint8_t)(section->n + 4 - 3);
	buf_u8(b, 0x47);
	buf_u16(b, (uint16_t)(UNIT_START << 8 | pid));
	buf_u8(b, HAS_PAYLOAD | (*counter)++ % COUNTERS);
	buf_u8(b, 0);
	buf_put(b, section->p, section->n);
	buf_u32(b, psi_crc(buf_span(section)));
	size_t rest = SECTION_MAX - section->n - 4;
	uint8_t *fill = buf_grow(b, rest);
	if (fill)
		memset(fill, 0xFF, rest);
}

static uint8_t stream_type(const struct track *t)
{
	switch (t->codec) {
	case CODEC_AVC:
		return 0x1B;
	case CODEC_HEVC:
		return 0x24;
	case CODEC_AAC:
		return 0x0F;
	case CODEC_MP3:
		return t->sound.rate >= 32000 ? 0x03 : 0x04;
	case CODEC_AC3:
		return 0x81;
	}
	return 0x06; /* private data, told by a descriptor */
}

static void write_stream(struct buf *b, const struct track *t, unsigned pid)
{
	static const uint8_t hevc[] = {5, 4, 'H', 'E', 'V', 'C'},
			     ac3[] = {5, 4, 'A', 'C', '-', '3'};
	uint8_t opus[] = {5, 4, 'O', 'p', 'u', 's', 0x7F, 2, 0x80, (uint8_t)t->sound.channels};
	struct span descriptors = {0};
	if (t->codec == CODEC_HEVC)
		descriptors = span_of(hevc, sizeof(hevc));
	else if (t->codec == CODEC_AC3)
		descriptors = span_of(ac3, sizeof(ac3));
	else if (t->codec == CODEC_OPUS)
		descriptors = span_of(opus, sizeof(opus));
	buf_u8(b, stream_type(t));
	buf_u16(b, (uint16_t)(0xE000 | pid));
	buf_u16(b, (uint16_t)(0xF000 | descriptors.n));
	buf_put(b, descriptors.p, descriptors.n);
}

void ts_write_tables(struct ts_writer *w, struct buf *b)
{
	static const uint8_t pat[] = {
		0x00, 0xB0, 0, 0, 1, 0xC1, 0, 0, 0, 1, 0xE0 | TS_PID_PMT >> 8, TS_PID_PMT & 255};
	struct buf section = {.max = SECTION_MAX};
	buf_put(&section, pat, sizeof(pat));
	write_section(b, 0, &w->pat_counter, &section);
	buf_clear(&section);
	buf_u24(&section, 0x02B000);
	buf_u16(&section, 1);
	buf_u8(&section, (uint8_t)(0xC1 | w->version << 1));
	buf_u16(&section, 0);
	buf_u16(&section, (uint16_t)(0xE000 | (w->video.track ? TS_PID_VIDEO : TS_PID_AUDIO)));
	buf_u16(&section, 0xF000);
	if (w->video.track)
		write_stream(&section, w->video.track, TS_PID_VIDEO);
	if (w->audio.track)
		write_stream(&section, w->audio.track, TS_PID_AUDIO);
	write_section(b, TS_PID_PMT, &w->pmt_counter, &section);
	buf_free(&section);
}

/* 33 bits of 90 kHz with marker bits between. */
static void write_time(struct buf *b, unsigned prefix, int64_t time)
{
	uint64_t t = (uint64_t)(time + TS_SHIFT) & 0x1FFFFFFFF;
	buf_u8(b, (uint8_t)(prefix << 4 | (t >> 30) << 1 | 1));
	buf_u16(b, (uint16_t)(t >> 15 << 1 | 1));
	buf_u16(b, (uint16_t)(t << 1 | 1));
}

static uint8_t stream_id(const struct track *t)
{
	if (t->type == MSG_VIDEO)
		return 0xE0;
	uint8_t type = stream_type(t);
	return type == 0x06 || type == 0x81 ? 0xBD : 0xC0;
}

/* The header of a PES packet; its length follows, see set_pes_length(). */
static void write_pes_header(struct buf *b, const struct track *t, int64_t dts, int64_t pts)
{
	bool has_dts = dts != pts;
	buf_u24(b, 1);
	buf_u8(b, stream_id(t));
	buf_u16(b, 0);
	buf_u8(b, 0x84); /* the payload begins with an access unit */
	buf_u8(b, has_dts ? 0xC0 : 0x80);
	buf_u8(b, has_dts ? 10 : 5);
	write_time(b, has_dts ? 3 : 2, pts);
	if (has_dts)
		write_time(b, 1, dts);
}

/* Of the whole packet; 0, unknown, is for what is too long. */
static void set_pes_length(struct buf *pes)
{
	size_t n = pes->n - PES_START;
	be_put(pes->p + PES_START - 2, n > PES_LENGTH_MAX ? 0 : n, 2);
}

struct ts_packet {
	unsigned pid;
	uint8_t *counter;
	bool is_start, is_key;
	bool has_clock;
	int64_t clock;
};

/* The adaptation field, stuffed to a size of n bytes. */
static void put_field(uint8_t *at, size_t n, const struct ts_packet *p)
{
	uint64_t base = (uint64_t)p->clock & 0x1FFFFFFFF;
	memset(at, 0xFF, n);
	at[0] = (uint8_t)(n - 1);
	if (n > 1)
		at[1] = (uint8_t)((p->is_key ? FIELD_RANDOM_ACCESS : 0) |
				  (p->has_clock ? FIELD_CLOCK : 0));
	if (p->has_clock)
		be_put(at + 2, base << 15 | 0x7E00, 6);
}

/* One packet with `n` bytes of payload, stuffed to its full size. */
static void write_packet(struct buf *b, const struct ts_packet *p, struct span payload)
{
	size_t room = TS_PACKET - 4 - payload.n;
	uint8_t *at = buf_grow(b, TS_PACKET);
	if (!at)
		return;
	at[0] = 0x47;
	be_put(at + 1, (p->is_start ? UNIT_START << 8 : 0) | p->pid, 2);
	at[3] = (uint8_t)((room ? HAS_FIELD : 0) | (payload.n ? HAS_PAYLOAD : 0) |
			  (payload.n ? (*p->counter)++ : *p->counter - 1u) % COUNTERS);
	if (room)
		put_field(at + 4, room, p);
	if (payload.n)
		memcpy(at + 4 + room, payload.p, payload.n);
}

/* The bytes of the field that a packet must have. */
static size_t field_size(const struct ts_packet *p)
{
	return p->has_clock ? 8 : p->is_key ? 2 : 0;
}

/* How many packets a payload of n bytes takes; with `fill` so many that the counter comes round. */
static size_t packets_for(const struct ts_packet *p, size_t n, bool fill)
{
	const size_t room = TS_PACKET - 4, first = room - field_size(p);
	size_t packets = n <= first ? 1 : 1 + (n - first + room - 1) / room;
	size_t counter = *p->counter + packets;
	return fill ? packets + (COUNTERS - counter % COUNTERS) % COUNTERS : packets;
}

/* Full packets, as long as a byte is left for each that follows. */
static void write_packets(struct buf *b, struct ts_packet p, struct span payload, bool fill)
{
	for (size_t packets = packets_for(&p, payload.n, fill); payload.n > 0; packets--) {
		size_t n = TS_PACKET - 4 - field_size(&p);
		size_t most = packets <= payload.n ? payload.n - (packets - 1) : 1;
		n = n < most ? n : most;
		write_packet(b, &p, span_of(payload.p, n));
		payload = span_of(payload.p + n, payload.n - n);
		p.is_start = p.is_key = p.has_clock = false;
	}
}

/* Clock references alone, where pictures come more rarely than a clock must. */
static void keep_clock(struct ts_writer *w, struct buf *b, struct ts_packet *p, int64_t dts)
{
	struct ts_packet alone = {.pid = p->pid, .counter = p->counter, .has_clock = true};
	while (w->has_clock && dts - w->clock > CLOCK_INTERVAL &&
	       dts - w->clock <= 100 * CLOCK_INTERVAL) {
		w->clock += CLOCK_INTERVAL;
		alone.clock = w->clock;
		write_packet(b, &alone, (struct span){0});
	}
	p->has_clock = true;
	p->clock = dts;
	w->clock = dts;
	w->has_clock = true;
}

bool ts_write(struct ts_writer *w, struct buf *b, const struct au *units, size_t n, int64_t dts,
	      int64_t pts, bool fill)
{
	bool is_video = units->type == MSG_VIDEO;
	struct ts_stream *s = is_video ? &w->video : &w->audio;
	struct buf *pes = &w->pes;
	bool has_any = false;
	if (!s->track)
		return false;
	buf_clear(pes);
	write_pes_header(pes, s->track, dts, pts);
	for (size_t i = 0; i < n; i++)
		has_any |= sample_write_ts(pes, s->track, &units[i]);
	if (!has_any || !buf_ok(pes))
		return false;
	set_pes_length(pes);
	struct ts_packet p = {
		.pid = is_video ? TS_PID_VIDEO : TS_PID_AUDIO,
		.counter = &s->counter,
		.is_start = true,
		.is_key = is_video ? units->is_key : !w->video.track,
	};
	if (is_video || !w->video.track)
		keep_clock(w, b, &p, dts);
	write_packets(b, p, buf_span(pes), fill);
	return true;
}
