/* sound - headers of audio frames that describe themselves, and AudioSpecificConfig. Layer: codec. */
#pragma once
#include "base/buf.h"

struct sound {
	int rate;         /* Hz, of the coded samples */
	int channels;     /* 0: told in the stream itself */
	unsigned samples; /* per frame, in `rate` */
	size_t bytes;     /* of the frame; 0 when its header does not tell */
};

/* MPEG audio layer III (ISO 11172-3 2.4.1.3, ISO 13818-3); false: not a frame header. */
bool sound_read_mp3(struct sound *s, struct span frame);

struct ac3 {
	struct sound sound;
	uint8_t fscod, bsid, bsmod, acmod, rate_code;
	bool has_lfe;
};
/* AC-3 synchronisation frame (ATSC A/52 5.3), bsid up to 8. */
bool ac3_read(struct ac3 *ac3, struct span frame);

/* Samples at 48 kHz of an Opus packet (RFC 6716 3.1); 0: it is not one. */
unsigned opus_samples(struct span packet);

/* AudioSpecificConfig (ISO 14496-3 1.6.2.1). */
struct aac {
	struct sound sound;  /* of the core: without SBR and PS */
	unsigned object;     /* audio object type of the core; 2 is LC */
	unsigned rate_index; /* 15: the rate is none of the table */
	unsigned layout;     /* channel configuration; 0: in the stream */
};
bool aac_read(struct aac *aac, struct span config);
/* Whether ADTS can say it: object types 1 to 4, a rate of the table, a channel configuration. */
bool aac_fits_adts(const struct aac *aac);
enum { ADTS_HEADER = 7, ADTS_FRAME_MAX = 0x1FFF };
/* ADTS header and frame (ISO 13818-7 6.2); false: the frame is too long. */
bool aac_write_adts(struct buf *b, const struct aac *aac, struct span frame);
