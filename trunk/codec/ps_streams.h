/* ps_streams - the elementary streams of a program stream: which are taken, what they are, and on which clock.
 * Layer: codec, the half of ps_demux that knows nothing of packets.
 *
 * The first pictures and the first sound that we know are taken. Without a map, which some senders never write, the
 * first bytes of a stream say what it is. Times are those of the stream; where they stand still or are missing,
 * those of the carrier. */
#pragma once
#include "codec/elementary.h"
#include "codec/pes.h"

enum {
	PS_NOTE = 160,
	PS_MAPPED = 16, /* elementary streams of a map that are looked at */
};

/* One elementary stream. */
struct ps_stream {
	uint8_t id; /* stream_id; 0: there is none */
	struct elementary es;
	struct pes_clock clock;
	int64_t shift; /* of sound: brings its clock to that of the pictures */
};

struct ps_streams {
	struct ps_mapped {
		uint8_t id, type;
	} mapped[PS_MAPPED];
	size_t mapped_n;
	struct ps_stream video, sound;
	bool is_beside;  /* sound does not come in the program stream */
	int64_t carried; /* the time of the carrier now; ES_NO_TIME: not told */
	struct {
		int64_t at, carried; /* the last picture's times by both clocks */
		unsigned
			count; /* of pictures whose own time stood still while the carrier's went on */
	} still;
	bool by_carrier; /* times of the stream are of no use */
	struct es_out out;
	char note[PS_NOTE];
	uint32_t noted;
};

void ps_streams_init(struct ps_streams *p);
void ps_streams_free(struct ps_streams *p);
/* The fields of a program stream map behind its length. False: it cannot be read. */
bool ps_streams_map(struct ps_streams *p, struct span map);
/* A packet of that stream_id begins with these bytes; the times of its header (33 bits, or ES_NO_TIME) become those
 * to be given to the stream with them. NULL: it is left out. */
struct elementary *ps_streams_begin(struct ps_streams *p, unsigned id, struct span payload,
				    int64_t *dts, int64_t *pts);
/* A packet is left out since it is scrambled. */
void ps_streams_scrambled(struct ps_streams *p);
/* Frames of sound that come beside the program stream. */
void ps_streams_take_sound(struct ps_streams *p, enum es_kind kind, struct span frames);
/* Something is missing of all of them. */
void ps_streams_lost(struct ps_streams *p);
void ps_streams_end(struct ps_streams *p);
bool ps_streams_note(struct ps_streams *p, char out[static PS_NOTE]);
bool ps_is_video(unsigned id);
