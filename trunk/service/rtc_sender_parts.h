/* rtc_sender_parts - what the files of rtc_sender share. Layer: service. */
#pragma once
#include "service/rtc_pacer.h"
#include "service/rtc_sender.h"

enum rtc_video {
	RTC_VIDEO_IDLE,  /* it has not begun */
	RTC_VIDEO_WAITS, /* for a key frame after `await_from` */
	RTC_VIDEO_FLOWS,
};

struct rtc_sender {
	/* What each send slot looks at comes first. */
	struct packets *packets; /* NULL: it has not joined */
	struct tx_out out;       /* of the options */
	enum rtc_video video_state;
	bool is_open;
	bool waits_after; /* what it begins with is a still */
	bool has_loss_told;
	uint32_t codecs[PACKETS_TRACKS]; /* agreed on, of packets; 0: no such track */
	uint64_t next[PACKETS_TRACKS];
	int64_t report_ms;              /* of the last sender reports; 0: none */
	int64_t window_ms;              /* of the counts that follow: */
	int64_t sent_now, repeated_now; /* bytes */
	int refused_now;
	uint64_t
		video_end; /* of the cached pictures that it begins with; then it waits, or flows */
	struct rtc_sender_counts counts;
	struct rtc_paced paced;
	struct tx tx[PACKETS_TRACKS];
	struct rtc_sender_opts opts;
	uint64_t await_from; /* key frames before this are of no use */
	int64_t key_ms;      /* when it was last given a key frame out of turn */
	int64_t rtt_ms;
	int64_t estimate_kbps; /* of the player (REMB); 0: it has told none */
	int loss, lossy_reports;
	int64_t left_ms; /* when it left the former source */
};

/* Begins with pictures that are kept, or waits for a key frame. */
void rtc_sender_begin_video(struct rtc_sender *s);
/* No pictures until the next key frame. */
void rtc_sender_skip_video(struct rtc_sender *s);
/* A key frame out of turn, for a player that cannot decode. */
void rtc_sender_give_key(struct rtc_sender *s);
/* Sender reports of both tracks, when they are due. */
void rtc_sender_report(struct rtc_sender *s, int64_t now);
/* The packet as tx wants it. */
struct tx_packet rtc_sender_packet(const struct packet *p, uint64_t index);
