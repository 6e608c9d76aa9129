/* rtc_bench - what the files of the WebRTC load generator share: clients that play by WHEP or publish by WHIP, each with
 * a socket, a handshake and keys of its own, in one coroutine each. */
#pragma once
#include "codec/rtp.h"
#include "lives.h"
#include "support/rtc_peer.h"

enum { RTC_PLAY, RTC_PUBLISH, RTC_JOIN, RTC_SINK };

enum { RTC_SOUND, RTC_PICTURES, RTC_TRACKS };
enum { SOUND_PT = 111, PICTURE_PT = 108 };

/* What comes of one track. */
struct rtc_track_seen {
	uint32_t ssrc;
	bool begun;
	uint16_t seq; /* the newest */
	uint32_t ts;
	int64_t at_us;    /* when it came */
	int64_t stamp_us; /* when the publisher sent the picture that is under way; 0: not known */
	int64_t missing;  /* numbers that never came, and those that came again or late */
	int64_t out_of_order;
	int64_t worst_gap_us; /* within the measuring */
	bool is_key;
};

struct rtc_client {
	struct rtc_peer peer;
	struct life life; /* is_full: it decrypts all, for the latency */
	bool has_picture;
	int64_t begin_us, connected_us, checked_us, reported_us;
	struct rtc_track_seen tracks[RTC_TRACKS];
	char location[256];
	char server[64]; /* address of media, as the answer has it */
};

struct rtc_figures {
	struct hist first_picture, sound, delta, key;
	uint64_t packets, missing, out_of_order;
	int64_t jumps; /* times that numbers or times of a track began anew */
};
extern struct rtc_figures rtc_fig;

/* ---- rtc_ask.c ---- */

/* Offers to the URL of the options, and takes the answer; then connects. An error names the reason. */
err rtc_client_join(struct rtc_client *client, bool publish, int64_t ms) BLOCKS;
/* Ends the session: by DELETE, or by the goodbye of DTLS alone. */
void rtc_client_leave(struct rtc_client *client, bool by_http) BLOCKS;

/* ---- rtc_player.c ---- */

void rtc_player_take(struct rtc_client *client, uint8_t *packet, size_t n);
/* Checks and reports, when they are due. */
void rtc_player_talk(struct rtc_client *client, int64_t now);

/* ---- rtc_publisher.c ---- */

/* Sends a stream until it is stopped. */
err rtc_publisher_run(struct rtc_client *client) BLOCKS;
