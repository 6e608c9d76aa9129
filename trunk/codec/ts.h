/* ts - a writer of MPEG transport streams (ISO 13818-1). Layer: codec.
 * One program with at most one video and one audio stream. Times are shifted by 700 ms, so that the
 * program clock, which runs that much behind the decoding times, never precedes 0; the distance of
 * audio and video is what it was. Pure: the same units in the same order give the same bytes. */
#pragma once
#include "codec/sample.h"

enum { TS_PACKET = 188, TS_SHIFT = 63000 /* 90 kHz: 700 ms */ };
enum { TS_PID_PMT = 0x1001, TS_PID_VIDEO = 0x100, TS_PID_AUDIO = 0x101 };

struct ts_stream {
	const struct track *track; /* NULL: none; borrowed */
	uint8_t counter;           /* of the packet that comes next */
};

struct ts_writer {
	struct ts_stream video, audio;
	uint8_t pat_counter, pmt_counter, version;
	bool has_clock;
	int64_t clock;  /* of the last program clock reference, 90 kHz */
	struct buf pes; /* scratch */
};

/* Zeroed memory. The streams from now on; the tables must be written next. */
void ts_begin(struct ts_writer *w, const struct track *video, const struct track *audio);
void ts_end(struct ts_writer *w);
/* PAT and PMT. */
void ts_write_tables(struct ts_writer *w, struct buf *b);
/* One PES packet with these units of one track: a picture, or audio frames that follow one another.
 * `pts` and `dts` are those of the first, in 90 kHz. With `fill` the packets are stuffed so that the
 * stream's counter stands at 0 behind them: what comes next may be a segment of another writer.
 * False: there was nothing to write. */
bool ts_write(struct ts_writer *w, struct buf *b, const struct au *units, size_t n, int64_t dts,
	      int64_t pts, bool fill);
