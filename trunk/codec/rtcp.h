/* rtcp - control packets beside RTP: reports (RFC 3550 6), feedback (RFC 4585, RFC 5104, REMB,
 * transport-wide congestion control). Layer: codec. A compound is several in one datagram. */
#pragma once
#include "base/buf.h"
#include "base/cur.h"

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_RTPFB = 205,
	RTCP_PSFB = 206,
	RTCP_XR = 207,
};
/* What `count` of feedback says. */
enum { RTPFB_NACK = 1, RTPFB_TWCC = 15, PSFB_PLI = 1, PSFB_FIR = 4, PSFB_APP = 15 };
enum { RTCP_MAX = 1200, RTCP_PACKETS_MAX = 16 }; /* of a compound */

struct rtcp {
	uint8_t type, count; /* count: of reports, or the kind of feedback */
	uint32_t sender;     /* SSRC; of BYE the first that leaves */
	struct span body;    /* behind the sender */
};
/* The next packet of a compound; of any type. False behind the last one and for nonsense. */
bool rtcp_next(struct cur *compound, struct rtcp *packet);

struct rtcp_sender_info {
	uint64_t ntp;
	uint32_t ts, packets, octets;
};
struct rtcp_report {
	uint32_t ssrc;
	uint8_t fraction; /* lost since the last one, in 1/256 */
	int32_t lost;     /* 24 bits */
	uint32_t highest, jitter, lsr, dlsr;
};
/* False: it is no sender report. */
bool rtcp_read_sender(const struct rtcp *packet, struct rtcp_sender_info *info);
/* Report number `i` of an SR or RR; false: there are fewer. */
bool rtcp_read_report(const struct rtcp *packet, int i, struct rtcp_report *report);

/* SSRC of the media that feedback is about; 0 when it does not say. */
uint32_t rtcp_media(const struct rtcp *packet);
bool rtcp_is_pli(const struct rtcp *packet);
/* FIR for this SSRC, and its number. */
bool rtcp_is_fir(const struct rtcp *packet, uint32_t ssrc, uint8_t *number);
/* Calls fn for each sequence number that a NACK names, at most `max`; returns how many there were. */
int rtcp_read_nack(const struct rtcp *packet, int max, void (*fn)(void *ctx, uint16_t seq),
		   void *ctx);
/* Bits per second; 0: it is no REMB. */
uint64_t rtcp_read_remb(const struct rtcp *packet);

/* Each appends one packet. */
void rtcp_put_sr(struct buf *b, uint32_t sender, const struct rtcp_sender_info *info);
void rtcp_put_rr(struct buf *b, uint32_t sender, const struct rtcp_report *reports, int count);
void rtcp_put_sdes(struct buf *b, uint32_t ssrc, const char *cname);
void rtcp_put_bye(struct buf *b, uint32_t ssrc);
void rtcp_put_pli(struct buf *b, uint32_t sender, uint32_t media);
void rtcp_put_fir(struct buf *b, uint32_t sender, uint32_t media, uint8_t number);
/* The numbers rise. */
void rtcp_put_nack(struct buf *b, uint32_t sender, uint32_t media, const uint16_t *seqs, int count);
void rtcp_put_remb(struct buf *b, uint32_t sender, uint64_t bits, const uint32_t *ssrcs, int count);
/* What has arrived of `count` packets (at most TWCC_PACKETS_MAX) from number `base` on: arrival in
 * microseconds of any clock, negative: not at all. Returns how many of them it tells of: fewer where times
 * are too far apart, none (and writes nothing) when nothing has arrived. */
enum { TWCC_PACKETS_MAX = 400 };
int rtcp_put_twcc(struct buf *b, uint32_t sender, uint32_t media, uint16_t base,
		  const int64_t *arrivals, int count, uint8_t number);
