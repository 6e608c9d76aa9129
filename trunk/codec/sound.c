#include "codec/sound.h"
#include "base/cur.h"
#include "codec/bits.h"

bool sound_read_mp3(struct sound *s, struct span frame)
{
	static const int rates[3] = {44100, 48000, 32000};
	static const uint16_t kbits[2][16] = {
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
	};
	struct bits b = bits_of(frame);
	if (bits_get(&b, 11) != 0x7FF)
		return false;
	unsigned version = bits_get(&b, 2), layer = bits_get(&b, 2);
	bits_skip(&b, 1);
	unsigned bit_rate = bits_get(&b, 4), rate = bits_get(&b, 2), padding = bits_get(&b, 1);
	bits_skip(&b, 1);
	unsigned mode = bits_get(&b, 2);
	if (b.bad || version == 1 || layer != 1 || rate == 3 || bit_rate == 15)
		return false;
	bool is_half = version != 3; /* MPEG-2 and 2.5 */
	*s = (struct sound){
		.rate = rates[rate] >> (version == 3   ? 0
					: version == 2 ? 1
						       : 2),
		.channels = mode == 3 ? 1 : 2,
		.samples = is_half ? 576 : 1152,
	};
	if (bit_rate)
		s->bytes = s->samples / 8 * 1000u * kbits[is_half][bit_rate] / (unsigned)s->rate +
			   padding;
	return true;
}

bool ac3_read(struct ac3 *ac3, struct span frame)
{
	static const int rates[3] = {48000, 44100, 32000};
	static const uint8_t channels[8] = {2, 1, 2, 3, 3, 4, 4, 5};
	struct bits b = bits_of(frame);
	if (bits_get(&b, 16) != 0x0B77)
		return false;
	bits_skip(&b, 16); /* checksum */
	*ac3 = (struct ac3){.fscod = (uint8_t)bits_get(&b, 2)};
	unsigned size = bits_get(&b, 6);
	ac3->bsid = (uint8_t)bits_get(&b, 5);
	ac3->bsmod = (uint8_t)bits_get(&b, 3);
	ac3->acmod = (uint8_t)bits_get(&b, 3);
	ac3->rate_code = (uint8_t)(size >> 1);
	if (ac3->acmod == 2)
		bits_skip(&b, 2); /* surround mode */
	if (ac3->acmod & 1 && ac3->acmod != 1)
		bits_skip(&b, 2); /* centre mix level */
	if (ac3->acmod & 4)
		bits_skip(&b, 2); /* surround mix level */
	ac3->has_lfe = bits_get(&b, 1);
	if (b.bad || ac3->fscod == 3 || size > 37 || ac3->bsid > 8)
		return false;
	ac3->sound = (struct sound){.rate = rates[ac3->fscod], .samples = 1536};
	ac3->sound.channels = channels[ac3->acmod] + ac3->has_lfe;
	return true;
}

unsigned opus_samples(struct span packet)
{
	static const uint16_t silk[4] = {480, 960, 1920, 2880};
	if (packet.n == 0)
		return 0;
	unsigned config = packet.p[0] >> 3, count = packet.p[0] & 3;
	unsigned frame = config < 12   ? silk[config & 3]
			 : config < 16 ? 480u << (config & 1)
				       : 120u << (config & 3);
	if (count == 3 && packet.n < 2)
		return 0;
	unsigned frames = count == 0 ? 1 : count < 3 ? 2 : packet.p[1] & 63u;
	return frame * frames <= 5760 ? frame * frames : 0;
}

static const int aac_rates[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
				  22050, 16000, 12000, 11025, 8000,  7350};

static unsigned aac_object(struct bits *b)
{
	unsigned object = bits_get(b, 5);
	return object == 31 ? 32 + bits_get(b, 6) : object;
}

static int aac_rate(struct bits *b, unsigned *index)
{
	*index = bits_get(b, 4);
	return *index == 15 ? (int)bits_get(b, 24) : aac_rates[*index];
}

bool aac_read(struct aac *aac, struct span config)
{
	static const uint8_t channels[16] = {0, 1, 2, 3, 4, 5, 6, 8, [11] = 7, [12] = 8, [14] = 8};
	struct bits b = bits_of(config);
	*aac = (struct aac){.object = aac_object(&b)};
	aac->sound.rate = aac_rate(&b, &aac->rate_index);
	aac->layout = bits_get(&b, 4);
	if (aac->object == 5 || aac->object == 29) { /* SBR, PS: the core's own type follows */
		unsigned heard;
		(void)aac_rate(&b, &heard);
		aac->object = aac_object(&b);
	}
	if (b.bad || aac->object == 0 || aac->sound.rate <= 0)
		return false;
	bool is_short = bits_get(&b, 1);
	aac->sound.samples = is_short && !b.bad ? 960 : 1024;
	aac->sound.channels = channels[aac->layout];
	return true;
}

bool aac_fits_adts(const struct aac *aac)
{
	return aac->object >= 1 && aac->object <= 4 && aac->rate_index < 13 && aac->layout >= 1 &&
	       aac->layout <= 7;
}

bool aac_write_adts(struct buf *b, const struct aac *aac, struct span frame)
{
	size_t n = frame.n + ADTS_HEADER;
	if (n > ADTS_FRAME_MAX)
		return false;
	uint64_t head = 0xFFF1; /* MPEG-4, layer 0, no checksum */
	head = head << 2 | (aac->object - 1);
	head = head << 4 | aac->rate_index;
	head = head << 4 | aac->layout; /* one private bit, then three of the layout */
	head = head << 4;
	head = head << 13 | n;
	head = head << 11 | 0x7FF; /* variable bit rate */
	head = head << 2;          /* one frame */
	buf_be(b, head, ADTS_HEADER);
	buf_put(b, frame.p, frame.n);
	return true;
}
