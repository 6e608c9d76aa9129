/* record - decoder configuration records, as far as the API shows them. Layer: codec.
 * For frame.c. What is cut short or absurd leaves zeros. */
#pragma once
#include "codec/frame.h"

/* AVCDecoderConfigurationRecord (ISO 14496-15) with the SPS in it. */
void record_read_avc(struct video_info *info, struct span record);
/* HEVCDecoderConfigurationRecord with the SPS in it. */
void record_read_hevc(struct video_info *info, struct span record);
/* AudioSpecificConfig (ISO 14496-3). */
void record_read_aac(struct audio_info *info, struct span record);
/* Opus identification header (RFC 7845, 5.1); may be empty. */
void record_read_opus(struct audio_info *info, struct span record);
