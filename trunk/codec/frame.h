/* frame - what the payload of an audio or video message is. Layer: codec.
 * Knows the classic FLV headers and Enhanced RTMP v2 (ModEx, multitrack). Only classifies:
 * payloads are never changed, and what is not understood is passed on as plain media. */
#pragma once
#include "codec/part.h"

/* The track on which Opus stands beside the AAC that was made of it: for browsers, and for other servers of
 * ours on their way there. Nobody else is sent it. */
enum { TRACK_TWIN = 255 };

struct frame {
	bool is_key;    /* a coded picture one can start at (default track) */
	bool is_header; /* sequence start: decoder configuration, no picture */
	bool is_meta;   /* other state to replay to a late joiner: colour info, channel layout */
	bool is_coded;  /* carries coded audio or video */
	bool is_twin;   /* of TRACK_TWIN */
	bool is_encoder_time; /* for other servers of ours alone (codec/encoder_time.h) */
	uint8_t track;        /* Enhanced RTMP track id; 0 is the default track */
	uint32_t codec;       /* FourCC: 'avc1','hvc1','mp4a',…; 0 when unknown */
	int32_t cts; /* of a coded picture: presentation minus decoding time, milliseconds */
};

/* Never fails: nonsense yields a frame with everything false. */
struct frame frame_of_video(struct span payload);
struct frame frame_of_audio(struct span payload);

/* What the API shows of a decoder configuration; zero where unknown. */
struct video_info {
	uint32_t codec;
	int profile, level, width, height;
};
struct audio_info {
	uint32_t codec;
	int sample_rate, channels, profile;
};
/* From a sequence header or a coded message, for what it says: of H.264, HEVC, AV1, VP9 and AAC, Opus, FLAC
 * that is in the header, of VP8, VP9 (the size), MP3, AC-3 and E-AC-3 in each key frame or frame. What a
 * header has said of a picture stays when a key frame of the same codec adds its size. */
void video_info_read(struct video_info *info, struct span payload);
void audio_info_read(struct audio_info *info, struct span payload);
/* "H264", "HEVC", "AAC", "MP3", "AV1", … as SRS's API spells them; "Other" when unknown. */
const char *codec_name(uint32_t codec);
/* As SRS's API spells them: "High", "Main", "LC", …; "Other". */
const char *video_profile_name(const struct video_info *info);
const char *audio_profile_name(const struct audio_info *info);
