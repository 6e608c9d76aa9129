/* bits - a bit reader over borrowed bytes with an error that sticks. Layer: codec.
 * As the byte cursor does, it yields zeros for ever once the end is passed; loops whose count was
 * read stop with it. In a NAL unit it drops the emulation prevention bytes (H.264 7.3.1). */
#pragma once
#include "base/span.h"

struct bits {
	struct span s;
	bool is_nal;
	size_t at;     /* the byte that comes next */
	unsigned left; /* unread bits of `byte` */
	unsigned zeros;
	uint8_t byte;
	bool bad;
};

static inline struct bits bits_of(struct span s)
{
	return (struct bits){.s = s};
}

static inline struct bits bits_of_nal(struct span s)
{
	return (struct bits){.s = s, .is_nal = true};
}

/* At most 32 bits, the first one read is the highest. */
uint32_t bits_get(struct bits *b, unsigned n);
void bits_skip(struct bits *b, unsigned n);
/* Exp-Golomb codes: ue(v) up to 32 bits, and se(v) (H.264 9.1). */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);
