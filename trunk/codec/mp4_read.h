/* mp4_read - fragmented MP4 as codec/mp4.h writes it, read again: what has to be known to go on behind a
 * file, or to make another of it. Layer: codec. Files of others are refused where they differ. */
#pragma once
#include "codec/mp4.h"

/* A box; `body` is what stands behind its head. */
struct mp4_box {
	char type[5];
	struct span whole, body;
};
/* The next box of some; false: there is none that is whole. Boxes of more than 4 GB are none. */
bool mp4_next_box(struct cur *c, struct mp4_box *out);
/* The content of the first box of this path, "moov/trak/mdia"; empty when it is not there. */
struct span mp4_find(struct span boxes, const char *path);

struct mp4_init_facts {
	size_t tracks; /* with the ids 1, 2 */
	uint32_t timescales[MP4_TRACKS];
};
/* Of the bytes in front of the first fragment. */
bool mp4_read_init(struct mp4_init_facts *out, struct span init);

struct mp4_run_facts {
	uint64_t dts, duration;
	uint32_t count;
	struct span entries; /* borrowed; for mp4_next_entry() */
};
struct mp4_moof_facts {
	uint32_t sequence;
	struct mp4_run_facts runs[MP4_TRACKS]; /* by the track's id; those without samples are 0 */
};
/* Of the content of a moof. */
bool mp4_read_moof(struct mp4_moof_facts *out, struct span moof);
bool mp4_next_entry(struct cur *entries, struct mp4_sample *out);
