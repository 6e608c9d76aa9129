/* ps_demux - a reader of MPEG program streams (ISO 13818-1 2.5), as cameras of GB/T 28181 send them. Layer: codec.
 *
 * Packets become messages (codec/ps_streams.h says of which streams). What cameras really send is expected: lengths
 * that are wrong, packs without a map, times that stand still or are missing, sound on another clock, sound beside
 * the program stream. Bytes come in whatever pieces. Pure. */
#pragma once
#include "codec/ps_streams.h"

enum { PS_DEMUX_MAP_MAX = 1024 }; /* bytes of a program map with its header (2.5.4.2) */

struct ps_demux {
	enum ps_state {
		PS_SEEKING, /* a pack header */
		PS_BETWEEN, /* packets: the next start code stands here */
		PS_HEAD,    /* of a packet, in `head` */
		PS_BODY,    /* of one, for `into` */
	} state;
	uint8_t head[PS_DEMUX_MAP_MAX];
	size_t head_n;
	size_t held;   /* bytes of a start code that the last piece has ended with, perhaps */
	bool carries;  /* media of a stream, not what we leave out */
	bool is_fresh; /* none of the body has come */
	struct elementary *into; /* NULL: left out */
	bool is_bounded;         /* the body's length is told */
	size_t left;             /* bytes of it that are still to come, if it is */
	int64_t dts, pts;        /* of the body's first bytes */
	struct ps_streams streams;
	uint64_t packs, broken; /* broken: packets that were wrong or cut off */
};

struct ps_demux *ps_demux_new(void);
/* NULL is fine; clears. */
void ps_demux_free(struct ps_demux **demux);
/* The next bytes. `carried` is the time of what carries them (RTP), unwrapped, in 90 kHz, for streams without times
 * of their own; ES_NO_TIME: there is none. */
void ps_demux_take(struct ps_demux *demux, struct span bytes, int64_t carried);
/* Whole frames of sound that are sent beside the program stream; no others are taken from then on. */
void ps_demux_take_sound(struct ps_demux *demux, enum es_kind kind, struct span frames);
/* Something is missing behind what was taken. */
void ps_demux_lost(struct ps_demux *demux);
/* Nothing follows. */
void ps_demux_end(struct ps_demux *demux);
/* The oldest message; the reference is the caller's. */
bool ps_demux_next(struct ps_demux *demux, struct msg **msg, uint32_t *raw);
/* A sentence about what is left out, each once; false: nothing new. */
bool ps_demux_note(struct ps_demux *demux, char out[static PS_NOTE]);
