#include "codec/bits.h"

static void next_byte(struct bits *b)
{
	if (b->is_nal && b->zeros >= 2 && b->at < b->s.n && b->s.p[b->at] == 3) {
		b->at++;
		b->zeros = 0;
	}
	b->bad |= b->at >= b->s.n;
	b->byte = b->bad ? 0 : b->s.p[b->at++];
	b->zeros = b->byte ? 0 : b->zeros + 1;
	b->left = 8;
}

uint32_t bits_get(struct bits *b, unsigned n)
{
	uint32_t v = 0;
	while (n-- > 0 && !b->bad) {
		if (b->left == 0)
			next_byte(b);
		v = v << 1 | (b->byte >> --b->left & 1);
	}
	return b->bad ? 0 : v;
}

void bits_skip(struct bits *b, unsigned n)
{
	while (n-- > 0)
		bits_get(b, 1);
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;
	while (!b->bad && bits_get(b, 1) == 0)
		zeros++;
	if (zeros >= 32)
		b->bad = true;
	return b->bad ? 0 : (1u << zeros) - 1 + bits_get(b, zeros);
}

int32_t bits_se(struct bits *b)
{
	uint32_t v = bits_ue(b);
	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}
