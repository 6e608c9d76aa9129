/* packets - a source as RTP payloads, made once for all who receive it so. Layer: live.
 *
 * It reads the log of the source and keeps the packets of about two seconds, in which what was lost on the
 * way is found again, and those from the newest key frame on, with which receivers begin. Who receives
 * has a position of its own in each track. Made for the first user, gone with the last one. */
#pragma once
#include "codec/track.h"
#include "live/packet_ring.h"
#include "live/reader.h"

enum packet_track { PACKETS_AUDIO, PACKETS_VIDEO, PACKETS_TRACKS };
enum { PACKETS_PAYLOAD_MAX = 1160 }; /* with all headers a datagram is not above 1,200 bytes */
enum { PACKETS_AUDIO_CLOCK = 48, PACKETS_VIDEO_CLOCK = 90 }; /* units in a millisecond */

struct packets;

/* Sound that is not Opus, which goes to somebody who can make Opus of it. */
struct packets_sound {
	/* A frame, or a header, of the source's sound; msg->ts is its time. Must not block. */
	void (*take)(struct packets_sound *sound, const struct msg *msg);
	/* What was taken is over: its packets have gone. */
	void (*free)(struct packets_sound *sound);
};

struct packets_opts {
	bool keep_bframe; /* pictures that are shown in another order than they are sent are kept */
	bool keep_sei;
	/* Makes a converter for a source with sound of this codec; NULL: none is to be had, and reason says
	 * why, for the log. */
	struct packets_sound *(*make_sound)(struct packets *packets, uint32_t codec,
					    const char **reason);
	void *sound_ctx; /* for make_sound(): outlives the packets */
	int sound_bitrate;
};

struct packets {
	struct source *source; /* borrowed: its users have consumers there */
	int users;
	struct packets_opts opts;
	struct reader reader;
	uint64_t opened_at; /* messages before this one were there already */
	int64_t opened_ts;  /* time of the newest of them */
	struct packet_ring rings[PACKETS_TRACKS];
	uint32_t codecs[PACKETS_TRACKS]; /* of what is in the rings; 0: nothing yet */
	/* of pictures */
	struct track video;
	struct payloads payloads;
	bool await_key; /* something is missing that pictures refer to */
	bool reorders;  /* pictures that others need are not shown in the order of decoding */
	bool told_order, told_codec;
	int64_t shown_ms; /* the latest picture to be shown */
	int64_t video_ts; /* of the last picture */
	uint64_t bframes_dropped, bframes_kept;
	/* of sound */
	int64_t twin_ms;  /* time of the last message of TRACK_TWIN; 0: none has come */
	int64_t plain_ms; /* time of the first sound that is neither Opus nor has a twin; 0: none */
	int64_t plain_since_ms; /* when it came, monotonic */
	int64_t audio_ts;       /* where the next packet is to stand; 0: none has come */
	struct packets_sound *sound;
	uint32_t sound_codec; /* that `sound` was asked for, in vain or not */
};

/* One user more. */
struct packets *packets_open(struct source *source, const struct packets_opts *opts);
/* One less; it has left before its consumer closes. */
void packets_close(struct packets **packets);
/* Takes in what was published. */
void packets_pull(struct packets *packets);
/* A packet of Opus from the converter, for the time `ts` in units of 1/48 ms. */
void packets_put_opus(struct packets *packets, struct span packet, int64_t ts);
/* What the source's timeline says now: milliseconds. */
int64_t packets_now(const struct packets *packets);
