/* hls_parts - the open segment of a stream of low latency: its parts are made and listed while it grows
 * (RFC 8216bis appendix B.1). Layer: output, for hls_stream.c and hls_publish.c. */
#pragma once
#include "codec/sample_clock.h"
#include "output/segmenter.h"

struct hls_segment;
struct hls_stream;

struct hls_parts {
	int64_t each_ms;     /* as long as a part should be, in whole pictures; 0: not chosen yet */
	int64_t begin, last; /* of the open part: where it begins, the time of its last picture */
	size_t units;        /* of the segment that are in parts */
	int64_t number;      /* of the segment that `path` is for */
	char *path;          /* of that segment, as its parts are named by */
	char *hint_path;     /* of the part that comes next */
	struct sample_clock clock;
	struct buf bytes; /* of the parts so far: the segment */
};

/* Before this unit of the message goes into the open segment: ends a part, if one is due. */
void hls_parts_take(struct hls_stream *s, const struct msg *msg, const struct au *au);
/* The segment has ended: its last part, too. False: its bytes are not to be had. */
bool hls_parts_end(struct hls_stream *s);
/* The segment is in the list now: its parts become pieces of its bytes. */
void hls_parts_join(struct hls_segment *segment);
/* Another one begins. */
void hls_parts_reset(struct hls_stream *s);
void hls_parts_fini(struct hls_stream *s);
/* Which part comes next, for the list. */
void hls_parts_hint(struct hls_stream *s);
