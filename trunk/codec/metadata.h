/* metadata - data messages (AMF0) as a server passes them on. Layer: codec. */
#pragma once
#include "codec/msg.h"

/* The message made from the body of a publisher's data message: "@setDataFrame" is taken off,
 * and onMetaData becomes an object without duration that names this server; such a message has
 * frame.is_meta set, also when it cannot be read whole and its bytes are passed on as they came.
 * Everything else is passed on as it is. NULL when it is nothing to pass on
 * (no memory, empty, the four-byte timecode of ffmpeg, or
 * words of a server to its player such as |RtmpSampleAccess). */
struct msg *metadata_read(struct span body);
/* The four bytes that ffmpeg sends as data and that are no AMF. */
bool metadata_is_timecode(struct span body);
