/* nal - NAL units of H.264, H.265 and H.266. Layer: codec.
 * Two forms: each unit behind its length of 1, 2 or 4 bytes (ISO 14496-15, what RTMP and MP4
 * have), or behind start codes (Annex B, what MPEG-TS and RTP tools have). The form is the number of
 * bytes of the length; 0 is Annex B. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"

enum { NAL_ANNEXB = 0 };

/* The next unit, borrowed, without what separates it; empty ones are skipped. False behind the
 * last one, and where a length leads beyond the end: then the cursor is bad. */
bool nal_next(struct cur *c, unsigned form, struct span *nal);
/* The form in which these units really stand: some encoders send Annex B whatever their header
 * says. `form` is what the header says. */
unsigned nal_form(struct span data, unsigned form);
/* The units of `data` behind lengths of four bytes. Nothing is written of a unit that is cut short. */
void nal_write_lengths(struct buf *b, struct span data, unsigned form);

/* The types that writers of containers look at. */
enum {
	AVC_SLICE = 1,
	AVC_IDR = 5,
	AVC_SEI = 6,
	AVC_SPS = 7,
	AVC_PPS = 8,
	AVC_AUD = 9,
	AVC_END = 10,
	AVC_END_STREAM = 11,
	AVC_FILLER = 12
};
enum {
	HEVC_RADL_N = 6,
	HEVC_RASL_N = 8,
	HEVC_RASL_R = 9,
	HEVC_BLA = 16,
	HEVC_IDR = 19,
	HEVC_CRA = 21,
	HEVC_VPS = 32,
	HEVC_SPS = 33,
	HEVC_PPS = 34,
	HEVC_AUD = 35,
	HEVC_EOS = 36,
	HEVC_EOB = 37,
	HEVC_FILLER = 38
};

static inline unsigned avc_nal_type(struct span nal)
{
	return nal.n ? nal.p[0] & 31 : 0;
}

static inline unsigned hevc_nal_type(struct span nal)
{
	return nal.n ? nal.p[0] >> 1 & 63 : 0;
}

/* Parameter sets in the order of a decoder configuration record: avcC, hvcC (ISO 14496-15 5.3.3.1,
 * 8.3.3.1), or Annex B where an encoder sends that as its header. */
struct param_walk {
	struct cur c;
	enum { PARAMS_AVC, PARAMS_HEVC, PARAMS_ANNEXB, PARAMS_NONE } layout;
	unsigned lists, units; /* that are still to come */
};
void param_begin(struct param_walk *w, uint32_t codec, struct span record);
bool param_next(struct param_walk *w, struct span *nal);
/* The form of the pictures that follow a record; NAL_ANNEXB as well when it is of no use. */
unsigned param_form(uint32_t codec, struct span record);
