/* rtc_peer - a WebRTC client without media: it sends checks, does its part of DTLS, and has keys then. Layer:
 * test. */
#pragma once
#include "net/udp.h"
#include "rtc/dtls.h"
#include "rtc/ice.h"

struct rtc_peer {
	struct udp *udp;
	struct dtls_identity *identity;
	struct dtls *dtls;
	struct srtp *send, *recv; /* once it is connected */
	struct addr server;
	char server_ufrag[ICE_UFRAG_MAX + 1], server_pwd[ICE_PWD_MAX + 1];
	struct rtc_fingerprint fingerprint; /* ours, for the offer */
	int successes, errors, last_error;  /* answers to checks */
	struct addr mapped;                 /* as the server sees us */
	int rtp, rtcp;                      /* packets that came and were decrypted */
	uint8_t last[2048];
	size_t last_size;
	uint8_t last_pt; /* of RTP */
	int dropped;     /* DTLS datagrams of the server that were not read, */
	int drop_dtls;   /* as many as this wants */
	int recv_buffer; /* of its socket; 0: as usual */
	bool one_by_one; /* packets are read, so that the kernel says of each when it came */
	/* Instead of decrypting and counting; NULL. The first gets packets as they came, the second plain ones. */
	void (*on_rtp)(struct rtc_peer *peer, uint8_t *packet, size_t n);
	void (*on_rtcp)(struct rtc_peer *peer, struct span compound);
};

enum {
	RTC_PEER_CONTROLLED = 1,
	RTC_PEER_FORGED = 2,
	RTC_PEER_STRANGE = 4,
	RTC_PEER_NO_NOMINATION = 8
};
#define RTC_PEER_UFRAG "peer"
#define RTC_PEER_PWD "peerpassword0123456789"

/* A socket of 127.0.0.1, and a certificate. */
void rtc_peer_open(struct rtc_peer *peer);
void rtc_peer_close(struct rtc_peer *peer);
/* Where the server is, and what it has answered. `active`: we begin DTLS. */
void rtc_peer_answer(struct rtc_peer *peer, int port, const char *ufrag, const char *pwd,
		     const char *fingerprint, bool active);
/* One check. */
void rtc_peer_check(struct rtc_peer *peer, int flags);
void rtc_peer_send(struct rtc_peer *peer, struct span datagram);
/* Takes what has come. */
void rtc_peer_poll(struct rtc_peer *peer);
/* Sends checks and takes answers until there are keys; false: not within ms. */
bool rtc_peer_connect(struct rtc_peer *peer, int64_t ms) BLOCKS;
/* Waits for a packet of either kind. */
bool rtc_peer_wait_media(struct rtc_peer *peer, int64_t ms) BLOCKS;
/* Another socket, as behind a NAT that has forgotten us. */
void rtc_peer_move(struct rtc_peer *peer);
/* An RTP packet of that sequence number and payload. */
void rtc_peer_rtp(struct rtc_peer *peer, uint8_t pt, uint16_t seq, uint32_t ts,
		  struct span payload);
