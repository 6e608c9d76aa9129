/* au - access units: the coded pictures and audio frames that messages carry. Layer: codec.
 * A message has one, or one per track (Enhanced RTMP multitrack). What writes other containers
 * starts here and never looks at FLV headers. */
#pragma once
#include "codec/msg.h"

struct au {
	uint8_t type;     /* MSG_AUDIO or MSG_VIDEO */
	uint8_t track;    /* Enhanced RTMP track id; 0 is the default track */
	bool is_header;   /* data is the track's decoder configuration record */
	bool is_key;      /* decoding can start here; true for all audio */
	uint32_t codec;   /* FourCC; 0 when unknown */
	int64_t dts, pts; /* milliseconds on the message's timeline */
	struct span data; /* borrowed from the message; NAL units, OBUs, frames as they were sent */
};

struct au_walk {
	struct part_walk parts;
	uint8_t type;
	int64_t ts;
};

/* The access units of a message; it has none when it is data, or neither header nor coded. */
void au_begin(struct au_walk *w, const struct msg *msg);
bool au_next(struct au_walk *w, struct au *au);

/* The body of a message that carries this access unit: the classic form for what every receiver
 * knows (H.264, AAC, MP3, G.711), Enhanced RTMP v2 for the rest and for other tracks than 0. */
void au_write(struct buf *b, const struct au *au);
