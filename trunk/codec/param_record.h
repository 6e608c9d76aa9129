/* param_record - a decoder configuration record from the parameter sets that a picture brings along, as
 * publishers by RTP send them. Layer: codec. */
#pragma once
#include "base/buf.h"

/* What a picture is. */
struct unit_facts {
	bool is_key;      /* decoding can begin here */
	bool has_picture; /* not only parameter sets and the like */
};
/* Of a unit as codec/unpack.h makes it. */
struct unit_facts unit_facts(uint32_t codec, struct span unit);
/* The same of one NAL unit. */
struct unit_facts nal_facts(uint32_t codec, struct span nal);
/* Whether it is a parameter set; whether a message has it: neither a set, a delimiter nor filler. */
bool nal_is_set(uint32_t codec, struct span nal);
bool nal_is_plain(uint32_t codec, struct span nal);
/* Writes avcC, hvcC or av1C (ISO 14496-15 5.3.3.1, 8.3.3.1; AV1 in ISOBMFF 2.3), or what vpcC has (VP9 in ISOBMFF).
 * False: the unit lacks a set that a decoder needs. */
bool param_record_write(struct buf *record, uint32_t codec, struct span unit);
/* The unit without its parameter sets, delimiters and filler: as an encoder by RTMP sends it. */
void unit_write_plain(struct buf *out, uint32_t codec, struct span unit);
