/* picture - how large the pictures of AV1 and VP9 are. Layer: codec. */
#pragma once
#include "base/span.h"

/* From OBUs with a sequence header (AV1 specification 5.5); false: there is none. */
bool picture_size_av1(struct span obus, int *width, int *height);
/* From a VP9 key frame (VP9 bitstream specification 6.2); false: it is none. */
bool picture_size_vp9(struct span frame, int *width, int *height);
/* Whether decoding can begin with this frame of VP9, or superframe: that begins with the one to be decoded first. */
bool picture_is_key_vp9(struct span frame);

/* The next OBU of a temporal unit with its header; false behind the last one and for nonsense.
 * *type: 1 sequence header, 2 temporal delimiter, … */
struct cur;
bool av1_next(struct cur *c, unsigned *type, struct span *obu, struct span *body);
