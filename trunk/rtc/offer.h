/* offer - what a peer's offer says about its transport and its sections (RFC 8866, 3264, 8843). Layer: rtc.
 * Pure. The answer is answer.h's. */
#pragma once
#include "codec/sdp.h"

enum { ICE_UFRAG_MAX = 256, ICE_PWD_MAX = 256, ICE_UFRAG_MIN = 4, ICE_PWD_MIN = 22 };

enum rtc_digest { RTC_SHA1, RTC_SHA256, RTC_SHA384, RTC_SHA512 };
enum { RTC_DIGEST_MAX = 64 };

/* Of a certificate (RFC 8122). */
struct rtc_fingerprint {
	enum rtc_digest digest;
	uint8_t bytes[RTC_DIGEST_MAX];
	size_t n;
};

/* The peer's offer for who begins the DTLS handshake (RFC 5763). */
enum rtc_setup { RTC_SETUP_ACTPASS, RTC_SETUP_ACTIVE, RTC_SETUP_PASSIVE };

struct rtc_offer {
	struct sdp sdp;
	char ufrag[ICE_UFRAG_MAX + 1], pwd[ICE_PWD_MAX + 1];
	struct rtc_fingerprint fingerprint;
	enum rtc_setup setup;
	/* the sections for sound and for pictures; NULL: there is none that can be taken */
	const struct sdp_section *audio, *video;
};

/* ERR_PROTOCOL, ERR_LIMIT: it is malformed. ERR_NOTFOUND: it has nothing that could be taken: no BUNDLE,
 * no rtcp-mux, no section of a kind that is known. The text has to stay. To be released also after an
 * error. */
err rtc_offer_read(struct rtc_offer *out, struct span text, bool publish);
void rtc_offer_fini(struct rtc_offer *offer);

/* Letters, digits, '+' and '/'. */
bool ice_is_word(struct span text, size_t min, size_t max);
/* "sha-256 AB:CD:…" */
bool rtc_fingerprint_read(struct rtc_fingerprint *out, struct span text);
