#include "codec/psi.h"
#include "base/cur.h"
#include "codec/part.h"

enum {
	TABLE_PAT = 0,
	TABLE_PMT = 2,
	HEAD = 3,
	STUFFING = 0xFF,
	PID_MASK = 0x1FFF,
	LENGTH_MASK = 0xFFF
};

uint32_t psi_crc(struct span s)
{
	uint32_t crc = 0xFFFFFFFF;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint32_t)s.p[i] << 24;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 0x80000000 ? 0x04C11DB7 : 0);
	}
	return crc;
}

/* ---- sections ---- */

/* Bytes of the section that is under way, as many as it still wants. */
static void take_some(struct psi_section *s, struct span *payload)
{
	size_t want = HEAD;
	if (s->n >= HEAD)
		want = HEAD + (((size_t)s->bytes[1] << 8 | s->bytes[2]) & LENGTH_MASK);
	if (want > PSI_SECTION_MAX) {
		s->begun = false;
		return;
	}
	struct span part = span_head(*payload, want > s->n ? want - s->n : 0);
	memcpy(s->bytes + s->n, part.p ? part.p : s->bytes, part.n);
	s->n += part.n;
	*payload = span_rest(*payload, part.n);
}

static bool is_whole(const struct psi_section *s)
{
	return s->n >= HEAD &&
	       s->n == HEAD + (((size_t)s->bytes[1] << 8 | s->bytes[2]) & LENGTH_MASK);
}

/* A table with the long form of a section that applies now. */
static bool is_good(struct span section)
{
	return section.n >= 12 && section.p[1] & 0x80 && section.p[5] & 1 && psi_crc(section) == 0;
}

/* The pointer in front of a payload in which a section begins: what stands before it ends the former one. */
static void skip_pointer(struct psi_section *s, struct span *payload)
{
	size_t before = payload->n ? payload->p[0] : 0;
	*payload = span_rest(*payload, 1);
	if (!s->begun)
		*payload = span_rest(*payload, before);
}

static void begin(struct psi_section *s, struct span payload)
{
	s->begun = payload.n > 0 && payload.p[0] != STUFFING;
	s->n = 0;
}

bool psi_take(struct psi_section *s, struct span *payload, bool *starts, struct span *section)
{
	if (*starts) {
		skip_pointer(s, payload);
		if (!s->begun)
			begin(s, *payload);
		*starts = false;
	}
	while (s->begun && payload->n > 0) {
		take_some(s, payload);
		if (!s->begun || !is_whole(s))
			continue;
		*section = span_of(s->bytes, s->n);
		begin(s, *payload);
		if (is_good(*section))
			return true;
	}
	return false;
}

/* ---- tables ---- */

/* What stands between the head of a section and its checksum. */
static struct cur body_of(struct span section)
{
	struct cur c = cur_of(section.p, section.n - 4);
	cur_skip(&c, 8);
	return c;
}

bool psi_read_pat(struct span section, struct psi_program out[static PSI_PROGRAMS], size_t *n)
{
	struct cur c = body_of(section);
	*n = 0;
	if (section.p[0] != TABLE_PAT)
		return false;
	while (cur_left(&c) >= 4 && *n < PSI_PROGRAMS) {
		struct psi_program p;
		p.number = cur_u16(&c);
		p.pid = cur_u16(&c) & PID_MASK;
		if (p.number != 0)
			out[(*n)++] = p;
	}
	return true;
}

/* What stream_type 6 means is said by descriptors: registrations (ISO 13818-1 2.6.8), those of DVB for AC-3 and
 * E-AC-3, the extension for the channels of Opus. */
static void read_descriptors(struct psi_stream *s, struct span all)
{
	enum {
		REGISTRATION = 5,
		DVB_AC3 = 0x6A,
		DVB_EAC3 = 0x7A,
		DVB_EXTENSION = 0x7F,
		OPUS_CHANNELS = 0x80
	};
	static const struct {
		uint32_t format;
		enum es_kind kind;
	} formats[] = {{CODEC_OPUS, ES_OPUS},
		       {FOURCC('H', 'E', 'V', 'C'), ES_HEVC},
		       {FOURCC('A', 'C', '-', '3'), ES_AC3},
		       {FOURCC('E', 'A', 'C', '3'), ES_EAC3}};
	struct cur c = cur_of(all.p, all.n);
	while (cur_left(&c) >= 2) {
		uint8_t tag = cur_u8(&c);
		struct span body = cur_bytes(&c, cur_u8(&c));
		struct cur b = cur_of(body.p, body.n);
		uint32_t format = tag == REGISTRATION ? cur_u32(&b) : 0;
		for (size_t i = 0; format && i < sizeof(formats) / sizeof(*formats); i++)
			if (formats[i].format == format)
				s->kind = formats[i].kind;
		if (tag == DVB_AC3 || tag == DVB_EAC3)
			s->kind = tag == DVB_AC3 ? ES_AC3 : ES_EAC3;
		if (tag == DVB_EXTENSION && body.n >= 2 && body.p[0] == OPUS_CHANNELS)
			s->channels = body.p[1];
	}
}

bool psi_read_pmt(struct span section, struct psi_stream out[static PSI_STREAMS], size_t *n)
{
	enum { PRIVATE = 6 };
	struct cur c = body_of(section);
	*n = 0;
	if (section.p[0] != TABLE_PMT)
		return false;
	cur_skip(&c, 2); /* PID of the clock */
	cur_skip(&c, cur_u16(&c) & LENGTH_MASK);
	while (cur_left(&c) >= 5 && *n < PSI_STREAMS) {
		struct psi_stream s = {.type = cur_u8(&c)};
		s.pid = cur_u16(&c) & PID_MASK;
		s.kind = es_kind_of(s.type);
		struct span descriptors = cur_bytes(&c, cur_u16(&c) & LENGTH_MASK);
		if (s.type == PRIVATE)
			read_descriptors(&s, descriptors);
		if (cur_ok(&c))
			out[(*n)++] = s;
	}
	return cur_ok(&c);
}
