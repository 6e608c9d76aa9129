/* pack - access units as RTP payloads: H.264 (RFC 6184, packetisation mode 1), H.265 (RFC 7798), AV1 (AOM's RTP
 * specification), VP9 (RFC 9628). Layer: codec. Done once for each stream: all that receive it share the payloads. */
#pragma once
#include "codec/au.h"

struct payload {
	uint32_t off; /* in payloads.bytes */
	uint16_t n;
};

struct payloads {
	struct buf bytes;
	struct payload *v;
	int count, room;
};

enum { PACK_UNIT_MAX = 16 << 20, PACK_PAYLOADS_MAX = 16384 };

struct pack_opts {
	size_t max;         /* bytes of a payload */
	unsigned form;      /* of the NAL units (nal.h) */
	struct span record; /* decoder configuration: in front of key frames that do not bring it */
	bool keep_sei;      /* supplemental enhancement information is sent too */
};

bool pack_knows(uint32_t codec);
/* The payloads of a picture replace what is in `out` (zeroed memory at first). False: it has none, or is
 * too large, or nonsense. */
bool pack_video(struct payloads *out, const struct au *au, const struct pack_opts *opts);
static inline struct span payload_span(const struct payloads *p, int i)
{
	return span_of(p->bytes.p + p->v[i].off, p->v[i].n);
}
void payloads_free(struct payloads *p);
/* The picture refers to others, and none to it: it can be left out. Of H.264 and H.265. */
bool pack_is_droppable(const struct au *au, unsigned form);

/* ---- for pack_*.c ---- */

/* Begins a payload and returns where its bytes go, n of them; NULL beyond the limits. */
uint8_t *payloads_add(struct payloads *p, size_t n);
bool pack_av1(struct payloads *out, const struct au *au, const struct pack_opts *opts);
