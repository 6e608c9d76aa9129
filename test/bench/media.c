/* What publishers of the benchmark say of their media, and how large its pictures and sounds are. */
#include "bench.h"

enum { KEY_FACTOR = 8, AUDIO_BYTES = 186 };

/* Baseline 1280x720, so that whoever looks finds sense. */
const uint8_t media_avcc[37] = {1,    0x42, 0xC0, 0x1F, 0xFF, 0xE1, 0,    22,   0x67, 0x42,
				0xC0, 0x1F, 0xDA, 0x01, 0x40, 0x16, 0xE9, 0xA8, 0x08, 0x08,
				0x0A, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00,
				1,    0,    4,    0x68, 0xCE, 0x3C, 0x80};
/* AAC-LC, 44.1 kHz, stereo. */
const uint8_t media_asc[2] = {0x12, 0x10};

static uint32_t at_least(double bytes, uint32_t least)
{
	return bytes < least              ? least
	       : bytes > PAYLOAD_MAX - 64 ? PAYLOAD_MAX - 64
					  : (uint32_t)bytes;
}

uint32_t audio_size(void)
{
	double share = opt.audio ? opt.kbps * 125.0 * 0.4 / opt.audio : 0;
	return share > AUDIO_BYTES ? AUDIO_BYTES : at_least(share, STAMP_AT_AUDIO + STAMP_SIZE);
}

uint32_t gop_frames(void)
{
	double n = opt.gop * opt.fps;
	return n < 1 ? 1 : (uint32_t)n;
}

uint32_t video_size(bool is_key)
{
	double left = opt.kbps * 125.0 - (double)opt.audio * audio_size();
	double gop = gop_frames();
	double unit = left * gop / opt.fps / (gop - 1 + KEY_FACTOR);
	return at_least(is_key ? unit * KEY_FACTOR : unit, MEDIA_HEAD);
}

double stream_rate(void)
{
	double gop = gop_frames();
	double picture = opt.fps ? (video_size(true) + (gop - 1) * video_size(false)) / gop : 0;
	return picture * opt.fps + (opt.audio ? (double)audio_size() * opt.audio : 0);
}
