/* flv - FLV header and tags (specification Annex E). Layer: codec. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"
#include "codec/msg.h"

enum { FLV_HEADER_SIZE = 13, FLV_TAG_HEADER_SIZE = 11, FLV_TAG_EXTRA = 15 };

/* Signature, flags and the first back pointer: 13 bytes. */
void flv_write_header(struct buf *b, bool has_audio, bool has_video);
/* One tag with its back pointer: FLV_TAG_EXTRA bytes around the payload. */
void flv_write_tag(struct buf *b, uint8_t type, uint32_t ts, struct span payload);

/* Reads a stream of tags from whatever arrived, as chunk_read() does. */
struct flv_reader;
struct flv_reader *flv_reader_new(size_t tag_max);
void flv_reader_free(struct flv_reader **reader);
/* *out: one reference with type and ts set; NULL while `c` ran empty first. */
err flv_read(struct flv_reader *reader, struct cur *c, struct msg **out);
