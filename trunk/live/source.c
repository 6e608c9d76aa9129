#include "live/source.h"
#include "base/check.h"
#include "base/mem.h"
#include "live/fanout.h"

#include <stdlib.h>
#include <string.h>

enum {
	GOP_BYTES_MAX = 64 << 20, /* a publisher without key frames costs no more */
	AUDIO_RUN_MAX = 115,      /* about three seconds: the pictures have stopped */
};

static void on_grace(struct timer *timer)
{
	source_finish(container_of(timer, struct source, grace));
}

struct source *source_new(const char *key, const char *vhost, const char *app, const char *stream,
			  const struct source_opts *opts)
{
	struct source *s = mem_new(struct source);
	s->refs = 1;
	s->key = mem_strdup(key);
	s->vhost = mem_strdup(vhost);
	s->app = mem_strdup(app);
	s->stream = mem_strdup(stream);
	s->opts = *opts;
	s->since_ms = clock_ms();
	s->grace.fn = on_grace;
	timeline_init(&s->timeline, opts->jitter, opts->absolute_time);
	fanout_init(s);
	return s;
}

struct source *source_ref(struct source *s)
{
	s->refs++;
	return s;
}

static void gop_clear(struct source *s)
{
	for (uint32_t i = 0; i < s->gop_count; i++)
		msg_unref(&s->gop[i]);
	s->gop_count = 0;
	s->gop_bytes = 0;
	s->gop_valid = false;
	headers_unref(&s->gop_headers);
}

static void gop_forget(struct source *s)
{
	gop_clear(s);
	for (int i = 0; i < 2; i++)
		if (s->wires[i])
			wire_forget_gop(s->wires[i]);
}

static void source_free(struct source *s)
{
	check(!s->feeder && !s->consumer_count);
	if (s->on_free)
		s->on_free(s);
	timer_cancel(&s->grace);
	fanout_fini(s);
	gop_clear(s);
	free(s->gop);
	headers_unref(&s->headers);
	free(s->key);
	free(s->vhost);
	free(s->app);
	free(s->stream);
	free(s);
}

void source_unref(struct source **source)
{
	struct source *s = *source;
	*source = NULL;
	if (s && --s->refs == 0)
		source_free(s);
}

bool source_is_live(const struct source *s)
{
	return s->state == SOURCE_LIVE;
}

int64_t source_players(const struct source *s)
{
	return s->player_count + s->behind;
}

bool source_is_published(const struct source *s)
{
	return s->feeder && s->feeder->kind == FEEDER_PUBLISHER;
}

bool source_has_own_gop(const struct source *s)
{
	return s->feeder && s->gop_valid && !s->await_key;
}

static void set_state(struct source *s, enum source_state state)
{
	s->state = state;
	s->since_ms = clock_ms();
}

bool source_begin(struct source *s, struct feeder *feeder)
{
	struct feeder *former = s->feeder;
	if (feeder->kind == FEEDER_RELAY && source_is_published(s))
		return false;
	s->feeder = feeder;
	feeder->source = s;
	timer_cancel(&s->grace);
	timeline_begin(&s->timeline);
	s->await_key = true;
	s->carried = WIRE_ALL;
	set_state(s, SOURCE_LIVE);
	fanout_begin(s);
	if (former && former != feeder) {
		former->source = NULL;
		if (former->on_lost)
			former->on_lost(former);
	}
	return true;
}

void source_anchor(struct source *s, uint32_t raw, int64_t mapped)
{
	timeline_anchor(&s->timeline, raw, mapped);
	s->await_key = false;
}

void source_leave(struct source *s, struct feeder *feeder, int64_t grace_ms)
{
	if (s->feeder != feeder)
		return;
	s->feeder = NULL;
	feeder->source = NULL;
	set_state(s, SOURCE_GAP);
	s->gaps++;
	if (grace_ms <= 0)
		source_finish(s);
	else
		timer_set(&s->grace, clock_ms() + grace_ms);
	fanout_wake_all(s);
}

void source_finish(struct source *s)
{
	timer_cancel(&s->grace);
	if (s->state != SOURCE_IDLE && !s->feeder)
		set_state(s, SOURCE_IDLE);
	s->ends++;
	gop_forget(s);
	fanout_wake_all(s);
}

/* ---- publishing ---- */

static bool same_payload(const struct msg *a, const struct msg *b)
{
	return a && a->n == b->n && memcmp(a->payload, b->payload, a->n) == 0;
}

/* Keeps a header; false when it only repeats what every consumer has. */
static bool take_header(struct source *s, struct msg *m)
{
	bool repeated = same_payload(headers_find(s->headers, m), m);
	if (repeated && (s->opts.reduce_headers || s->carried & wire_kind(m)))
		return false;
	if (!headers_put(&s->headers, m))
		return true; /* passed on, but not kept for who comes later */
	if (m->type == MSG_VIDEO && m->frame.track == 0 && m->frame.is_header)
		video_info_read(&s->video, msg_span(m));
	if (m->type == MSG_AUDIO && m->frame.track == 0 && m->frame.is_header)
		audio_info_read(&s->audio, msg_span(m));
	return true;
}

/* Adds the message to the GOP cache; true when one can start at it. */
static bool gop_take(struct source *s, struct msg *m)
{
	bool starts = m->type == MSG_VIDEO && m->frame.is_key && s->opts.gop_cache;
	if (m->type == MSG_VIDEO)
		s->audio_run = 0;
	else if (m->type == MSG_AUDIO && ++s->audio_run > AUDIO_RUN_MAX && s->gop_valid)
		gop_forget(s);
	if (starts) {
		gop_clear(s);
		s->gop_valid = true;
		s->gop_headers = headers_ref(s->headers);
	}
	if (!s->gop_valid)
		return false;
	size_t cost = sizeof(*m) + m->n; /* empty messages cost too */
	if (s->gop_bytes + cost > GOP_BYTES_MAX ||
	    (s->opts.gop_max_messages > 0 && s->gop_count >= (uint32_t)s->opts.gop_max_messages)) {
		gop_forget(s);
		return false;
	}
	if (s->gop_count == s->gop_room) {
		s->gop_room = s->gop_room ? s->gop_room * 2 : 64;
		s->gop = mem_realloc(s->gop, s->gop_room * sizeof(s->gop[0]));
	}
	s->gop[s->gop_count++] = msg_ref(m);
	s->gop_bytes += cost;
	return starts;
}

static void note_facts(struct source *s, const struct msg *m, int64_t now)
{
	s->recv_bytes += m->n;
	s->messages++;
	if (m->type == MSG_VIDEO && m->frame.is_coded) {
		s->video_frames++;
		s->video_ms = now;
		if (!s->video.codec)
			video_info_read(&s->video, msg_span(m));
	} else if (m->type == MSG_AUDIO && !s->audio.codec) {
		audio_info_read(&s->audio, msg_span(m));
	}
	s->has_audio |= m->type == MSG_AUDIO;
	s->has_video |= m->type == MSG_VIDEO;
}

/* After a change of feeder, pictures that refer to ones nobody has are dropped. */
static bool is_half_gop(struct source *s, const struct msg *m)
{
	if (!s->await_key || m->type != MSG_VIDEO || headers_wants(m))
		return false;
	if (m->frame.is_key)
		s->await_key = false;
	return s->await_key;
}

/* Headers often carry a time of zero, which says nothing about the clock. They stand with the
 * last message of their kind; there may be none for a long time of data. */
static int64_t header_time(struct timeline *tl, int kind)
{
	if (kind == TIMELINE_DATA && (tl->last[kind] < tl->max || timeline_is_raw(tl)))
		tl->last[kind] = tl->max;
	return tl->last[kind];
}

bool source_publish(struct source *s, const struct feeder *feeder, struct msg **msg, uint32_t raw)
{
	struct msg *m = *msg;
	*msg = NULL;
	int64_t now = clock_ms();
	if (m->type == MSG_VIDEO)
		m->frame = frame_of_video(msg_span(m));
	else if (m->type == MSG_AUDIO)
		m->frame = frame_of_audio(msg_span(m));
	bool header = headers_wants(m);
	if (s->feeder != feeder || is_half_gop(s, m) || (header && !take_header(s, m))) {
		msg_unref(&m);
		return false;
	}
	if (!header)
		s->carried &= (uint8_t)~wire_kind(m);
	int kind = wire_kind(m) >> 1;
	m->ts = header ? header_time(&s->timeline, kind)
		       : timeline_map(&s->timeline, kind, raw, now);
	bool starts = gop_take(s, m);
	for (int i = 0; i < 2; i++)
		if (s->wires[i])
			wire_append(s->wires[i], m, starts, s->headers, now);
	note_facts(s, m, now);
	fanout_published(s, m, now);
	msg_unref(&m);
	return true;
}
