/* rtc_sender - what one WebRTC player is sent: its position in the packets of a source, what it asks for again,
 * reports. Layer: service. Has no coroutine and never blocks: it sends in the send slots of the source and by
 * a timer that paces what is too much for one.
 *
 * A player begins with the pictures from the newest key frame on, their times pressed together, when that is
 * young; with that key frame alone, as a still, when it is old; with a new one where the publisher can be asked for it.
 * One whose line does not take its pictures, or loses many, keeps the sound and gets pictures again
 * from the next key frame on. */
#pragma once
#include "live/consumer.h"
#include "live/packets.h"
#include "rtc/tx.h"

struct rtc_sender;

struct rtc_sender_opts {
	const struct rtc_media *media; /* what was agreed on; stays until rtc_sender_free() */
	struct tx_out out;             /* RTP */
	bool (*send_rtcp)(void *ctx, struct span compound); /* with the context of `out` */
	bool from_start; /* begins with the newest key frame that is kept */
	bool nack;       /* repeats what the player asks for */
	/* Has the publisher make a key frame; NULL, or false: it cannot be asked. */
	bool (*want_key)(void *ctx);
	void *want_key_ctx;
	struct packets_opts packets; /* for the first player of a source */
};

struct rtc_sender_counts {
	int64_t packets, bytes, refused; /* refused: by the line, dropped */
	int64_t nacks, repeated, repeated_bytes, unrepeatable;
	int64_t plis;
	int64_t skips; /* times that pictures were left out until a key frame */
};

struct rtc_sender *rtc_sender_new(const struct rtc_sender_opts *opts);
void rtc_sender_free(struct rtc_sender **sender);
/* Joins the packets of a source: the first one, or another one later, with numbers and times that go on. The owner
 * has a consumer in the source, and leaves before that closes. */
void rtc_sender_join(struct rtc_sender *sender, struct source *source);
void rtc_sender_leave(struct rtc_sender *sender);
/* The line is open: sending begins. */
void rtc_sender_open(struct rtc_sender *sender);
/* Says its consumer, and the pacer, what a send slot looks at; `way` is what a packet meets from there on. */
void rtc_sender_note_needs(struct rtc_sender *sender, struct consumer *consumer,
			   const void *const way[static CONSUMER_WAY]);
/* A send slot: sends what there is. Nothing before the line is open. */
void rtc_sender_turn(struct rtc_sender *sender);
/* Something waits to be sent: for viewing_ops. */
bool rtc_sender_pending(const struct rtc_sender *sender);
/* The next send slot sends sound, as far as the packets have been taken in. */
bool rtc_sender_has_sound(const struct rtc_sender *sender);
/* Reports and requests of the player. */
void rtc_sender_take_rtcp(struct rtc_sender *sender, struct span compound);
const struct rtc_sender_counts *rtc_sender_counts(const struct rtc_sender *sender);
/* As the player reports: round trip in milliseconds, 0: not known; packets of pictures lost, in 1/256. */
int64_t rtc_sender_rtt_ms(const struct rtc_sender *sender);
int rtc_sender_loss(const struct rtc_sender *sender);
/* Kilobits a second that its line takes, as it says; 0: it does not. */
int64_t rtc_sender_estimate(const struct rtc_sender *sender);
/* Pictures of the stream that were left out, and that were sent although browsers show them out of order. */
void rtc_sender_bframes(const struct rtc_sender *sender, uint64_t *left_out, uint64_t *sent);
