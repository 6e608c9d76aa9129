#include "live/timeline.h"

#include <string.h>

enum {
	NEAR_ZERO_MS = 10000, /* a first timestamp below this is kept as it is */
	START_MS =
		200, /* else the source starts here: the other track may begin a little earlier */
	BACK_JUMP_MS = 2000,   /* mode full: further back than this is a jump, less is disorder */
	FAR_BACK_MS = 10000,   /* mode full: the same, compared with the other kinds */
	AHEAD_JUMP_MS = 10000, /* mode full: further ahead of the clock than this is a jump */
	SETTLE_MS = 5000,      /* how long a burst from a cache may take to arrive */
	LEAD_WINDOW_MS = 3000, /* a lead that was not reached for so long is no longer true */
};

void timeline_init(struct timeline *tl, enum timeline_mode mode, bool absolute)
{
	memset(tl, 0, sizeof(*tl));
	tl->mode = mode;
	tl->absolute = absolute;
	tl->floor = INT64_MIN;
}

bool timeline_is_raw(const struct timeline *tl)
{
	return tl->absolute || tl->mode == TIMELINE_OFF;
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
	if (timeline_is_raw(tl)) {
		tl->lead = tl->lead_next = raw - now_ms; /* the former clock tells nothing of it */
		tl->offset = 0;
	} else if (tl->used) {
		tl->offset = now_ms + tl->lead - raw;
		tl->settle_ms = now_ms + SETTLE_MS;
	} else {
		tl->offset = raw < NEAR_ZERO_MS ? 0 : START_MS - (int64_t)raw;
	}
}

/* A jump inside one publisher's stream: go on as if it had not happened. One kind may well be
 * seconds behind the other; that is no jump as long as it goes on in its own time. */
static void repair_jump(struct timeline *tl, int kind, int64_t mapped, int64_t now_ms)
{
	int64_t live = now_ms + tl->lead, newest = live > tl->max ? live : tl->max;
	bool back = mapped < tl->last[kind] - BACK_JUMP_MS || mapped < tl->max - FAR_BACK_MS;
	if (back || mapped > newest + AHEAD_JUMP_MS) {
		tl->offset += (live > tl->max ? live : tl->max + 1) - mapped;
		tl->floor = tl->max;
	}
}

/* The best of a window, since messages come late by whatever keeps them, but never early. Input may
 * be left to gather before it is read: then only the last message of a read comes without delay. */
static void follow_lead(struct timeline *tl, int64_t mapped, int64_t now_ms)
{
	int64_t lead = mapped - now_ms;
	bool over = now_ms - tl->lead_ms > LEAD_WINDOW_MS;
	if (over && tl->used)
		tl->lead = tl->lead_next;
	if (over || !tl->used || lead > tl->lead_next)
		tl->lead_next = lead;
	if (over || !tl->used)
		tl->lead_ms = now_ms;
	if (!tl->used || lead > tl->lead)
		tl->lead = lead;
	tl->used = true;
}

static int64_t unwrap(const struct timeline *tl, uint32_t raw)
{
	return tl->raw + (int32_t)(raw - (uint32_t)tl->raw);
}

/* Data may carry any time, zero for one: it is kept where the other kinds are. */
static int64_t map_data(struct timeline *tl, uint32_t raw)
{
	int64_t last = tl->last[TIMELINE_DATA];
	int64_t mapped = tl->begun ? unwrap(tl, raw) + tl->offset : tl->max;
	if (timeline_is_raw(tl))
		return tl->last[TIMELINE_DATA] = tl->begun ? mapped : raw;
	if (mapped < tl->max - BACK_JUMP_MS || mapped > tl->max + BACK_JUMP_MS)
		mapped = tl->max;
	if (mapped <= tl->floor)
		mapped = tl->max;
	return tl->last[TIMELINE_DATA] = mapped > last ? mapped : last;
}

/* Never back, and above what a publisher before has sent. */
static int64_t rise(const struct timeline *tl, int kind, int64_t mapped)
{
	int64_t last = tl->last[kind];
	if (mapped <= tl->floor)
		mapped = (last > tl->floor ? last : tl->floor) + 1;
	if (mapped < last)
		mapped = last;
	return mapped < 0 ? 0 : mapped;
}

static int64_t map_as_is(struct timeline *tl, int kind, int64_t now_ms)
{
	follow_lead(tl, tl->raw, now_ms);
	return tl->max = tl->last[kind] = tl->raw;
}

int64_t timeline_map(struct timeline *tl, int kind, uint32_t raw, int64_t now_ms)
{
	if (kind == TIMELINE_DATA)
		return map_data(tl, raw);
	if (!tl->begun)
		begin_offset(tl, raw, now_ms);
	else
		tl->raw = unwrap(tl, raw);
	if (timeline_is_raw(tl))
		return map_as_is(tl, kind, now_ms);
	if (now_ms < tl->settle_ms && now_ms + tl->lead - tl->raw < tl->offset)
		tl->offset = now_ms + tl->lead - tl->raw;
	if (tl->mode == TIMELINE_FULL && tl->used && now_ms >= tl->settle_ms)
		repair_jump(tl, kind, tl->raw + tl->offset, now_ms);
	int64_t wanted = tl->raw + tl->offset, mapped = rise(tl, kind, wanted);
	tl->last[kind] = mapped;
	if (mapped > tl->max)
		tl->max = mapped;
	/* What was pushed up says nothing about the distance to live. */
	if (mapped == wanted || !tl->used)
		follow_lead(tl, mapped, now_ms);
	return mapped;
}
