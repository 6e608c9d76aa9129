#include "rtc/rx_ring.h"
#include "base/mem.h"
#include "codec/rtp.h"

#include <stdlib.h>

static struct rx_packet *slot(const struct rx_ring *r, int64_t seq)
{
	return &r->v[seq & (int64_t)(r->room - 1)];
}

void rx_ring_init(struct rx_ring *r, uint32_t room)
{
	*r = (struct rx_ring){.room = room, .v = mem_zalloc(room * sizeof(r->v[0]))};
}

static void empty(struct rx_packet *p)
{
	free(p->bytes);
	*p = (struct rx_packet){0};
}

void rx_ring_clear(struct rx_ring *r)
{
	for (; r->begun && r->next <= r->newest; r->next++)
		empty(slot(r, r->next));
	r->begun = false;
	r->missing = 0;
}

void rx_ring_fini(struct rx_ring *r)
{
	if (r->v)
		rx_ring_clear(r);
	free(r->v);
	*r = (struct rx_ring){0};
}

int64_t rx_ring_number(const struct rx_ring *r, uint16_t seq)
{
	/* Away from zero, since packets of before the first one may come. */
	return r->begun ? rtp_extend(r->newest, seq, 16) : 65536 + seq;
}

static void begin(struct rx_ring *r, int64_t seq)
{
	rx_ring_clear(r);
	r->begun = true;
	r->first = r->next = seq;
	r->newest = seq - 1;
}

static void note_missing(struct rx_ring *r, int64_t seq, int64_t now_ms)
{
	for (int64_t i = r->newest + 1; i < seq; i++, r->missing++)
		*slot(r, i) = (struct rx_packet){.missed_ms = now_ms};
	r->newest = seq;
}

static void fill(struct rx_packet *p, uint32_t ts, bool marker, struct span payload)
{
	*p = (struct rx_packet){.ts = ts, .marker = marker, .is_here = true};
	p->n = (uint16_t)payload.n;
	if (!payload.n)
		return;
	p->bytes = mem_alloc(payload.n);
	memcpy(p->bytes, payload.p, payload.n);
}

/* The slot of one that was given up knows how it was asked for, until it is another one's. */
static enum rx_placed refuse(struct rx_ring *r, int64_t seq, struct rx_asked *asked)
{
	struct rx_packet *p = slot(r, seq);
	if (seq < r->first || seq + r->room <= r->newest || !p->asked.tries)
		return RX_REFUSED;
	*asked = p->asked;
	p->asked.tries = 0;
	return RX_TOO_LATE;
}

enum rx_placed rx_ring_put(struct rx_ring *r, int64_t seq, uint32_t ts, bool marker,
			   struct span payload, int64_t now_ms, struct rx_asked *asked)
{
	enum rx_placed placed = RX_PLACED;
	bool is_far = seq >= r->next + r->room || seq + r->room <= r->next;
	if (r->begun && seq < r->next && !is_far)
		return refuse(r, seq, asked);
	if (!r->begun || is_far) {
		placed = r->begun ? RX_RESET : RX_PLACED;
		begin(r, seq);
	}
	if (seq > r->newest) {
		note_missing(r, seq, now_ms);
	} else {
		if (slot(r, seq)->is_here)
			return RX_REFUSED;
		*asked = slot(r, seq)->asked;
		placed = asked->tries ? RX_REPAIRED : RX_PLACED;
		r->missing--;
	}
	fill(slot(r, seq), ts, marker, payload);
	return placed;
}

const struct rx_packet *rx_ring_first(const struct rx_ring *r)
{
	if (!r->begun || r->next > r->newest || !slot(r, r->next)->is_here)
		return NULL;
	return slot(r, r->next);
}

void rx_ring_drop(struct rx_ring *r)
{
	empty(slot(r, r->next++));
}

bool rx_ring_give_up(struct rx_ring *r)
{
	r->missing--;
	return slot(r, r->next++)->asked.tries > 0;
}

bool rx_ring_is_full(const struct rx_ring *r)
{
	return r->begun && r->newest - r->next >= r->room * 3 / 4;
}

bool rx_ring_is_stuck(const struct rx_ring *r, int64_t oldest_ms)
{
	if (!r->begun || r->next > r->newest || slot(r, r->next)->is_here)
		return false;
	return slot(r, r->next)->missed_ms < oldest_ms;
}

static bool is_due(const struct rx_asked *asked, int64_t again_ms, int64_t now_ms)
{
	int beyond = asked->tries - RX_TRIES_QUICK;
	return asked->tries == 0 ||
	       (asked->tries < RX_TRIES_MAX &&
		now_ms - asked->last_ms >= again_ms << (beyond > 0 ? beyond : 0));
}

int rx_ring_ask(struct rx_ring *r, int64_t first_ms, int64_t again_ms, int64_t now_ms,
		uint16_t *seqs, int max)
{
	int n = 0, left = r->missing;
	for (int64_t i = r->next; left > 0 && n < max && i <= r->newest; i++) {
		struct rx_packet *p = slot(r, i);
		if (p->is_here)
			continue;
		left--;
		struct rx_asked *asked = &p->asked;
		if (p->missed_ms > first_ms || !is_due(asked, again_ms, now_ms))
			continue;
		asked->last_ms = now_ms;
		asked->first_ms = asked->tries++ ? asked->first_ms : now_ms;
		seqs[n++] = (uint16_t)i;
	}
	return n;
}
