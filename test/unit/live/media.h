/* media - messages as encoders make them, for the tests of this layer. Layer: test. */
#pragma once
#include "codec/msg.h"

static inline struct msg *media(enum msg_type type, uint8_t first, uint8_t second, uint8_t last,
				size_t n)
{
	struct msg *m = msg_new(type, 0, n);
	for (size_t i = 0; i < n; i++)
		m->payload[i] = i == 0 ? first : i == 1 ? second : last;
	return m;
}

static inline struct msg *avc_header(uint8_t what)
{
	return media(MSG_VIDEO, 0x17, 0, what, 20);
}

static inline struct msg *aac_header(uint8_t what)
{
	return media(MSG_AUDIO, 0xAF, 0, what, 4);
}

static inline struct msg *key_frame(size_t n)
{
	return media(MSG_VIDEO, 0x17, 1, 0, n);
}

static inline struct msg *picture(size_t n)
{
	return media(MSG_VIDEO, 0x27, 1, 0, n);
}

static inline struct msg *sound(size_t n)
{
	return media(MSG_AUDIO, 0xAF, 1, 0, n);
}

static inline struct msg *metadata(uint8_t what)
{
	struct msg *m = media(MSG_DATA, 2, 0, what, 12);
	m->frame.is_meta = true;
	return m;
}
