/* media - what was agreed on with a peer about its media. Layer: rtc. Plain data: offer.c fills it in
 * from the peer's offer, and whoever receives or sends RTP lives by it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { RTC_MID_MAX = 32, RTC_CNAME_MAX = 32 };

enum rtc_codec {
	RTC_CODEC_NONE,
	RTC_CODEC_OPUS,
	RTC_CODEC_H264,
	RTC_CODEC_H265,
	RTC_CODEC_AV1,
	RTC_CODEC_VP9
};

/* Ids of header extensions (RFC 8285) as the offer has them; 0: not agreed on. */
struct rtc_ext_ids {
	uint8_t mid, twcc, abs_send_time, playout_delay;
};

/* Feedback that was agreed on (RFC 4585): to a publisher, and from a player. */
struct rtc_feedback {
	bool nack, pli, fir, twcc, remb;
};

/* An m-section that was accepted. */
struct rtc_track {
	enum rtc_codec codec; /* RTC_CODEC_NONE: there is no such track, all else is zero */
	uint8_t pt, rtx_pt;   /* of the offer; rtx_pt only if has_rtx (RFC 4588) */
	bool has_rtx;
	uint8_t channels;          /* of sound */
	uint32_t profile_level_id; /* of H.264, 24 bits */
	uint32_t ssrc, rtx_ssrc; /* of a publisher: as offered, 0 when it does not say; of a player:
					ours, random */
	struct rtc_ext_ids ext;
	struct rtc_feedback feedback;
	bool reduced_rtcp; /* RTCP need not be compound (RFC 5506) */
	char mid[RTC_MID_MAX];
};

struct rtc_media {
	bool publish; /* the peer sends */
	struct rtc_track audio, video;
	char cname[RTC_CNAME_MAX]; /* ours, when we send */
};
