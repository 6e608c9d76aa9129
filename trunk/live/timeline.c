#include "live/timeline.h"

#include <string.h>

enum {
	NEAR_ZERO_MS = 10000,  /* a first timestamp below this is kept as it is */
	START_MS = 200,        /* else the source starts here: the other track may begin a little earlier */
	BACK_JUMP_MS = 2000,   /* mode full: further back than this is a jump, less is disorder */
	AHEAD_JUMP_MS = 10000, /* mode full: further ahead of the clock than this is a jump */
	SETTLE_MS = 5000,      /* how long a burst from a cache may take to arrive */
	LEAD_DECAY_MS = 3000,  /* a lead that was not reached for so long is no longer true */
};

void timeline_init(struct timeline *tl, enum timeline_mode mode, bool absolute)
{
	memset(tl, 0, sizeof(*tl));
	tl->mode = mode;
	tl->absolute = absolute;
	tl->floor = INT64_MIN;
}

void timeline_begin(struct timeline *tl)
{
	tl->begun = false;
	tl->floor = tl->used ? tl->max : INT64_MIN;
}

void timeline_anchor(struct timeline *tl, uint32_t raw, int64_t mapped)
{
	timeline_begin(tl);
	tl->begun = true;
	tl->floor = INT64_MIN; /* the other track may stand a little behind */
	tl->raw = raw;
	tl->offset = mapped - raw;
	tl->settle_ms = 0;
}

static void begin_offset(struct timeline *tl, uint32_t raw, int64_t now_ms)
{
	tl->begun = true;
	tl->raw = raw;
	tl->settle_ms = 0;
	if (tl->absolute || tl->mode == TIMELINE_OFF) {
		tl->offset = 0;
	} else if (tl->used) {
		tl->offset = now_ms + tl->lead - raw;
		tl->settle_ms = now_ms + SETTLE_MS;
	} else {
		tl->offset = raw < NEAR_ZERO_MS ? 0 : START_MS - (int64_t)raw;
	}
}

/* A jump inside one publisher's stream: go on as if it had not happened. */
static void repair_jump(struct timeline *tl, int64_t mapped, int64_t now_ms)
{
	int64_t live = now_ms + tl->lead;
	if (mapped < tl->max - BACK_JUMP_MS || mapped > (live > tl->max ? live : tl->max) + AHEAD_JUMP_MS) {
		tl->offset += (live > tl->max ? live : tl->max + 1) - mapped;
		tl->floor = tl->max;
	}
}

static void follow_lead(struct timeline *tl, int64_t mapped, int64_t now_ms)
{
	int64_t lead = mapped - now_ms;
	if (!tl->used || lead >= tl->lead || now_ms - tl->lead_ms > LEAD_DECAY_MS) {
		tl->lead = lead;
		tl->lead_ms = now_ms;
	}
	tl->used = true;
}

int64_t timeline_map(struct timeline *tl, int kind, uint32_t raw, int64_t now_ms)
{
	if (!tl->begun)
		begin_offset(tl, raw, now_ms);
	else
		tl->raw += (int32_t)(raw - (uint32_t)tl->raw);
	if (tl->absolute || tl->mode == TIMELINE_OFF) {
		tl->max = tl->last[kind] = tl->raw;
		tl->used = true;
		return tl->raw;
	}
	if (now_ms < tl->settle_ms && now_ms + tl->lead - tl->raw < tl->offset)
		tl->offset = now_ms + tl->lead - tl->raw;
	if (tl->mode == TIMELINE_FULL && tl->used && now_ms >= tl->settle_ms)
		repair_jump(tl, tl->raw + tl->offset, now_ms);
	int64_t mapped = tl->raw + tl->offset;
	if (mapped <= tl->floor)
		mapped = (tl->last[kind] > tl->floor ? tl->last[kind] : tl->floor) + 1;
	if (mapped < tl->last[kind])
		mapped = tl->last[kind];
	if (mapped < 0)
		mapped = 0;
	tl->last[kind] = mapped;
	if (mapped > tl->max)
		tl->max = mapped;
	follow_lead(tl, mapped, now_ms);
	return mapped;
}
