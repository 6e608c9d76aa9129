/* rx_parts - what the files of rx share. Layer: rtc. */
#pragma once
#include "codec/unpack.h"
#include "rtc/rx.h"
#include "rtc/rx_clock.h"
#include "rtc/rx_ring.h"

enum { RX_AUDIO, RX_VIDEO, RX_TRACKS };
enum { RX_QUEUE = 512, RX_ARRIVALS = 1024, RX_OUR_SSRC = 1 };

/* Figures for receiver reports (RFC 3550 A.3, A.8). */
struct rx_stats {
	int64_t first, received, expected_prior, received_prior;
	int fraction; /* lost, as the last report has it */
	int64_t transit;
	double jitter;
	uint32_t report; /* the middle of the NTP time of the last sender report; 0: none */
	int64_t report_us;
};

struct rx_track {
	const struct rtc_track *agreed; /* NULL: there is none */
	uint32_t codec;                 /* FourCC */
	uint32_t ssrc;                  /* 0: nothing has come */
	int ssrc_changes;
	struct rx_ring ring;
	struct rx_clock clock;
	struct rx_stats stats;
	bool has_header;   /* its sequence header was queued */
	int in_vain;       /* packets that were asked for and given up since the last that came */
	bool has_rtx_come; /* repeats are told from packets that were overtaken */
};

struct rx_queued {
	struct msg *msg;
	uint32_t raw;
};

struct rx {
	const struct rtc_media *media;
	struct rx_opts opts;
	struct rx_track tracks[RX_TRACKS];
	int64_t start_us;
	/* the picture that is put together */
	struct unpack unpack;
	bool in_picture, is_damaged, await_key;
	uint32_t picture_ts;
	int64_t picture_us; /* arrival of its last packet */
	struct buf record;  /* the decoder configuration that was last told */
	/* messages */
	struct rx_queued queue[RX_QUEUE];
	unsigned head, tail;
	/* requests and reports */
	int64_t tick_ms, report_ms, twcc_ms, asked_key_ms, key_due_ms;
	int64_t rtt_ms;    /* as repairs take it; 0: nothing was repaired yet */
	int64_t judged_ms; /* when that was first asked for which has raised it last */
	uint8_t fir_number;
	/* transport-wide numbers */
	int64_t arrivals[RX_ARRIVALS];
	int64_t twcc_next, twcc_newest; /* to be told next; the highest; in full */
	bool twcc_begun;
	uint8_t twcc_count;
	/* what the line takes (REMB) */
	int64_t remb_bytes, remb_ms; /* received until the last estimate, and when that was */
	int64_t remb_bits;           /* a second; 0: none was made */
	struct rx_counts counts;
};

/* An ordered packet of pictures, and one that is lost for good. */
void rx_video_take(struct rx *rx, const struct rx_packet *packet, int64_t now_us);
void rx_video_lost(struct rx *rx, int64_t now_us);
void rx_audio_take(struct rx *rx, const struct rx_packet *packet, int64_t now_us);
/* How long after a request a missing packet is asked for again, and how long it is waited for in all. */
int64_t rx_again_ms(const struct rx *rx);
int64_t rx_hold_ms(const struct rx *rx, const struct rx_track *track);
bool rx_can_ask(const struct rx *rx, const struct rx_track *track);
/* What was asked for has come, in time or not. */
void rx_note_repair(struct rx *rx, struct rx_track *track, const struct rx_asked *asked,
		    bool is_rtx, int64_t now_ms);
/* An arrival with a transport-wide number. */
void rx_note_arrival(struct rx *rx, uint16_t number, int64_t now_us);
/* Statistics for reports. */
void rx_note_packet(struct rx_track *t, int64_t seq, uint32_t ts, int64_t now_us);
void rx_send_requests(struct rx *rx, int64_t now_us);
void rx_send_reports(struct rx *rx, int64_t now_us);
/* How much the publisher may send, for one that finds it by no other means: behind a report. */
void rx_put_estimate(struct rx *rx, struct buf *compound, int64_t now_us);
