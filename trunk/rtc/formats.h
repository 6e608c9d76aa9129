/* formats - the payload formats of a section of an offer, and which of them is taken. Layer: rtc. Pure. */
#pragma once
#include "codec/sdp.h"
#include "rtc/media.h"

/* One payload type; spans are of the offer. */
struct rtc_format {
	int pt;
	struct span name; /* "H264" */
	int clock, channels;
	struct span fmtp; /* "" */
};

/* False: the section has no such payload type, or does not say what it is. */
bool rtc_format_find(struct rtc_format *out, const struct sdp_section *section, int pt);
/* The best one of that codec. `profile` is what H.264 or VP9 to be sent has, 0: not known, or we receive. */
bool rtc_format_choose(struct rtc_format *out, const struct sdp_section *section,
		       enum rtc_codec codec, uint32_t profile);
/* The one in which packets of `pt` are repeated (RFC 4588). */
bool rtc_format_rtx(struct rtc_format *out, const struct sdp_section *section, int pt);
/* Whether "a=rtcp-fb" offers this ("nack pli") for the payload type, or for all. */
bool rtc_format_feedback(const struct sdp_section *section, int pt, const char *what);
/* packetization-mode and profile-level-id of an H.264 format, with their defaults. */
int rtc_format_mode(const struct rtc_format *format);
uint32_t rtc_format_profile(const struct rtc_format *format);
/* "H.264" */
const char *rtc_codec_name(enum rtc_codec codec);
