/* flv_index - the metadata of an FLV file: how long it is, and where its key frames are. Layer: codec.
 * The tag has the same size whatever is in it, so that it can be written first and filled in last. */
#pragma once
#include "codec/amf0.h"
#include "codec/flv.h"

enum { FLV_INDEX_TAG = 40 * 1024, FLV_INDEX_MAX = 2000 };

/* Key frames: beyond the maximum every second one is forgotten. Zeroed memory. */
struct flv_index {
	struct flv_key {
		uint32_t ms;
		int64_t position; /* of the tag in the file */
	} * keys;
	size_t count, room;
	size_t stride, skipped; /* one in so many is kept */
};

struct flv_facts {
	bool has_audio, has_video;
	uint32_t last_ms;
	int64_t bytes; /* of the file; 0: not known yet */
};

void flv_index_add(struct flv_index *index, uint32_t ms, int64_t position);
void flv_index_fini(struct flv_index *index);
/* A tag of FLV_INDEX_TAG bytes in all: the members of `metadata` (borrowed, or NULL; those that do not
 * fit are left out) and what is known of the file. */
void flv_index_write(struct buf *b, const struct flv_index *index, const struct amf *metadata,
		     const struct flv_facts *facts);
