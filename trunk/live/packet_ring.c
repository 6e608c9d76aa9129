#include "live/packet_ring.h"
#include "base/mem.h"
#include "codec/media_memory.h"

#include <stdlib.h>

enum {
	FIRST_ROOM = 64,
	PACKETS_MAX = 16384,  /* whatever the times say */
	BYTES_MAX = 16 << 20, /* likewise */
};

struct packet_block {
	int refs; /* packets */
	size_t n;
	uint8_t bytes[];
};

static struct packet *slot(const struct packet_ring *r, uint64_t index)
{
	return &r->v[index & (r->room - 1)];
}

const struct packet *packet_ring_at(const struct packet_ring *r, uint64_t index)
{
	return index >= r->first && index < r->next ? slot(r, index) : NULL;
}

struct span packet_payload(const struct packet *p)
{
	return span_of(p->block->bytes + p->off, p->n);
}

static void drop_first(struct packet_ring *r)
{
	struct packet_block *block = slot(r, r->first)->block;
	if (r->has_start && r->start == r->first)
		r->has_start = false;
	r->first++;
	if (--block->refs > 0)
		return;
	r->bytes -= block->n;
	media_memory_free(block, sizeof(*block) + block->n);
}

void packet_ring_clear(struct packet_ring *r)
{
	while (r->first < r->next)
		drop_first(r);
}

void packet_ring_fini(struct packet_ring *r)
{
	packet_ring_clear(r);
	free(r->v);
	*r = (struct packet_ring){0};
}

static void grow(struct packet_ring *r)
{
	struct packet_ring old = *r;
	r->room = old.room ? old.room * 2 : FIRST_ROOM;
	r->v = mem_alloc(r->room * sizeof(r->v[0]));
	for (uint64_t i = old.first; i < old.next; i++)
		*slot(r, i) = *slot(&old, i);
	free(old.v);
}

static struct packet_block *block_new(const struct payloads *payloads)
{
	size_t n = payloads->bytes.n, size = sizeof(struct packet_block) + n;
	if (!media_memory_take(size))
		return NULL;
	struct packet_block *block = mem_try_alloc(size);
	if (!block) {
		media_memory_give(size);
		return NULL;
	}
	block->refs = payloads->count;
	block->n = n;
	memcpy(block->bytes, payloads->bytes.p, n);
	return block;
}

bool packet_ring_append(struct packet_ring *r, const struct payloads *payloads, int64_t ts,
			bool starts, int64_t now_ms)
{
	struct packet_block *block = block_new(payloads);
	if (!block)
		return false;
	r->bytes += block->n;
	r->picture++;
	if (starts) {
		r->has_start = true;
		r->start = r->next;
	}
	for (int i = 0; i < payloads->count; i++) {
		bool is_last = i == payloads->count - 1;
		if (r->next - r->first == r->room)
			grow(r);
		*slot(r, r->next++) = (struct packet){
			.block = block,
			.off = payloads->v[i].off,
			.n = payloads->v[i].n,
			.flags = (uint8_t)((is_last ? PACKET_MARKER : 0) |
					   (starts && i == 0 ? PACKET_STARTS : 0)),
			.picture = r->picture,
			.ts = ts,
			.ms = now_ms,
		};
	}
	return true;
}

void packet_ring_trim(struct packet_ring *r, int64_t now_ms, int64_t history_ms, int64_t start_ms)
{
	bool keeps_start = r->has_start && now_ms - slot(r, r->start)->ms <= start_ms;
	while (r->first < r->next) {
		const struct packet *oldest = slot(r, r->first);
		bool is_full = r->next - r->first > PACKETS_MAX || r->bytes > BYTES_MAX;
		bool is_old = now_ms - oldest->ms > history_ms;
		if (!is_full && (!is_old || (keeps_start && r->first >= r->start)))
			return;
		drop_first(r);
	}
}
