/* A message of several tracks is described by its default track (part.h). */
#include "codec/frame.h"
#include "base/cur.h"
#include "codec/record.h"

static struct frame frame_of(struct part_walk *w)
{
	struct part part;
	if (!part_default(w, &part))
		return (struct frame){0};
	return (struct frame){
		.is_key = part.is_key && part.track == 0,
		.is_header = part.kind == PART_HEADER,
		.is_meta = part.kind == PART_META,
		.is_coded = part.kind == PART_CODED,
		.track = part.track,
		.codec = part.codec,
		.cts = part.kind == PART_CODED ? part.cts : 0,
	};
}

struct frame frame_of_video(struct span payload)
{
	struct part_walk w;
	part_begin_video(&w, payload);
	return frame_of(&w);
}

struct frame frame_of_audio(struct span payload)
{
	struct part_walk w;
	part_begin_audio(&w, payload);
	return frame_of(&w);
}

void video_info_read(struct video_info *info, struct span payload)
{
	struct part_walk w;
	struct part part;
	part_begin_video(&w, payload);
	*info = (struct video_info){0};
	if (!part_default(&w, &part))
		return;
	info->codec = part.codec;
	if (part.kind != PART_HEADER)
		return;
	if (part.codec == FOURCC('a', 'v', 'c', '1'))
		record_read_avc(info, part.body);
	else if (part.codec == FOURCC('h', 'v', 'c', '1'))
		record_read_hevc(info, part.body);
}

/* The classic first byte: rate and channels are told by bits which some codecs do not heed. */
static void classic_sound(struct audio_info *info, uint8_t first)
{
	static const int rates[4] = {5512, 11025, 22050, 44100};
	static const int fixed[16] = {[4] = 16000,  [5] = 8000,   [7] = 8000, [8] = 8000,
				      [11] = 16000, [13] = 48000, [14] = 8000};
	unsigned codec = first >> 4;
	bool is_mono = codec == 4 || codec == 5 || codec == 11;
	info->sample_rate = fixed[codec] ? fixed[codec] : rates[first >> 2 & 3];
	info->channels = is_mono ? 1 : 1 + (first & 1);
}

void audio_info_read(struct audio_info *info, struct span payload)
{
	struct part_walk w;
	struct part part;
	part_begin_audio(&w, payload);
	*info = (struct audio_info){0};
	if (!part_default(&w, &part))
		return;
	info->codec = part.codec;
	if (!w.is_enhanced)
		classic_sound(info, payload.p[0]);
	if (part.kind != PART_HEADER)
		return;
	if (part.codec == FOURCC('m', 'p', '4', 'a'))
		record_read_aac(info, part.body);
	else if (part.codec == FOURCC('O', 'p', 'u', 's'))
		record_read_opus(info, part.body);
}

const char *codec_name(uint32_t codec)
{
	static const struct {
		uint32_t codec;
		const char *name;
	} names[] = {
		{FOURCC('a', 'v', 'c', '1'), "H264"}, {FOURCC('h', 'v', 'c', '1'), "HEVC"},
		{FOURCC('v', 'v', 'c', '1'), "VVC"},  {FOURCC('a', 'v', '0', '1'), "AV1"},
		{FOURCC('v', 'p', '0', '8'), "VP8"},  {FOURCC('v', 'p', '0', '9'), "VP9"},
		{FOURCC('v', 'p', '6', 'f'), "VP6"},  {FOURCC('v', 'p', '6', 'a'), "VP6"},
		{FOURCC('m', 'p', '4', 'a'), "AAC"},  {FOURCC('.', 'm', 'p', '3'), "MP3"},
		{FOURCC('O', 'p', 'u', 's'), "Opus"}, {FOURCC('f', 'L', 'a', 'C'), "FLAC"},
		{FOURCC('a', 'c', '-', '3'), "AC3"},  {FOURCC('e', 'c', '-', '3'), "EAC3"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].codec == codec)
			return names[i].name;
	return "Other";
}

static const char *avc_profile_name(int profile)
{
	switch (profile) {
	case 66:
		return "Baseline";
	case 77:
		return "Main";
	case 88:
		return "Extended";
	case 100:
		return "High";
	case 110:
		return "High(10)";
	case 122:
		return "High(422)";
	case 244:
		return "High(444)";
	}
	return "Other";
}

static const char *hevc_profile_name(int profile)
{
	switch (profile) {
	case 1:
		return "Main";
	case 2:
		return "Main10";
	case 3:
		return "Main Still Picture";
	case 4:
		return "Rext";
	}
	return "Other";
}

const char *video_profile_name(const struct video_info *info)
{
	if (info->codec == FOURCC('a', 'v', 'c', '1'))
		return avc_profile_name(info->profile);
	if (info->codec == FOURCC('h', 'v', 'c', '1'))
		return hevc_profile_name(info->profile);
	return "Other";
}

const char *audio_profile_name(const struct audio_info *info)
{
	if (info->codec != FOURCC('m', 'p', '4', 'a'))
		return "Other";
	switch (info->profile) {
	case 1:
		return "Main";
	case 2:
		return "LC";
	case 3:
		return "SSR";
	case 5:
		return "HE";
	case 29:
		return "HEv2";
	}
	return "Other";
}
