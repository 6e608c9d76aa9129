/* track - what a decoder of one track has to know, from its access units. Layer: codec.
 * The writers of containers ask it instead of the headers of a publisher. */
#pragma once
#include "codec/au.h"
#include "codec/sound.h"

struct track {
	uint8_t type, id; /* MSG_AUDIO or MSG_VIDEO; Enhanced RTMP track */
	bool is_ready;    /* the rest is known: units of this codec can be written */
	uint32_t codec;   /* 0 before the first unit */
	struct buf sent;  /* the header as it was sent */
	/* As MP4 has it, and with lengths of four bytes for NAL units: avcC, hvcC, av1C, vpcC (without
	 * version and flags), AudioSpecificConfig, dOps, STREAMINFO with its block header. Empty for
	 * codecs without one. */
	struct buf record;
	unsigned form;     /* of the NAL units that are sent (nal.h) */
	int width, height; /* 0: unknown */
	struct sound sound;
	struct aac aac;
	struct ac3 ac3;
};

/* Zeroed memory. Takes a unit in; true when what was known has changed: whatever was begun with the
 * former state must begin anew. Units of the other type or of another track are ignored. */
bool track_take(struct track *t, const struct au *au);
/* Whether the unit can be written: a coded one of the codec that the track is ready for. */
bool track_fits(const struct track *t, const struct au *au);
void track_free(struct track *t);
/* Samples of this access unit in the track's own rate; 0 when it cannot be told. */
unsigned track_samples(const struct track *t, struct span data);

/* RFC 6381 string of the codec ("avc1.64001e"); empty while it is not ready. */
enum { TRACK_NAME_MAX = 64 };
void track_name(const struct track *t, char out[static TRACK_NAME_MAX]);
