/* rtmp_script - bytes of a fuzzer read as steps of RTMP conversations. Layer: test.
 * A step is two bytes, what follows them, and a payload: mutations of it are other messages in another order,
 * most of which still make sense, where mutations of a recorded connection mostly break its chunks.
 *
 *   byte 0  kind of message (low half), message stream id 0-3 (bits 4 and 5), who speaks (bits 6 and 7)
 *   byte 1  length of the payload; 255: two more bytes say it
 *   a verb of the table is followed by its number and its transaction, then by AMF0 */
#pragma once
#include "base/buf.h"
#include "base/cur.h"

struct script_step {
	unsigned who; /* 0 to 3 */
	struct span
		bytes; /* as chunks, for chunk streams that begin with this message; owned by `b` */
	struct buf b;
};
/* The next step; false at the end. script_step_fini() after each true. */
bool script_next(struct cur *c, struct script_step *out);
void script_step_fini(struct script_step *step);
