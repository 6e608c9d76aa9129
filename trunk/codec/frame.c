/* A message of several tracks is described by its default track (part.h). */
#include "codec/frame.h"
#include "base/cur.h"
#include "codec/picture.h"
#include "codec/record.h"
#include "codec/sound.h"

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
	struct frame f = frame_of(&w);
	f.is_twin = f.track == TRACK_TWIN && f.codec == CODEC_OPUS;
	return f;
}

static void read_video_header(struct video_info *info, const struct part *part)
{
	switch (part->codec) {
	case CODEC_AVC:
		record_read_avc(info, part->body);
		break;
	case CODEC_HEVC:
		record_read_hevc(info, part->body);
		break;
	case CODEC_AV1:
		record_read_av1(info, part->body);
		break;
	case CODEC_VP8:
	case CODEC_VP9:
		record_read_vp(info, part->body);
		break;
	}
}

/* Pictures of some codecs say their size. */
static void read_picture(struct video_info *info, const struct part *part)
{
	int width, height;
	if (part->codec == CODEC_VP8)
		record_read_vp8_frame(info, part->body);
	bool has_size =
		part->codec == CODEC_VP9
			? picture_size_vp9(part->body, &width, &height)
			: part->codec == CODEC_AV1 && picture_size_av1(part->body, &width, &height);
	if (!has_size)
		return;
	info->width = width;
	info->height = height;
}

void video_info_read(struct video_info *info, struct span payload)
{
	struct part_walk w;
	struct part part;
	part_begin_video(&w, payload);
	bool has_part = part_default(&w, &part);
	if (!has_part || part.kind != PART_CODED || info->codec != part.codec)
		*info = (struct video_info){0};
	if (!has_part)
		return;
	info->codec = part.codec;
	if (part.kind == PART_HEADER)
		read_video_header(info, &part);
	else if (part.is_key)
		read_picture(info, &part);
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

static void read_audio_header(struct audio_info *info, const struct part *part)
{
	if (part->codec == CODEC_AAC)
		record_read_aac(info, part->body);
	else if (part->codec == CODEC_OPUS)
		record_read_opus(info, part->body);
	else if (part->codec == CODEC_FLAC)
		record_read_flac(info, part->body);
}

/* Codecs without a header say it in each of their frames. */
static void read_sound(struct audio_info *info, const struct part *part)
{
	struct sound mp3 = {0};
	struct ac3 ac3 = {0};
	if (part->codec == CODEC_EAC3)
		record_read_eac3_frame(info, part->body);
	bool is_mp3 = part->codec == CODEC_MP3 && sound_read_mp3(&mp3, part->body);
	if (!is_mp3 && (part->codec != CODEC_AC3 || !ac3_read(&ac3, part->body)))
		return;
	const struct sound *sound = is_mp3 ? &mp3 : &ac3.sound;
	info->sample_rate = sound->rate;
	info->channels = sound->channels;
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
	if (part.kind == PART_HEADER)
		read_audio_header(info, &part);
	else if (part.kind == PART_CODED)
		read_sound(info, &part);
}

const char *codec_name(uint32_t codec)
{
	static const struct {
		uint32_t codec;
		const char *name;
	} names[] = {
		{CODEC_AVC, "H264"},
		{CODEC_HEVC, "HEVC"},
		{CODEC_VVC, "VVC"},
		{CODEC_AV1, "AV1"},
		{CODEC_VP8, "VP8"},
		{CODEC_VP9, "VP9"},
		{FOURCC('v', 'p', '6', 'f'), "VP6"},
		{FOURCC('v', 'p', '6', 'a'), "VP6"},
		{CODEC_AAC, "AAC"},
		{CODEC_MP3, "MP3"},
		{CODEC_OPUS, "Opus"},
		{CODEC_FLAC, "FLAC"},
		{CODEC_AC3, "AC3"},
		{CODEC_EAC3, "EAC3"},
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

static const char *av1_profile_name(int profile)
{
	static const char *const names[] = {"Main", "High", "Professional"};
	return profile >= 0 && profile < 3 ? names[profile] : "Other";
}

static const char *vp9_profile_name(int profile)
{
	static const char *const names[] = {"Profile0", "Profile1", "Profile2", "Profile3"};
	return profile >= 0 && profile < 4 ? names[profile] : "Other";
}

const char *video_profile_name(const struct video_info *info)
{
	if (info->codec == CODEC_AV1 && info->level)
		return av1_profile_name(info->profile);
	if (info->codec == CODEC_VP9 && info->level)
		return vp9_profile_name(info->profile);
	if (info->codec == CODEC_AVC)
		return avc_profile_name(info->profile);
	if (info->codec == CODEC_HEVC)
		return hevc_profile_name(info->profile);
	return "Other";
}

const char *audio_profile_name(const struct audio_info *info)
{
	if (info->codec != CODEC_AAC)
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
