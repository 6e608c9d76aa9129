#include "cluster/resume.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

enum {
	FEW = 4,        /* so few frames cannot be told from others */
	FEW_MS = 100,   /* how long more are waited for then */
	GATHER_MS = 20, /* how long the first messages of a server are gathered at least */
	STEP_MS = 5,
	KEY_MS = 10000, /* the same while no key frame has come */
	LOOK_SHARE = 4,
	HELD_MAX = 4096,
	HELD_BYTES_MAX = 64 << 20, /* as much as the cache of a server may come to */
};

static bool is_frame(const struct msg *m)
{
	return m->type != MSG_DATA && !headers_wants(m);
}

static void publish(struct resume *s, struct msg *m, uint32_t raw)
{
	struct msg *mine = msg_ref(m);
	if (source_publish(s->source, s->feeder, &m, raw) && is_frame(mine))
		splice_note(&s->splice, mine, mine->ts);
	msg_unref(&mine);
}

static struct timeline_track *skipped_track(struct resume *s, const struct msg *m)
{
	int kind = wire_kind(m) >> 1;
	for (int i = 0; i < s->skip_tracks; i++)
		if (s->skip_to[i].kind == kind && s->skip_to[i].id == m->frame.track)
			return &s->skip_to[i];
	return NULL;
}

static bool is_any_skipped(const struct resume *s)
{
	for (int i = 0; i < s->skip_tracks; i++)
		if (s->skip_to[i].kind != TIMELINE_DATA && s->skip_to[i].last != INT64_MIN)
			return true;
	return false;
}

/* A server that resumes inside what was sent before: its next messages are known too, as far as
 * their times say. */
static bool is_old(struct resume *s, const struct msg *m, uint32_t raw)
{
	struct timeline_track *t = s->skipping && !headers_wants(m) ? skipped_track(s, m) : NULL;
	if (!t)
		return false;
	if ((int64_t)raw + s->skip_offset <= t->last)
		return true;
	t->last = INT64_MIN;
	s->skipping = is_any_skipped(s);
	return false;
}

static void release(struct resume *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		msg_unref(&s->held[i].msg);
	free(s->held);
	s->held = NULL;
	s->count = s->room = 0;
	s->bytes = 0;
	s->look_ms = 0;
	s->began_ms = 0;
}

/* ---- the place ---- */

/* The frames that are held, without headers and data, as the splice sees them. */
static struct splice_mark *marks_of(const struct resume *s, uint32_t *count)
{
	struct splice_mark *marks = mem_alloc((s->count + 1) * sizeof(marks[0]));
	*count = 0;
	for (uint32_t i = 0; i < s->count; i++)
		if (is_frame(s->held[i].msg))
			marks[(*count)++] = splice_mark(s->held[i].msg, s->held[i].raw);
	return marks;
}

/* The held messages are dropped when a publisher of this server has come meanwhile. */
static bool open_splice(struct resume *s)
{
	s->open = source_begin(s->source, s->feeder);
	if (!s->open)
		release(s);
	return s->open;
}

static void take_place(struct resume *s, const struct splice_answer *place, uint32_t raw)
{
	s->skipping = place->same;
	if (!place->same)
		return;
	source_anchor(s->source, raw, (int64_t)raw + place->offset);
	s->skip_offset = place->offset;
	memcpy(s->skip_to, s->source->timeline.tracks, sizeof(s->skip_to));
	s->skip_tracks = s->source->timeline.track_count;
}

static void publish_held(struct resume *s, const struct splice_answer *place)
{
	uint32_t frame = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		struct held *h = &s->held[i];
		bool wanted =
			!is_frame(h->msg) || (frame >= place->start && !is_old(s, h->msg, h->raw));
		frame += is_frame(h->msg);
		struct msg *m = h->msg;
		h->msg = NULL;
		if (wanted)
			publish(s, m, h->raw);
		else
			msg_unref(&m);
	}
	release(s);
}

/* Everything that the new server had at once is there. `force`: the place is taken even if there
 * was no key frame; what was held so far is dropped then. */
static void close_splice(struct resume *s, bool force)
{
	uint32_t count;
	struct splice_mark *marks = marks_of(s, &count);
	int64_t live = clock_ms() + s->source->timeline.live_offset;
	struct splice_answer place =
		splice_find(&s->splice, marks, count, live, s->source->has_video);
	uint32_t raw = count ? (uint32_t)marks[0].ts : 0;
	bool found = place.same || place.start < count;
	free(marks);
	if ((!found && !force) || !open_splice(s))
		return;
	log_info("%s: %s", s->source->key,
		 place.same ? "the same encoder's stream goes on without a seam"
		 : found    ? "goes on at a key frame"
			    : "goes on without a key frame");
	take_place(s, &place, raw);
	publish_held(s, &place);
}

/* ---- what the pull does with it ---- */

void resume_begin(struct resume *s)
{
	release(s);
	s->open = false;
	s->skipping = false;
}

static void hold(struct resume *s, struct msg *m, uint32_t raw)
{
	if (!s->began_ms && is_frame(m))
		s->began_ms = clock_ms();
	vec_reserve(s->held, s->room, s->count + 1);
	s->held[s->count++] = (struct held){m, raw};
	s->bytes += m->n;
}

/* Nothing was shown yet: there is no place to look for, and no picture is waited for. */
static void open_first(struct resume *s)
{
	if (!open_splice(s))
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		struct held h = s->held[i];
		s->held[i].msg = NULL;
		publish(s, h.msg, h.raw);
	}
	release(s);
}

void resume_take(struct resume *s, struct msg *m, uint32_t raw)
{
	if (!s->open) {
		hold(s, m, raw);
		if (s->began_ms && !s->source->timeline.used)
			open_first(s);
		else if (s->count >= HELD_MAX || s->bytes >= HELD_BYTES_MAX)
			close_splice(s, true);
	} else if (is_old(s, m, raw)) {
		msg_unref(&m);
	} else {
		publish(s, m, raw);
	}
}

void resume_renew(struct resume *s)
{
	resume_forget(s);
	s->skipping = false;
	if (s->open)
		(void)open_splice(s);
}

static bool has_few(const struct resume *s)
{
	int n = 0;
	for (uint32_t i = 0; i < s->count && n < FEW; i++)
		n += is_frame(s->held[i].msg);
	return n < FEW;
}

void resume_look(struct resume *s)
{
	int64_t now = clock_ms(), age = now - s->began_ms;
	if (s->open || !s->began_ms || age < (has_few(s) ? FEW_MS : GATHER_MS) || now < s->look_ms)
		return;
	close_splice(s, age >= KEY_MS);
	/* Much that is held, and alike, takes long to compare: not all the time for that. */
	int64_t done = clock_ms();
	s->look_ms = done + LOOK_SHARE * (done - now);
}

int64_t resume_due(const struct resume *s)
{
	int64_t step = clock_ms() + STEP_MS;
	if (s->open || !s->began_ms)
		return CLOCK_NEVER;
	return s->look_ms > step ? s->look_ms : step;
}

void resume_end(struct resume *s)
{
	if (!s->open && s->began_ms)
		close_splice(s, false);
	release(s);
}

void resume_fini(struct resume *s)
{
	release(s);
	splice_fini(&s->splice);
}

void resume_forget(struct resume *s)
{
	splice_fini(&s->splice);
}
