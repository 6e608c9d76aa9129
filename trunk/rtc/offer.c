#include "rtc/offer.h"

#include <ctype.h>
#include <strings.h>

static const struct {
	const char *name;
	enum rtc_digest digest;
	size_t bytes;
} digests[] = {
	{"sha-256", RTC_SHA256, 32},
	{"sha-384", RTC_SHA384, 48},
	{"sha-512", RTC_SHA512, 64},
	{"sha-1", RTC_SHA1, 20},
};

bool ice_is_word(struct span text, size_t min, size_t max)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isalnum(text.p[i]) && text.p[i] != '+' && text.p[i] != '/')
			return false;
	return text.n >= min && text.n <= max;
}

/* ---- transport ---- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (uint8_t)tolower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(uint8_t *out, size_t n, struct span text)
{
	if (text.n != 3 * n - 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text.p[3 * i]), low = hex_digit(text.p[3 * i + 1]);
		if (high < 0 || low < 0 || (i + 1 < n && text.p[3 * i + 2] != ':'))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool rtc_fingerprint_read(struct rtc_fingerprint *out, struct span text)
{
	struct span name = sdp_word(&text);
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (name.n != strlen(digests[i].name) ||
		    strncasecmp((const char *)name.p, digests[i].name, name.n) != 0)
			continue;
		out->digest = digests[i].digest;
		out->n = digests[i].bytes;
		return read_hex(out->bytes, out->n, span_trim(text, " "));
	}
	return false;
}

static bool take_word(char *out, struct span value, size_t min, size_t max)
{
	if (!ice_is_word(value, min, max))
		return false;
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return true;
}

static err read_setup(struct rtc_offer *o, struct span value)
{
	static const char *const names[] = {"actpass", "active", "passive"};
	for (int i = 0; i < 3; i++) {
		if (!span_is(value, names[i]))
			continue;
		o->setup = (enum rtc_setup)i;
		return OK;
	}
	return err_fail(ERR_PROTOCOL, "a=setup is actpass, active or passive");
}

/* All sections are one bundle: the first one that is taken says how it is reached. */
static err read_transport(struct rtc_offer *o)
{
	const struct sdp_section *s = o->audio ? o->audio : o->video;
	if (o->audio && o->video && o->video < o->audio)
		s = o->video;
	if (!take_word(o->ufrag, sdp_value(&o->sdp, s, "ice-ufrag"), ICE_UFRAG_MIN, ICE_UFRAG_MAX))
		return err_fail(ERR_PROTOCOL, "a=ice-ufrag is missing or malformed");
	if (!take_word(o->pwd, sdp_value(&o->sdp, s, "ice-pwd"), ICE_PWD_MIN, ICE_PWD_MAX))
		return err_fail(ERR_PROTOCOL, "a=ice-pwd is missing or malformed");
	if (!rtc_fingerprint_read(&o->fingerprint, sdp_value(&o->sdp, s, "fingerprint")))
		return err_fail(ERR_PROTOCOL,
				"a=fingerprint is missing, malformed or of an unknown hash");
	return read_setup(o, sdp_value(&o->sdp, s, "setup"));
}

/* ---- sections ---- */

static bool is_bundled(const struct sdp *sdp, struct span mid)
{
	const struct sdp_attr *a = NULL;
	while ((a = sdp_attr_next(&sdp->attrs, a, "group"))) {
		struct span value = a->value, word = sdp_word(&value);
		if (!span_is(word, "BUNDLE"))
			continue;
		while ((word = sdp_word(&value)).n)
			if (word.n == mid.n && memcmp(word.p, mid.p, mid.n) == 0)
				return true;
	}
	return false;
}

/* In which direction the peer wants media of a section. */
enum direction { SENDRECV, SENDONLY, RECVONLY, INACTIVE };

static enum direction direction_of(const struct sdp *sdp, const struct sdp_section *s)
{
	static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
	for (int i = 0; i < 4; i++)
		if (sdp_has(&s->attrs, names[i]))
			return (enum direction)i;
	for (int i = 0; i < 4; i++)
		if (sdp_has(&sdp->attrs, names[i]))
			return (enum direction)i;
	return SENDRECV;
}

/* Port 0 refuses a section, unless that says that it has no port of its own. */
static bool is_offered(const struct sdp *sdp, const struct sdp_section *s)
{
	return (s->port != 0 || sdp_has(&s->attrs, "bundle-only")) &&
	       direction_of(sdp, s) != INACTIVE;
}

static err take_section(const struct sdp *sdp, const struct sdp_section *s, bool publish)
{
	struct span mid = sdp_value(sdp, s, "mid");
	if (!span_is(s->protocol, "UDP/TLS/RTP/SAVPF") &&
	    !span_is(s->protocol, "TCP/TLS/RTP/SAVPF"))
		return err_fail(ERR_NOTFOUND, "media are sent by DTLS and SRTP (SAVPF) alone");
	if (mid.n == 0 || memchr(mid.p, ' ', mid.n))
		return err_fail(ERR_PROTOCOL, "a section has no a=mid");
	if (!is_bundled(sdp, mid))
		return err_fail(ERR_NOTFOUND, "a section is not in a=group:BUNDLE");
	if (!sdp_has(&s->attrs, "rtcp-mux"))
		return err_fail(ERR_NOTFOUND, "a section has no a=rtcp-mux");
	if (direction_of(sdp, s) == (publish ? RECVONLY : SENDONLY))
		return err_fail(ERR_NOTFOUND, publish ? "who publishes has to offer to send"
						      : "who plays has to offer to receive");
	return OK;
}

/* One track of each kind; the others are refused in the answer. */
static err choose_sections(struct rtc_offer *o, bool publish)
{
	for (int i = 0; i < o->sdp.count; i++) {
		const struct sdp_section *s = &o->sdp.sections[i], **place = NULL;
		if (span_is(s->kind, "audio"))
			place = &o->audio;
		else if (span_is(s->kind, "video"))
			place = &o->video;
		if (!place || *place || !is_offered(&o->sdp, s))
			continue;
		TRY(take_section(&o->sdp, s, publish));
		*place = s;
	}
	return o->audio || o->video
		       ? OK
		       : err_fail(ERR_NOTFOUND, "it offers neither sound nor pictures");
}

err rtc_offer_read(struct rtc_offer *o, struct span text, bool publish)
{
	*o = (struct rtc_offer){0};
	TRY(sdp_parse(&o->sdp, text));
	TRY(choose_sections(o, publish));
	return read_transport(o);
}

void rtc_offer_fini(struct rtc_offer *o)
{
	sdp_fini(&o->sdp);
}
