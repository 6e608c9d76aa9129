/* sample - an access unit in the form in which a container has it. Layer: codec.
 * Both return false when nothing is to be written: the unit carries no picture (only filler or
 * delimiters), or it cannot be said in that form. */
#pragma once
#include "codec/track.h"

/* MPEG-TS: H.264 and H.265 as Annex B, each with one access unit delimiter in front and with
 * parameter sets before a key frame that has none itself; AAC as ADTS; Opus behind its control
 * header; others as they are. */
bool sample_write_ts(struct buf *b, const struct track *t, const struct au *au);
/* MP4: NAL units behind lengths of four bytes, without delimiters and filler; AV1 without temporal
 * delimiters; others as they are. */
bool sample_write_mp4(struct buf *b, const struct track *t, const struct au *au);
/* Whether MPEG-TS, and MP4, have a place for this codec. */
bool sample_fits_ts(const struct track *t);
bool sample_fits_mp4(const struct track *t);
