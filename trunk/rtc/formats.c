#include "rtc/formats.h"

#include <stdlib.h>
#include <strings.h>

enum {
	PT_MAX = 127,
	CLOCK_MAX = 1000000,
	CHANNELS_MAX = 8,
	PROFILE_ABSENT = 0x420010, /* RFC 6184, 8.1 */
	CONSTRAINED_BASELINE = 0x42e000,
};

static const struct {
	enum rtc_codec codec;
	const char *name;     /* as rtpmap has it */
	const char *old_name; /* of drafts; NULL */
	int clock;
	const char *text;
} codecs[] = {
	{RTC_CODEC_OPUS, "opus", NULL, 48000, "Opus"},
	{RTC_CODEC_H264, "H264", NULL, 90000, "H.264"},
	{RTC_CODEC_H265, "H265", NULL, 90000, "H.265"},
	{RTC_CODEC_AV1, "AV1", "AV1X", 90000, "AV1"},
	{RTC_CODEC_VP9, "VP9", NULL, 90000, "VP9"},
};

const char *rtc_codec_name(enum rtc_codec codec)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (codecs[i].codec == codec)
			return codecs[i].text;
	return "none";
}

static bool same_name(struct span a, const char *b)
{
	return b && a.n == strlen(b) && strncasecmp((const char *)a.p, b, a.n) == 0;
}

static bool is_codec(const struct rtc_format *f, enum rtc_codec codec)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (codecs[i].codec == codec)
			return f->clock == codecs[i].clock &&
			       (same_name(f->name, codecs[i].name) ||
				same_name(f->name, codecs[i].old_name));
	return false;
}

/* "a=name:pt rest": the rest. */
static bool attribute_of(struct span *out, const struct sdp_section *s, const char *name, int pt)
{
	const struct sdp_attr *a = NULL;
	while ((a = sdp_attr_next(&s->attrs, a, name))) {
		struct span value = a->value;
		if (span_number(sdp_word(&value), PT_MAX) == pt) {
			*out = value;
			return true;
		}
	}
	return false;
}

bool rtc_format_find(struct rtc_format *f, const struct sdp_section *s, int pt)
{
	struct span map;
	*f = (struct rtc_format){.pt = pt, .channels = 1};
	if (pt < 0 || !attribute_of(&map, s, "rtpmap", pt))
		return false;
	struct span encoding = sdp_word(&map);
	f->name = sdp_until(&encoding, '/');
	f->clock = (int)span_number(sdp_until(&encoding, '/'), CLOCK_MAX);
	if (encoding.n)
		f->channels = (int)span_number(encoding, CHANNELS_MAX);
	(void)attribute_of(&f->fmtp, s, "fmtp", pt);
	return f->name.n && f->clock > 0 && f->channels > 0;
}

/* ---- H.264 ---- */

int rtc_format_mode(const struct rtc_format *f)
{
	int64_t mode = span_number(sdp_parameter(f->fmtp, "packetization-mode"), 2);
	return mode < 0 ? 0 : (int)mode;
}

uint32_t rtc_format_profile(const struct rtc_format *f)
{
	char text[7] = "", *end;
	struct span v = sdp_parameter(f->fmtp, "profile-level-id");
	if (v.n != 6)
		return PROFILE_ABSENT;
	memcpy(text, v.p, v.n);
	uint32_t id = (uint32_t)strtoul(text, &end, 16);
	return *end ? PROFILE_ABSENT : id;
}

/* The same for all that any decoder of one can decode (RFC 6184, table 5): the level is left out. */
static uint32_t profile_class(uint32_t id)
{
	uint32_t idc = id >> 16, constraints = id >> 8 & 0xff;
	bool set0 = constraints & 0x80, set1 = constraints & 0x40;
	if ((idc == 0x42 && set1) || ((idc == 0x4d || idc == 0x58) && set0 && set1))
		return CONSTRAINED_BASELINE;
	if (idc == 0x64 && (constraints & 0x0c) == 0x0c)
		return 0x640c00;
	return idc << 16;
}

/* Several NAL units in a packet, and units in several packets (mode 1), matter most; then the profile that
 * is to be sent; then the one that everybody has. */
static int score(const struct rtc_format *f, uint32_t profile)
{
	uint32_t offered = profile_class(rtc_format_profile(f));
	int same = profile && offered == profile_class(profile) ? 2 : 0;
	return 1 + (rtc_format_mode(f) == 1 ? 4 : 0) +
	       (same ? same : offered == CONSTRAINED_BASELINE);
}

/* Of VP9 (RFC 9628, 6): 0 unless it is said. */
static int score_vp9(const struct rtc_format *f, uint32_t profile)
{
	int64_t offered = span_number(sdp_parameter(f->fmtp, "profile-id"), 3);
	return (offered < 0 ? 0 : offered) == (int64_t)profile ? 2 : 1;
}

bool rtc_format_choose(struct rtc_format *out, const struct sdp_section *s, enum rtc_codec codec,
		       uint32_t profile)
{
	struct span formats = s->formats;
	int best = 0;
	for (struct span word; (word = sdp_word(&formats)).n;) {
		struct rtc_format f;
		if (!rtc_format_find(&f, s, (int)span_number(word, PT_MAX)) || !is_codec(&f, codec))
			continue;
		int points = codec == RTC_CODEC_H264  ? score(&f, profile)
			     : codec == RTC_CODEC_VP9 ? score_vp9(&f, profile)
						      : 1;
		if (points > best)
			*out = f;
		best = points > best ? points : best;
	}
	return best > 0;
}

/* ---- what goes with it ---- */

bool rtc_format_rtx(struct rtc_format *out, const struct sdp_section *s, int pt)
{
	struct span formats = s->formats;
	for (struct span word; (word = sdp_word(&formats)).n;) {
		if (rtc_format_find(out, s, (int)span_number(word, PT_MAX)) &&
		    same_name(out->name, "rtx") &&
		    span_number(sdp_parameter(out->fmtp, "apt"), PT_MAX) == pt)
			return true;
	}
	return false;
}

bool rtc_format_feedback(const struct sdp_section *s, int pt, const char *what)
{
	const struct sdp_attr *a = NULL;
	while ((a = sdp_attr_next(&s->attrs, a, "rtcp-fb"))) {
		struct span value = a->value, whom = sdp_word(&value);
		if ((span_is(whom, "*") || span_number(whom, PT_MAX) == pt) &&
		    span_is(span_trim(value, " "), what))
			return true;
	}
	return false;
}
