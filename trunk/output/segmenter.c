#include "output/segmenter.h"
#include "base/vec.h"

#include <stdlib.h>

enum {
	JUMP_MS = 500,      /* the source's time says otherwise by so much: another run */
	BACK_MS = 1000,     /* audio and video are not in order, but not by that much */
	SILENCE_MS = 10000, /* nothing for so long is a break for a decoder */
	NUMBER_GRID = 64,
	SAME_RUN_MS = 3000, /* the clock of a run that goes on differs by no more after a restart */
	SAME_RUN_MORE = 3,  /* segments beyond the time between */
	CLOCK_STEPS = 1000, /* the clock follows by this part of a fragment at most */
};

void segmenter_init(struct segmenter *s, const struct segmenter_opts *opts, int64_t last_number)
{
	*s = (struct segmenter){.opts = *opts, .last_number = last_number};
}

void segmenter_fini(struct segmenter *s)
{
	segmenter_close(s);
	free(s->cut.units);
	track_free(&s->video);
	track_free(&s->audio);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static size_t kind_of(const struct msg *msg)
{
	return msg->type == MSG_AUDIO;
}

/* How far the encoder's time, without its wraps, is ahead of the source's. */
static int64_t offset_of(const struct segmenter *s, const struct msg *msg)
{
	size_t kind = kind_of(msg);
	if (!s->is_running)
		return msg->raw - msg->ts;
	int64_t guess = s->has_offset[kind] ? s->offsets[kind] : s->offset;
	return guess + (int32_t)(msg->raw - (uint32_t)(msg->ts + guess));
}

/* The time of a unit in the run: the encoder's own, unless this kind has a base of its own. */
static int64_t time_of(const struct segmenter *s, const struct msg *msg)
{
	int64_t offset = offset_of(s, msg);
	return msg->ts +
	       (llabs(offset - s->offset) > JUMP_MS && s->is_running ? s->offset : offset);
}

static bool has_jumped(const struct segmenter *s, const struct msg *msg)
{
	size_t kind = kind_of(msg);
	int64_t time = time_of(s, msg);
	if (!s->is_running)
		return false;
	if (s->has_offset[kind] && llabs(offset_of(s, msg) - s->offsets[kind]) > JUMP_MS)
		return true;
	return time < s->newest - BACK_MS || time > s->newest + SILENCE_MS;
}

static struct track *track_of(struct segmenter *s, const struct au *au)
{
	return au->type == MSG_VIDEO ? &s->video : &s->audio;
}

/* A header that is not the one that is known. */
static bool is_change(struct segmenter *s, const struct au *au)
{
	const struct track *t = track_of(s, au);
	if (!t->is_ready || !au->is_header)
		return false;
	return t->codec != au->codec || t->sent.n != au->data.n ||
	       (au->data.n && memcmp(t->sent.p, au->data.p, au->data.n) != 0);
}

static bool is_due(const struct segmenter *s, int64_t time)
{
	return floor_div(time, s->opts.fragment_ms) > floor_div(s->cut.begin, s->opts.fragment_ms);
}

/* Units at which a segment may begin: pictures, or sound where there are none. */
static bool can_begin(const struct segmenter *s, const struct au *au)
{
	return !s->video.is_ready || au->type == MSG_VIDEO;
}

static enum segment_end end_at(const struct segmenter *s, const struct au *au, int64_t time)
{
	bool is_key = can_begin(s, au) && au->is_key;
	bool is_late =
		time - s->cut.begin >= s->opts.longest_ms || s->cut.bytes > s->opts.bytes_max;
	if (is_key && is_due(s, time))
		return SEGMENT_AT_KEY;
	if (!s->opts.wait_key && can_begin(s, au) && is_due(s, time))
		return SEGMENT_AT_KEY;
	return is_late ? SEGMENT_BY_TIME : SEGMENT_GOES_ON;
}

int64_t segmenter_time(const struct segmenter *s, const struct msg *msg)
{
	return time_of(s, msg);
}

bool segmenter_can_begin(const struct segmenter *s, const struct au *au)
{
	const struct track *t = au->type == MSG_VIDEO ? &s->video : &s->audio;
	return au->track == 0 && track_fits(t, au) && can_begin(s, au);
}

bool segmenter_is_discontinuous(const struct segmenter *s)
{
	return s->cut.is_discontinuous || (s->sealed && s->sealed != s->configuration);
}

/* With this unit a track appears that the open segment cannot have any more. */
static bool comes_too_late(struct segmenter *s, const struct au *au)
{
	struct track probe = {0};
	if (!s->cut.is_fixed || track_of(s, au)->is_ready)
		return false;
	bool is_ready = track_take(&probe, au) && probe.is_ready;
	track_free(&probe);
	return is_ready;
}

/* A track that appears while a segment is open is in that segment from its beginning. */
static void seal(struct segmenter *s, int64_t end)
{
	s->cut.end = end;
	s->cut.is_discontinuous = segmenter_is_discontinuous(s);
	s->sealed = s->configuration;
}

enum segment_end segmenter_ends(struct segmenter *s, const struct msg *msg, const struct au *au)
{
	enum segment_end end = SEGMENT_GOES_ON;
	if (s->cut.count == 0 || au->track != 0)
		return end;
	if (is_change(s, au) || comes_too_late(s, au) || s->has_break ||
	    (!au->is_header && has_jumped(s, msg)))
		return segmenter_finish(s) ? SEGMENT_BY_CHANGE : end;
	if (track_fits(track_of(s, au), au))
		end = end_at(s, au, time_of(s, msg));
	if (end != SEGMENT_GOES_ON)
		seal(s, time_of(s, msg));
	return end;
}

void segmenter_close(struct segmenter *s)
{
	for (size_t i = 0; i < s->cut.count; i++)
		msg_unref(&s->cut.units[i].msg);
	s->cut.count = s->cut.bytes = 0;
}

void segmenter_break(struct segmenter *s)
{
	s->has_break = true;
}

bool segmenter_finish(struct segmenter *s)
{
	const struct cut *cut = &s->cut;
	if (cut->count == 0)
		return false;
	int64_t first[2] = {0}, last[2] = {0};
	size_t count[2] = {0};
	seal(s, cut->begin);
	for (size_t i = 0; i < cut->count; i++) {
		size_t kind = cut->units[i].au.type == MSG_AUDIO;
		last[kind] = cut->units[i].au.dts;
		first[kind] = count[kind]++ ? first[kind] : last[kind];
	}
	for (size_t kind = 0; kind < 2; kind++) {
		int64_t each = count[kind] > 1
				       ? (last[kind] - first[kind]) / (int64_t)(count[kind] - 1)
				       : 0;
		int64_t end = count[kind] ? last[kind] + each : s->cut.end;
		s->cut.end = end > s->cut.end ? end : s->cut.end;
	}
	return true;
}

/* The base of the first run: what its times lack to the wall clock, coarsely, so that whoever sees
 * this run comes to the same. Later runs go on where the one before has ended. */
/* By its clock, and since as many segments as it lacks fit into the time between. */
static bool goes_on(const struct segmenter *s, int64_t number, int64_t wall_ms)
{
	const struct segmenter_past *p = &s->past;
	int64_t most = p->number + SAME_RUN_MORE + (wall_ms - p->wall_ms) / s->opts.fragment_ms;
	return p->clock_ms && llabs(s->clock_ms - p->clock_ms) < SAME_RUN_MS &&
	       number >= p->number && number <= most;
}

static void begin_run(struct segmenter *s, int64_t time, int64_t wall_ms)
{
	int64_t k = floor_div(time, s->opts.fragment_ms);
	int64_t lacking = floor_div(wall_ms - time, s->opts.fragment_ms);
	s->base = floor_div(lacking + NUMBER_GRID / 2, NUMBER_GRID) * NUMBER_GRID;
	bool must_rise = s->past.is_old && s->base + k > s->past.number;
	s->clock_ms = wall_ms - time;
	if (s->last_number > 0)
		s->base = s->last_number + 1 - k;
	else if (s->past.number > 0 && !must_rise && !goes_on(s, s->base + k, wall_ms))
		s->base = s->past.number + 1 - k;
}

void segmenter_resume(struct segmenter *s, const struct segmenter_past *past)
{
	s->past = *past;
	s->has_break = true;
}

/* The clocks of encoders are not as good as those of servers: over days they come apart. What players are told follows
 * so slowly that they do not notice, and jitter does not show. */
static void follow_clock(struct segmenter *s, int64_t time, int64_t wall_ms)
{
	int64_t most = s->opts.fragment_ms / CLOCK_STEPS + 1, off = wall_ms - time - s->clock_ms;
	s->clock_ms += off > most ? most : off < -most ? -most : off;
}

static void open_cut(struct segmenter *s, const struct au *au, int64_t wall_ms)
{
	int64_t k = floor_div(au->dts, s->opts.fragment_ms), next = s->last_number + 1;
	follow_clock(s, au->dts, wall_ms);
	s->cut.begin = au->dts;
	s->cut.wall_ms = wall_ms > 0 ? au->dts + s->clock_ms : 0;
	s->cut.is_discontinuous = s->has_break;
	s->cut.is_independent = au->is_key;
	s->cut.is_fixed = false;
	s->cut.number = k + s->base;
	if (s->last_number > 0 &&
	    s->cut.number != next) { /* a fragment without a key frame, or cut in two */
		s->base += next - s->cut.number;
		s->cut.number = next;
	}
	s->last_number = s->cut.number;
	s->has_break = false;
}

static void append(struct segmenter *s, struct msg *msg, const struct au *au)
{
	vec_reserve(s->cut.units, s->cut.room, s->cut.count + 1);
	s->cut.units[s->cut.count++] = (struct unit){.msg = msg_ref(msg), .au = *au};
	s->cut.bytes += msg->n;
}

void segmenter_add(struct segmenter *s, struct msg *msg, const struct au *au, int64_t wall_ms)
{
	if (au->track != 0)
		return;
	if (track_take(track_of(s, au), au))
		s->configuration++;
	if (!track_fits(track_of(s, au), au))
		return;
	bool is_new_run = !s->is_running || has_jumped(s, msg);
	s->has_break |= is_new_run && s->is_running;
	if (is_new_run)
		s->is_running = s->has_offset[0] = s->has_offset[1] = false;
	int64_t offset = offset_of(s, msg), time = time_of(s, msg);
	struct au own = *au;
	own.dts = time;
	own.pts = time + (au->pts - au->dts);
	if (is_new_run) {
		begin_run(s, time, wall_ms);
		s->is_waiting = true;
		s->newest = time;
	}
	/* The run's offset follows the first kind that was seen. */
	s->offset = is_new_run || llabs(offset - s->offset) <= JUMP_MS ? offset : s->offset;
	s->offsets[kind_of(msg)] = offset;
	s->has_offset[kind_of(msg)] = s->is_running = true;
	s->newest = time > s->newest ? time : s->newest;
	/* With pictures a run begins with a key frame. */
	bool is_key = s->opts.any_start || (au->type == MSG_VIDEO && au->is_key);
	if (s->is_waiting && s->video.is_ready && !is_key)
		return;
	if (s->cut.count == 0)
		open_cut(s, &own, wall_ms);
	s->is_waiting = false;
	append(s, msg, &own);
}
