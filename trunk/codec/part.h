/* part - what an audio or video message says of one track. Layer: codec.
 * Reads the classic FLV headers (specification E.4) and Enhanced RTMP v2 (ModEx, multitrack), so
 * that nobody behind it has to know which of them a publisher uses. A message has one part, or one
 * per track. Bodies are borrowed from the message and never changed. */
#pragma once
#include "base/cur.h"

#define FOURCC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
/* Codecs as Enhanced RTMP and MP4 call them, and sound that FLV alone has a number for. */
#define CODEC_AVC FOURCC('a', 'v', 'c', '1')
#define CODEC_HEVC FOURCC('h', 'v', 'c', '1')
#define CODEC_VVC FOURCC('v', 'v', 'c', '1')
#define CODEC_AV1 FOURCC('a', 'v', '0', '1')
#define CODEC_VP8 FOURCC('v', 'p', '0', '8')
#define CODEC_VP9 FOURCC('v', 'p', '0', '9')
#define CODEC_AAC FOURCC('m', 'p', '4', 'a')
#define CODEC_OPUS FOURCC('O', 'p', 'u', 's')
#define CODEC_FLAC FOURCC('f', 'L', 'a', 'C')
#define CODEC_MP3 FOURCC('.', 'm', 'p', '3')
#define CODEC_AC3 FOURCC('a', 'c', '-', '3')
#define CODEC_EAC3 FOURCC('e', 'c', '-', '3')
#define CODEC_ALAW FOURCC('a', 'l', 'a', 'w')
#define CODEC_ULAW FOURCC('u', 'l', 'a', 'w')

enum part_kind {
	PART_OTHER,  /* end of sequence, commands, unknown packet types */
	PART_HEADER, /* the body is a decoder configuration record */
	PART_META,   /* colour info, channel layout */
	PART_CODED,  /* the body is a picture or audio frames */
};

struct part {
	enum part_kind kind;
	bool is_key;      /* a coded picture of frame type "key" */
	uint8_t track;    /* Enhanced RTMP track id; 0 is the default track */
	uint32_t codec;   /* FourCC; 0 when unknown */
	int32_t cts;      /* composition time: presentation minus decoding, milliseconds */
	struct span body; /* behind all headers */
};

struct part_walk {
	struct cur c;
	bool is_enhanced, is_key;
	uint8_t packet;
	int layout;
	bool is_video;
	uint32_t codec;
};

/* Never fails: nonsense has no parts. */
void part_begin_video(struct part_walk *w, struct span payload);
void part_begin_audio(struct part_walk *w, struct span payload);
/* The next part; false behind the last one. A message that is cut short ends there. */
bool part_next(struct part_walk *w, struct part *part);
/* The default track 0 if that is among them, else the first one; false if the message has none or
 * is cut short. */
bool part_default(struct part_walk *w, struct part *part);
