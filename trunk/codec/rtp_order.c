#include "codec/rtp_order.h"
#include "base/mem.h"
#include "codec/rtp.h"

#include <stdlib.h>
#include <string.h>

static struct rtp_waiting *slot(struct rtp_order *o, int64_t number)
{
	return &o->v[number % RTP_ORDER_ROOM];
}

static void forget(struct rtp_order *o)
{
	for (int i = 0; i < RTP_ORDER_ROOM && o->count > 0; i++) {
		o->count -= o->v[i].bytes != NULL;
		free(o->v[i].bytes);
		o->v[i].bytes = NULL;
	}
}

void rtp_order_fini(struct rtp_order *o)
{
	forget(o);
	free(o->given);
	o->given = NULL;
}

static void begin(struct rtp_order *o, int64_t number)
{
	o->gap = o->begun;
	o->begun = true;
	o->next = number;
	o->newest = number - 1;
}

/* The next one is given up, and all that are missing behind it. */
static void give_up(struct rtp_order *o, int64_t now_ms)
{
	while (o->next <= o->newest && !slot(o, o->next)->bytes) {
		o->next++;
		o->lost++;
		o->gap = true;
	}
	o->since_ms = now_ms;
}

/* Makes room where the packet is to stand. */
static void advance(struct rtp_order *o, int64_t number, int64_t now_ms)
{
	while (number - o->next >= RTP_ORDER_ROOM) {
		struct rtp_waiting *w = slot(o, o->next);
		o->lost++;
		o->gap = true;
		o->count -= w->bytes != NULL;
		free(w->bytes);
		w->bytes = NULL;
		o->next++;
		o->since_ms = now_ms;
	}
}

void rtp_order_put(struct rtp_order *o, uint16_t seq, struct span packet, int64_t now_ms)
{
	enum { FIRST = 1 << 20 }; /* so that numbers just below the first are none below zero */
	int64_t number = o->begun ? rtp_extend(o->newest, seq, 16) : FIRST + seq;
	if (o->begun &&
	    (number - o->newest > RTP_ORDER_JUMP || o->newest - number > RTP_ORDER_JUMP)) {
		forget(o);
		number = FIRST + seq;
		begin(o, number);
	}
	if (!o->begun)
		begin(o, number);
	if (number < o->next) {
		o->late++;
		return;
	}
	advance(o, number, now_ms);
	struct rtp_waiting *w = slot(o, number);
	if (w->bytes) {
		o->late++;
		return;
	}
	if (o->count++ == 0)
		o->since_ms = now_ms;
	w->bytes = mem_alloc(packet.n ? packet.n : 1);
	memcpy(w->bytes, packet.p, packet.n);
	w->n = packet.n;
	o->newest = number > o->newest ? number : o->newest;
}

bool rtp_order_next(struct rtp_order *o, int64_t now_ms, struct span *packet, bool *gap)
{
	if (o->count == 0)
		return false;
	bool is_full = o->newest - o->next >= RTP_ORDER_ROOM - 1;
	if (!slot(o, o->next)->bytes && (is_full || now_ms >= rtp_order_due(o)))
		give_up(o, now_ms);
	struct rtp_waiting *w = slot(o, o->next);
	if (!w->bytes)
		return false;
	free(o->given);
	o->given = w->bytes;
	*packet = span_of(w->bytes, w->n);
	*gap = o->gap;
	*w = (struct rtp_waiting){0};
	o->gap = false;
	o->count--;
	o->next++;
	o->since_ms = now_ms;
	return true;
}

int64_t rtp_order_due(const struct rtp_order *o)
{
	return o->count ? o->since_ms + RTP_ORDER_WAIT_MS : INT64_MAX;
}
