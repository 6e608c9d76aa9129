#include "live/timeline.h"

#include <string.h>

enum {
	NEAR_ZERO_MS = 10000, /* a first timestamp below this is kept as it is */
	START_MS = 200, /* else the source starts here: another track may begin a little earlier */
	BACK_JUMP_MS = 2000,   /* mode full: further back than this is a jump, less is disorder */
	FAR_BACK_MS = 10000,   /* mode full: the same, compared with the other tracks */
	AHEAD_JUMP_MS = 10000, /* mode full: further ahead of the clock than this is a jump */
	OTHER_BASE_MS =
		5000,     /* mode full: a track that begins further off counts from another base */
	STILL_MS = 500,   /* mode full: no step for so long: the track's time stands still */
	SETTLE_MS = 5000, /* how long a burst from a cache may take to arrive */
	WINDOW_MS = 3000, /* a live offset that was not reached for so long is no longer true */
};

/* ---- tracks ---- */

static int find_track(const struct timeline *tl, int kind, int id)
{
	for (int i = 0; i < tl->track_count; i++)
		if (tl->tracks[i].kind == kind && tl->tracks[i].id == id)
			return i;
	return -1;
}

/* A track that only a former publisher had gives way. */
static struct timeline_track *spare_track(struct timeline *tl)
{
	if (tl->track_count < TIMELINE_TRACKS)
		return &tl->tracks[tl->track_count++];
	for (struct timeline_track *t = tl->tracks; t < tl->tracks + TIMELINE_TRACKS; t++)
		if (!t->begun)
			return t;
	return NULL;
}

static struct timeline_track *get_track(struct timeline *tl, int kind, int id)
{
	int i = find_track(tl, kind, id);
	if (i >= 0)
		return &tl->tracks[i];
	struct timeline_track *t = spare_track(tl);
	if (!t)
		return &tl->tracks[TIMELINE_TRACKS - 1];
	*t = (struct timeline_track){.kind = (uint8_t)kind, .id = (uint8_t)id};
	return t;
}

/* ---- publishers ---- */

void timeline_init(struct timeline *tl, enum timeline_mode mode, bool absolute)
{
	memset(tl, 0, sizeof(*tl));
	tl->mode = mode;
	tl->absolute = absolute;
	tl->min_ts = INT64_MIN;
}

bool timeline_is_raw(const struct timeline *tl)
{
	return tl->absolute || tl->mode == TIMELINE_OFF;
}

void timeline_begin(struct timeline *tl)
{
	tl->begun = false;
	tl->min_ts = tl->used ? tl->max : INT64_MIN;
	for (int i = 0; i < tl->track_count; i++) {
		tl->tracks[i].begun = false;
		tl->tracks[i].still = false;
		tl->tracks[i].own = 0;
	}
}

void timeline_anchor(struct timeline *tl, uint32_t raw, int64_t mapped)
{
	timeline_begin(tl);
	tl->begun = true;
	tl->min_ts = INT64_MIN; /* another track may stand a little behind */
	tl->raw = raw;
	tl->offset = mapped - raw;
	tl->reached = mapped;
	tl->settle_ms = 0;
}

static void begin_offset(struct timeline *tl, uint32_t raw, int64_t now_ms)
{
	tl->begun = true;
	tl->raw = raw;
	tl->settle_ms = 0;
	if (timeline_is_raw(tl)) {
		/* The former clock tells nothing of this one. */
		tl->live_offset = tl->live_offset_next = raw - now_ms;
		tl->offset = 0;
	} else if (tl->used) {
		tl->offset = now_ms + tl->live_offset - raw;
		tl->settle_ms = now_ms + SETTLE_MS;
	} else {
		tl->offset = raw < NEAR_ZERO_MS ? 0 : START_MS - (int64_t)raw;
	}
	tl->reached = tl->raw + tl->offset;
}

/* ---- the distance to live ---- */

/* The best of a window, since messages come late by whatever keeps them, but never early. Input may
 * be left to gather before it is read: then only the last message of a read comes without delay. */
static void follow_live(struct timeline *tl, int64_t mapped, int64_t now_ms)
{
	int64_t offset = mapped - now_ms;
	bool over = now_ms - tl->window_ms > WINDOW_MS;
	if (over && tl->used)
		tl->live_offset = tl->live_offset_next;
	if (over || !tl->used || offset > tl->live_offset_next)
		tl->live_offset_next = offset;
	if (over || !tl->used)
		tl->window_ms = now_ms;
	if (!tl->used || offset > tl->live_offset)
		tl->live_offset = offset;
	tl->used = true;
}

/* The time that a message arriving now should have, as far as arrival tells. */
static int64_t expected(const struct timeline *tl, int64_t now_ms)
{
	int64_t live = now_ms + tl->live_offset;
	return live > tl->max ? live : tl->max + 1;
}

/* ---- tracks that do not share the offset ---- */

static int64_t far_from(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* A track that begins: near what came last or near live is where it belongs. */
static void place_new_track(const struct timeline *tl, struct timeline_track *t, int64_t now_ms)
{
	int64_t mapped = t->raw + tl->offset, live = now_ms + tl->live_offset;
	bool settling = now_ms < tl->settle_ms;
	if (far_from(mapped, tl->reached) <= OTHER_BASE_MS ||
	    (!settling && far_from(mapped, live) <= OTHER_BASE_MS))
		return;
	t->own = (settling ? tl->reached : live) - mapped;
}

static bool is_jump(const struct timeline *tl, const struct timeline_track *t, int64_t mapped,
		    int64_t now_ms)
{
	int64_t live = now_ms + tl->live_offset, newest = live > tl->max ? live : tl->max;
	return mapped < t->last - BACK_JUMP_MS || mapped < tl->max - FAR_BACK_MS ||
	       mapped > newest + AHEAD_JUMP_MS;
}

/* The encoder's whole clock may have jumped, and another track before this one: then they share an
 * offset again. One track may well be seconds behind another; that is no jump as long as it goes on in
 * its own time. */
static void repair_jump(const struct timeline *tl, struct timeline_track *t, int64_t now_ms)
{
	int64_t mapped = t->raw + tl->offset, wanted = expected(tl, now_ms);
	if (!is_jump(tl, t, mapped + t->own, now_ms))
		return;
	t->own = wanted - mapped;
	for (const struct timeline_track *o = tl->tracks; o < tl->tracks + tl->track_count; o++)
		if (o != t && o->begun && !o->still && o->kind != TIMELINE_DATA &&
		    far_from(mapped + o->own, wanted) <= OTHER_BASE_MS &&
		    !is_jump(tl, t, mapped + o->own, now_ms))
			t->own = o->own;
}

/* Once its time moves again, the track goes on from where arrival has brought it. */
static void pace_still(const struct timeline *tl, struct timeline_track *t, int64_t now_ms)
{
	if (t->still)
		t->own = now_ms + tl->live_offset - t->raw - tl->offset;
}

static void follow_raw(const struct timeline *tl, struct timeline_track *t, uint32_t raw,
		       int64_t now_ms)
{
	int64_t before = t->begun ? t->raw : tl->raw;
	int64_t now = before + (int32_t)(raw - (uint32_t)before);
	if (!t->begun || now != t->raw) {
		t->moved_ms = now_ms;
		t->still = false;
	} else if (now_ms - t->moved_ms >= STILL_MS) {
		t->still = true;
	}
	t->raw = now;
}

/* ---- mapping ---- */

/* Data may carry any time, zero for one: it is kept where the other kinds are. */
static int64_t map_data(struct timeline *tl, struct timeline_track *t, uint32_t raw)
{
	int64_t unwrapped = tl->raw + (int32_t)(raw - (uint32_t)tl->raw);
	int64_t mapped = tl->begun ? unwrapped + tl->offset : tl->max;
	if (timeline_is_raw(tl))
		return t->last = tl->begun ? mapped : raw;
	if (mapped < tl->max - BACK_JUMP_MS || mapped > tl->max + BACK_JUMP_MS)
		mapped = tl->max;
	if (mapped <= tl->min_ts)
		mapped = tl->max;
	if (mapped > t->last)
		t->last = mapped;
	return t->last;
}

/* Never back, and above what a publisher before has sent. */
static int64_t rise(const struct timeline *tl, const struct timeline_track *t, int64_t mapped)
{
	if (mapped <= tl->min_ts)
		mapped = (t->last > tl->min_ts ? t->last : tl->min_ts) + 1;
	if (mapped < t->last)
		mapped = t->last;
	return mapped < 0 ? 0 : mapped;
}

static int64_t map_as_is(struct timeline *tl, struct timeline_track *t, int64_t now_ms)
{
	follow_live(tl, t->raw, now_ms);
	return tl->max = t->last = t->raw;
}

/* Finds the offset of the track. */
static void settle_offset(struct timeline *tl, struct timeline_track *t, int64_t now_ms)
{
	bool is_new = !t->begun, settling = now_ms < tl->settle_ms;
	t->begun = true;
	if (tl->mode == TIMELINE_FULL && tl->used) {
		if (is_new)
			place_new_track(tl, t, now_ms);
		else if (!settling)
			repair_jump(tl, t, now_ms);
		pace_still(tl, t, now_ms);
	}
	int64_t latest = now_ms + tl->live_offset - t->raw;
	if (settling && !t->own && latest < tl->offset)
		tl->offset = latest;
}

int64_t timeline_map(struct timeline *tl, int kind, int id, uint32_t raw, int64_t now_ms)
{
	struct timeline_track *t = get_track(tl, kind, id);
	if (kind == TIMELINE_DATA)
		return map_data(tl, t, raw);
	if (!tl->begun)
		begin_offset(tl, raw, now_ms);
	follow_raw(tl, t, raw, now_ms);
	tl->raw = t->raw;
	if (timeline_is_raw(tl)) {
		t->begun = true;
		return map_as_is(tl, t, now_ms);
	}
	settle_offset(tl, t, now_ms);
	int64_t wanted = t->raw + tl->offset + t->own, mapped = rise(tl, t, wanted);
	tl->reached = wanted;
	t->last = mapped;
	if (mapped > tl->max)
		tl->max = mapped;
	/* A time that was pushed up, or paced by arrival, says nothing about the distance to live. */
	if (!tl->used || (mapped == wanted && !t->still))
		follow_live(tl, mapped, now_ms);
	return mapped;
}

int64_t timeline_header(struct timeline *tl, int kind, int id)
{
	struct timeline_track *t = get_track(tl, kind, id);
	/* There may be none of data for a long time. */
	if (kind == TIMELINE_DATA && (t->last < tl->max || timeline_is_raw(tl)))
		t->last = tl->max;
	return t->last;
}
