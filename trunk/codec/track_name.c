/* Codec strings: RFC 6381, ISO 14496-15 annex E, the AV1 and VP9 ISOBMFF bindings. */
#include "base/cur.h"
#include "codec/track.h"

#include <stdio.h>

static void name_avc(const uint8_t *r, char *out)
{
	snprintf(out, TRACK_NAME_MAX, "avc1.%02x%02x%02x", r[1], r[2], r[3]);
}

static void name_hevc(const uint8_t *r, char *out)
{
	static const char *const spaces[4] = {"", "A", "B", "C"};
	uint32_t compatible = 0;
	for (unsigned i = 0; i < 32; i++) /* bits in reverse order */
		compatible |= (uint32_t)(r[2 + i / 8] >> (7 - i % 8) & 1) << i;
	int n = snprintf(out, TRACK_NAME_MAX, "hvc1.%s%u.%X.%c%u", spaces[r[1] >> 6], r[1] & 31u,
			 compatible, r[1] & 32 ? 'H' : 'L', r[12]);
	unsigned last = 6;
	while (last > 0 && r[6 + last - 1] == 0)
		last--;
	for (unsigned i = 0; i < last; i++)
		n += snprintf(out + n, (size_t)(TRACK_NAME_MAX - n), ".%X", r[6 + i]);
}

static void name_av1(const uint8_t *r, char *out)
{
	unsigned is_high = r[2] >> 6 & 1, is_twelve = r[2] >> 5 & 1;
	snprintf(out, TRACK_NAME_MAX, "av01.%u.%02u%c.%02u", r[1] >> 5, r[1] & 31u,
		 r[2] & 0x80 ? 'H' : 'M', is_high ? is_twelve ? 12u : 10u : 8u);
}

static void name_vp9(const uint8_t *r, char *out)
{
	snprintf(out, TRACK_NAME_MAX, "vp09.%02u.%02u.%02u", r[0], r[1] ? r[1] : 31u, r[2] >> 4);
}

static void name_aac(const struct track *t, char *out)
{
	struct cur c = cur_of(t->record.p, t->record.n);
	unsigned sent = cur_u8(&c) >> 3; /* with SBR or PS where that is told */
	snprintf(out, TRACK_NAME_MAX, "mp4a.40.%u", sent == 5 || sent == 29 ? sent : t->aac.object);
}

void track_name(const struct track *t, char out[static TRACK_NAME_MAX])
{
	const uint8_t *r = t->record.p;
	*out = '\0';
	if (!t->is_ready)
		return;
	switch (t->codec) {
	case CODEC_AVC:
		name_avc(r, out);
		break;
	case CODEC_HEVC:
		name_hevc(r, out);
		break;
	case CODEC_AV1:
		name_av1(r, out);
		break;
	case CODEC_VP9:
		name_vp9(r, out);
		break;
	case CODEC_AAC:
		name_aac(t, out);
		break;
	case CODEC_MP3:
		snprintf(out, TRACK_NAME_MAX, "mp4a.40.34");
		break;
	case CODEC_OPUS:
		snprintf(out, TRACK_NAME_MAX, "opus");
		break;
	case CODEC_FLAC:
		snprintf(out, TRACK_NAME_MAX, "fLaC");
		break;
	case CODEC_AC3:
		snprintf(out, TRACK_NAME_MAX, "ac-3");
		break;
	}
}
