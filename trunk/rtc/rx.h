/* rx - what a publisher sends, made whole again: RTP packets in, messages out. Layer: rtc. Does no I/O and
 * knows no source.
 *
 * Packets are put in order; what is missing is asked for again (NACK) as long as it can still come in
 * time. A picture that stays incomplete is dropped, with all that follow, until the next key frame, which
 * is asked for (PLI). Messages are as an RTMP encoder would send them: sequence headers, then pictures
 * with lengths in front of NAL units, Opus by Enhanced RTMP. */
#pragma once
#include "codec/msg.h"
#include "rtc/media.h"

struct rx;

struct rx_opts {
	/* A compound RTCP packet for the peer, in plain text. Called from rx_take(), rx_tick() and
	 * rx_want_key(). */
	void (*send_rtcp)(void *ctx, struct span compound);
	void *ctx;
	bool nack;      /* what is lost is asked for, where the peer has agreed */
	int64_t key_ms; /* a key frame is asked for so often; 0: never */
};

struct rx_counts {
	int64_t packets, bytes;
	int64_t lost, repaired; /* lost: for good */
	int64_t duplicate;      /* or too late */
	int64_t unknown;        /* of no track */
	int64_t pictures, pictures_dropped;
	int64_t nacks, plis;
	int64_t overrun; /* messages that nobody took in time */
};

/* `media` stays until rx_free(). */
struct rx *rx_new(const struct rtc_media *media, const struct rx_opts *opts);
void rx_free(struct rx **rx);
/* A packet, decrypted. */
void rx_take(struct rx *rx, struct span packet, int64_t now_us);
void rx_take_rtcp(struct rx *rx, struct span compound, int64_t now_us);
/* Sends reports and requests that are due, and ends waits that have lasted too long. To be called at rx_deadline(). */
void rx_tick(struct rx *rx, int64_t now_us);
int64_t rx_deadline(const struct rx *rx); /* monotonic milliseconds */
/* The next message (one reference) and its time in milliseconds, as source_publish() wants it; false: there
 * is none for now. */
bool rx_next(struct rx *rx, struct msg **msg, uint32_t *raw);
/* Asks for a key frame, unless one was asked for just now. */
void rx_want_key(struct rx *rx, int64_t now_us);
const struct rx_counts *rx_counts(const struct rx *rx);
/* Round trip in milliseconds, as repairs take it; 0: nothing was repaired yet. */
int64_t rx_rtt_ms(const struct rx *rx);
/* Kilobits a second that the publisher was told to send at most (REMB); 0: it was told nothing. */
int64_t rx_estimate_kbps(const struct rx *rx);
