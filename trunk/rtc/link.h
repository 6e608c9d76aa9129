/* link - the transport of one WebRTC peer: ICE, DTLS and SRTP over one UDP port. Layer: rtc.
 *
 * Everything happens in the coroutine of the port (see port.h) that has received a datagram, or in a timer:
 * nothing here blocks, and no callback may switch. What comes is believed only after it was
 * authenticated: a Binding request by its MESSAGE-INTEGRITY, media by SRTP, the peer itself by the
 * fingerprint of its offer. */
#pragma once
#include "base/addr.h"
#include "base/clock.h"
#include "base/span.h"

struct rtc_link;
struct rtc_port;

enum rtc_link_state {
	LINK_OFFERED, /* no Binding request of the peer has come */
	LINK_CHECKED, /* one has: its address is known, DTLS goes on */
	LINK_OPEN,    /* keys are there: media flows */
	LINK_CLOSED,  /* for the reason in rtc_link_end(); nothing is sent or received any more */
};

struct rtc_link_ops {
	/* The state is LINK_OPEN, or LINK_CLOSED, now. */
	void (*on_state)(struct rtc_link *link);
	/* A packet that was decrypted and has not come before; the bytes may be changed during the call and
	 * are gone after it. */
	void (*on_rtp)(struct rtc_link *link, uint8_t *packet, size_t n, int64_t now_us);
	void (*on_rtcp)(struct rtc_link *link, struct span compound, int64_t now_us);
};

/* Sends an RTP packet, if the link is open: header (with extensions) and payload, which is shared and
 * not changed, are encrypted into the port's batch, which goes out at once when it is full and
 * otherwise as soon as the running coroutine waits. `index` is the sequence number with the
 * rollover counter in front (RFC 3711, 48 bits); any index may be sent again. False: dropped, and
 * counted. */
bool rtc_link_send_rtp(struct rtc_link *link, struct span header, struct span payload,
		       uint64_t index);
/* The same for a compound RTCP packet. */
bool rtc_link_send_rtcp(struct rtc_link *link, struct span compound);
enum rtc_link_state rtc_link_state(const struct rtc_link *link);
