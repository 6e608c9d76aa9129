/* live_format - what else than FLV a stream can be continuously, over HTTP: MPEG-TS, ADTS, MP3 and
 * fragmented MP4. Layer: output. Each is made once for all who take it, as a format of the wire. */
#pragma once
#include "live/wire_format.h"

extern const struct wire_format wire_ts, wire_mp4, wire_aac, wire_mp3;
