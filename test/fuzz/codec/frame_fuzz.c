/* Any bytes as the payload of an audio and of a video message. */
#include "base/check.h"
#include "codec/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span s = span_of(data, n);
	struct frame v = frame_of_video(s), a = frame_of_audio(s);
	check(!v.is_key || v.is_coded);
	check(v.is_header + v.is_meta + v.is_coded <= 1);
	check(a.is_header + a.is_meta + a.is_coded <= 1 && !a.is_key);
	struct video_info video = {0}; /* what it holds of the same codec stays */
	struct audio_info audio;
	video_info_read(&video, s);
	audio_info_read(&audio, s);
	check(video.width >= 0 && video.height >= 0 && audio.sample_rate >= 0);
	check(codec_name(video.codec) && video_profile_name(&video) && audio_profile_name(&audio));
	return 0;
}
