/* answer - what is answered to an offer, and so agreed on (RFC 3264, 8829). Layer: rtc. Pure: all that is
 * random is given. */
#pragma once
#include "base/addr.h"
#include "rtc/media.h"
#include "rtc/offer.h"

enum { RTC_CANDIDATES_MAX = 16 };

/* The candidates of this server. */
struct rtc_candidate {
	char host[HOST_MAX]; /* an address, or a name that the peer resolves */
	int port;
	bool tcp; /* RFC 6544, passive */
};

struct rtc_candidates {
	int count;
	struct rtc_candidate v[RTC_CANDIDATES_MAX];
};
/* Once each, as many as there is room for. */
void rtc_candidates_add(struct rtc_candidates *list, const char *host, int port, bool tcp);

struct rtc_answer_opts {
	bool publish;
	enum rtc_codec video; /* NONE: H.264, else whatever there is */
	uint32_t profile;     /* of the H.264 or VP9 that will be sent; 0: not known */
	bool nack, twcc;      /* may be agreed on */
	bool trickle;         /* further candidates can be told (PATCH) */
	bool active;          /* our role in DTLS where the peer leaves it to us */
	const char *ufrag, *pwd;
	const char *fingerprint; /* "sha-256 AB:CD:…" */
	const struct rtc_candidates *candidates;
	uint64_t session; /* for "o=", 63 bits */
	uint32_t ssrc[4]; /* of sound, of pictures, of each one's repetitions */
	const char *cname;
};

/* Whether we begin the handshake. */
bool rtc_answer_is_active(const struct rtc_offer *offer, bool active);
/* Writes the answer and what was agreed on. ERR_NOTFOUND: a section has no format that is known, or not
 * the one that is asked for. */
err rtc_answer_write(struct buf *out, struct rtc_media *media, const struct rtc_offer *offer,
		     const struct rtc_answer_opts *opts);
