/* ts_demux - a reader of MPEG transport streams (ISO 13818-1). Layer: codec.
 *
 * One program is read: the one that was named, else the first with pictures. Of it the first video and the first
 * sound that we know become messages (codec/elementary.h); what else there is can be told to people. Bytes come in
 * whatever pieces. Pure. */
#pragma once
#include "codec/pes.h"
#include "codec/psi.h"

enum { TS_DEMUX_PACKET = 188, TS_DEMUX_NOTE = 160 };

struct ts_demux_opts {
	unsigned program; /* its number; 0: the first with pictures, or the first at all */
	unsigned audio;   /* which of its sounds, from 1; 0 is 1 */
};

/* One elementary stream. */
struct ts_demux_stream {
	uint16_t pid; /* 0: there is none */
	bool has_counter;
	uint8_t counter;
	bool in_packet, has_head; /* of PES: one is read; its header was */
	bool is_bounded;          /* its length is told */
	size_t left;              /* bytes of it that are still to come, if it is */
	uint8_t head[PES_HEAD_MAX];
	size_t head_n; /* of the header, while it is not whole */
	struct elementary es;
};

struct ts_demux_table {
	uint16_t pid, program;
	bool has_counter;
	uint8_t counter;
	struct psi_section section;
};

struct ts_demux {
	struct ts_demux_opts opts;
	uint8_t part[TS_DEMUX_PACKET]; /* a packet that is not whole yet */
	size_t part_n;
	bool in_sync; /* a packet ended where the next byte is */
	struct ts_demux_table pat;
	struct ts_demux_table *maps; /* of the programs that there are */
	size_t map_count;
	uint16_t program;  /* that is read; 0: none yet */
	bool has_pictures; /* of it */
	struct ts_demux_stream video, sound;
	struct pes_clock clock;
	struct es_out out;
	uint64_t packets, lost, scrambled,
		skipped; /* lost: gaps; skipped: bytes outside of packets */
	char note[TS_DEMUX_NOTE];
	uint32_t noted;
};

struct ts_demux *ts_demux_new(const struct ts_demux_opts *opts);
/* NULL is fine; clears. */
void ts_demux_free(struct ts_demux **demux);
void ts_demux_take(struct ts_demux *demux, struct span bytes);
/* Something is missing behind what was taken. */
void ts_demux_lost(struct ts_demux *demux);
/* Nothing follows. */
void ts_demux_end(struct ts_demux *demux);
/* The oldest message; the reference is the caller's. */
bool ts_demux_next(struct ts_demux *demux, struct msg **msg, uint32_t *raw);
/* A sentence about what is left out, each once: "DTS (PID 258) is left out, …"; false: nothing new. */
bool ts_demux_note(struct ts_demux *demux, char out[static TS_DEMUX_NOTE]);
