/* random_access - pictures that a decoder can begin with although nobody has marked them. Layer: codec.
 * Encoders that refresh their pictures bit by bit (intra refresh, GDR) mark only the first one as a key
 * frame; where a refresh begins says a recovery point SEI (H.264 D.2.8, H.265 D.3.8). Others forget the
 * mark on IDR pictures. */
#pragma once
#include "base/span.h"

/* Whether decoding can begin at this video message (default track, H.264 or H.265), by its NAL units.
 * `form` is that of the stream's header (codec/nal.h). Bytes that are no row of NAL units say nothing. */
bool random_access_of_video(struct span payload, unsigned form);
