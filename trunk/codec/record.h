/* record - decoder configuration records, as far as the API shows them. Layer: codec.
 * For frame.c. What is cut short or absurd leaves zeros. */
#pragma once
#include "codec/frame.h"

/* AVCDecoderConfigurationRecord (ISO 14496-15) with the SPS in it. */
void record_read_avc(struct video_info *info, struct span record);
/* HEVCDecoderConfigurationRecord with the SPS in it. */
void record_read_hevc(struct video_info *info, struct span record);
/* AV1CodecConfigurationRecord (AV1 in ISOBMFF 2.3) with a sequence header in it. */
void record_read_av1(struct video_info *info, struct span record);
/* VPCodecConfigurationRecord (VP in ISOBMFF), with or without the version and flags of its box. It has no
 * size: that is in key frames. */
void record_read_vp(struct video_info *info, struct span record);
/* The size of a VP8 key frame (RFC 6386, 9.1). */
void record_read_vp8_frame(struct video_info *info, struct span frame);
/* STREAMINFO (RFC 9639, 8.2), with or without the marker and the header of its block. */
void record_read_flac(struct audio_info *info, struct span record);
/* E-AC-3 synchronisation frame (ATSC A/52, E.1.2). */
void record_read_eac3_frame(struct audio_info *info, struct span frame);
/* AudioSpecificConfig (ISO 14496-3). */
void record_read_aac(struct audio_info *info, struct span record);
/* Opus identification header (RFC 7845, 5.1); may be empty. */
void record_read_opus(struct audio_info *info, struct span record);
