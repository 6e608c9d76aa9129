/* link - the transport of one WebRTC peer: ICE, DTLS and SRTP over one port. Layer: rtc.
 *
 * Everything happens in the coroutine of the port (see port.h) that has received a datagram, or in a timer:
 * nothing here blocks, and no callback may switch, or free a link. What comes is believed only after it
 * was authenticated: a Binding request by its MESSAGE-INTEGRITY, media by SRTP, the peer itself by the
 * fingerprint of its offer. */
#pragma once
#include "rtc/dtls.h"
#include "rtc/ice.h"

struct rtc_link;
struct rtc_port;

enum rtc_link_state {
	LINK_OFFERED, /* no check of the peer has come */
	LINK_CHECKED, /* one has: its address is known, DTLS goes on */
	LINK_OPEN,    /* keys are there: media flows */
	LINK_LEFT,    /* the peer has said that it leaves */
	LINK_FAILED,  /* for the reason of rtc_link_why() */
};

struct rtc_link_ops {
	/* The state is another one now. */
	void (*on_state)(void *ctx);
	/* A packet that was decrypted and has not come before; the bytes may be changed during the call and
	 * are gone after it. */
	void (*on_rtp)(void *ctx, struct span packet, int64_t now_us);
	void (*on_rtcp)(void *ctx, struct span compound, int64_t now_us);
};

struct rtc_link_opts {
	struct rtc_port *port;
	const struct dtls_identity *identity;
	struct ice_word_pair words; /* ours; taken, also on failure */
	const char *peer_ufrag;
	bool active; /* in DTLS */
	const struct rtc_fingerprint *fingerprint;
	uint8_t drop_pt; /* RTP of this payload type is dropped unread; 0: none */
	const struct rtc_link_ops *ops;
	void *ctx;
};

struct rtc_link_counts {
	int64_t send_packets, send_bytes, recv_packets, recv_bytes; /* of UDP payloads, all kinds */
	int64_t send_dropped;
	int64_t replayed, bad; /* by SRTP */
};

/* Opens the link to peers that use its ufrag. ERR_BUSY: there is one of that name; ERR_SYSTEM. */
err rtc_link_open(struct rtc_link **out, struct rtc_link_opts *opts);
/* Tells the peer, if it can be told. NULL is fine; clears. */
void rtc_link_close(struct rtc_link **link);

/* Sends an RTP packet, if the link is open: encrypted into the port's batch, which goes out when it is full, and
 * otherwise as soon as the running coroutine waits. Any index may be sent again. False: dropped, and
 * counted. */
bool rtc_link_send_rtp(struct rtc_link *link, const struct srtp_packet *packet);
/* The same for a compound RTCP packet. */
bool rtc_link_send_rtcp(struct rtc_link *link, struct span compound);
/* What rtc_link_send_rtp() looks at, from its first call on, for fetch(): pieces of 128 bytes. False: not open. */
enum { RTC_LINK_NEEDS = 2 + SRTP_NEEDS };
bool rtc_link_needs(const struct rtc_link *link, const void *needs[static RTC_LINK_NEEDS]);

enum rtc_link_state rtc_link_state(const struct rtc_link *link);
/* A sentence, also while it does not go on yet: "no STUN came: …". "" while it is open. Borrowed from the link. */
const char *rtc_link_why(const struct rtc_link *link);
/* Monotonic milliseconds of the last packet that was authenticated; of its opening, when none was. */
int64_t rtc_link_heard_ms(const struct rtc_link *link);
const struct rtc_link_counts *rtc_link_counts(const struct rtc_link *link);
const struct ice_counts *rtc_link_ice_counts(const struct rtc_link *link);
/* The path that media goes; NULL: none yet. */
const struct rtc_path *rtc_link_path(const struct rtc_link *link);
/* "AEAD_AES_128_GCM"; "" before. */
const char *rtc_link_cipher(const struct rtc_link *link);
const char *rtc_link_ufrag(const struct rtc_link *link);
const char *rtc_link_pwd(const struct rtc_link *link);
const char *rtc_link_peer_ufrag(const struct rtc_link *link);
/* Other credentials on both sides (ICE restart), the words are taken; ERR_BUSY as above. */
err rtc_link_restart(struct rtc_link *link, struct ice_word_pair *words, const char *peer_ufrag);

/* ---- for the port ---- */

/* A check that names this link. */
void rtc_link_take_check(struct rtc_link *link, const struct stun *check, struct span datagram,
			 const struct rtc_path *path);
/* Takes a datagram of a path of the link, by its first byte. The bytes may be changed. */
void rtc_link_take_dtls(struct rtc_link *link, struct span datagram, const struct rtc_path *path);
void rtc_link_take_media(struct rtc_link *link, uint8_t *p, size_t n, const struct rtc_path *path);
/* The stream of a path is gone. */
void rtc_link_lose(struct rtc_link *link, const struct rtc_path *path);
