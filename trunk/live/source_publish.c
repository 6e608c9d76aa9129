/* The path of a message that a feeder publishes: it is classified, put on the clock, kept for receivers
 * that join, rendered for those that are there. */
#include "codec/media_memory.h"
#include "live/source_parts.h"
#include "live/wire.h"

#include <string.h>
#include <utlist.h>

enum {
	GOP_BYTES_MAX = 64 << 20, /* a publisher without key frames costs no more */
	AUDIO_RUN_MAX = 115,      /* about three seconds: the pictures have stopped */
	TELLS_MAX = 256,          /* of the encoder's time, at once; */
	TELL_EVERY_MS = 250,      /* one more in this time */
};

/* ---- headers ---- */

static bool same_payload(const struct msg *a, const struct msg *b)
{
	return a && a->n == b->n && memcmp(a->payload, b->payload, a->n) == 0;
}

/* Some encoders send a sequence header without a record when they stop or change something. */
static bool is_empty_header(const struct msg *m)
{
	struct part_walk w;
	struct part part;
	if (!m->frame.is_header)
		return false;
	if (m->type == MSG_VIDEO)
		part_begin_video(&w, msg_span(m));
	else
		part_begin_audio(&w, msg_span(m));
	return part_default(&w, &part) && part.kind == PART_HEADER && !part.body.n;
}

/* The former feeder's header, which this one repeats: everybody has it who has not joined since. */
static bool is_known_repeat(const struct source *s, const struct msg *m)
{
	return s->repeats & wire_kind(m) && same_payload(headers_find(s->former_headers, m), m);
}

static void note_header(struct source *s, const struct msg *m)
{
	s->has_audio |= m->type == MSG_AUDIO;
	s->has_video |= m->type == MSG_VIDEO;
	if (!m->frame.is_header || m->frame.track != 0)
		return;
	if (m->type == MSG_AUDIO) {
		audio_info_read(&s->audio, msg_span(m));
	} else {
		video_info_read(&s->video, msg_span(m));
		starts_take_header(&s->starts, m);
	}
}

/* Keeps a header; false when it says nothing, or only repeats what every consumer has. */
static bool take_header(struct source *s, struct msg *m)
{
	if (is_empty_header(m))
		return false;
	if (s->opts.reduce_headers && same_payload(headers_find(s->headers, m), m))
		return false;
	/* Beyond the limits it is passed on, but not kept for who comes later. */
	if (headers_put(&s->headers, m))
		note_header(s, m);
	return !is_known_repeat(s, m);
}

/* ---- where receivers can begin ---- */

void source_forget_start(struct source *s)
{
	struct wire *w;
	msg_log_forget_start(&s->log);
	LL_FOREACH (s->wires, w)
		wire_forget_start(w);
}

/* The cache for receivers that join has limits, and goes when the pictures have stopped. */
static bool is_start_worn(const struct source *s)
{
	const struct msg_log *log = &s->log;
	int max = s->opts.gop_max_messages;
	return s->audio_run > AUDIO_RUN_MAX || log->start_bytes > GOP_BYTES_MAX ||
	       (max > 0 && log->next - log->start > (uint64_t)max);
}

/* True when one can begin to decode at the message. */
static bool take_start(struct source *s, const struct msg *m)
{
	if (m->type == MSG_VIDEO)
		s->audio_run = 0;
	else if (m->type == MSG_AUDIO)
		s->audio_run++;
	return m->type == MSG_VIDEO && m->frame.is_key && s->opts.gop_cache;
}

/* Since when the log keeps starts for servers that go on with the stream; 0: none but the newest. They are the first
 * to go when memory is short. */
static int64_t former_from(const struct source *s, int64_t now)
{
	int64_t from = s->keep_from_ms ? s->keep_from_ms : CLOCK_NEVER;
	bool young = s->feeder->is_moving && now - s->since_ms < SOURCE_YOUNG_MS;
	if (media_memory_state() != MEDIA_MEMORY_FREE)
		return 0;
	if (young && s->since_ms < from)
		from = s->since_ms;
	if (s->opts.resume_window_ms && now - s->opts.resume_window_ms < from)
		from = now - s->opts.resume_window_ms;
	return from == CLOCK_NEVER ? 0 : from;
}

static void append(struct source *s, struct msg *m, int64_t now)
{
	bool starts = take_start(s, m);
	struct wire *w;
	s->log.former_from_ms = former_from(s, now);
	if (m->frame.is_twin && !s->has_twin)
		source_begin_twin(s);
	msg_log_append(&s->log, m, starts, s->headers, now);
	LL_FOREACH (s->wires, w) {
		w->key_wait_ms = s->log.key_wait_ms;
		if (w->with_twin || !m->frame.is_twin)
			wire_append(w, m, starts, s->headers, now);
	}
	if (s->log.has_start && is_start_worn(s))
		source_forget_start(s);
}

/* ---- the encoder's time ---- */

/* What nobody was told is zero. */
static bool is_encoder_time_known(const struct source *s, const struct msg *m)
{
	struct encoder_time told = s->encoder_time;
	if (*encoder_time_of(&told, m) != m->raw - (uint32_t)m->ts)
		return false;
	return s->is_encoder_time_told || !(told.ahead[0] | told.ahead[1]);
}

/* A burst from a cache whose messages are pushed together has another sum for each, a track that stands still has one
 * without an end, and neither may cost more than the media. */
static bool may_tell(struct source *s, int64_t now)
{
	if (s->tells_until_ms > now + TELLS_MAX * TELL_EVERY_MS)
		return false;
	s->tells_until_ms = (s->tells_until_ms > now ? s->tells_until_ms : now) + TELL_EVERY_MS;
	return true;
}

/* The first word of a feeder may be what the one before has said. */
static void put_encoder_time(struct source *s, struct msg *said, int64_t now)
{
	bool has_been_said = !s->is_encoder_time_told && is_known_repeat(s, said);
	s->is_encoder_time_told = headers_put(&s->headers, said);
	if (!has_been_said)
		append(s, said, now);
}

/* Other servers hear of it before the first message that has another one. The times of most encoders are the source's,
 * and nothing is said. */
static void tell_encoder_time(struct source *s, const struct msg *m, int64_t now)
{
	if (m->type == MSG_DATA || m->frame.track || is_encoder_time_known(s, m) ||
	    !may_tell(s, now))
		return;
	struct encoder_time time = s->encoder_time;
	*encoder_time_of(&time, m) = m->raw - (uint32_t)m->ts;
	struct msg *said = encoder_time_write(&time);
	if (!said)
		return;
	s->encoder_time = time;
	said->ts = timeline_header(&s->timeline, TIMELINE_DATA, 0);
	put_encoder_time(s, said, now);
	msg_unref(&said);
}

/* ---- facts ---- */

static void note_facts(struct source *s, const struct msg *m, int64_t now)
{
	s->recv_bytes += m->n;
	if (m->type == MSG_VIDEO && m->frame.is_coded) {
		s->video_frames++;
		s->video_ms = now;
		if (!s->video.codec || (!s->video.width && m->frame.is_key))
			video_info_read(&s->video, msg_span(m));
	} else if (m->type == MSG_AUDIO && !m->frame.is_twin && !s->audio.codec) {
		audio_info_read(&s->audio, msg_span(m));
	}
	s->has_audio |= m->type == MSG_AUDIO;
	s->has_video |= m->type == MSG_VIDEO;
}

/* After a change of feeder, pictures that refer to ones nobody has are dropped, for a while. */
static bool is_half_gop(struct source *s, const struct msg *m, int64_t now)
{
	if (!s->await_key || m->type != MSG_VIDEO || headers_wants(m))
		return false;
	if (!s->key_due_ms)
		s->key_due_ms = now + starts_wait_ms(&s->starts);
	if (m->frame.is_key || now >= s->key_due_ms)
		s->await_key = false;
	return s->await_key;
}

static void note_starts(struct source *s, const struct msg *m)
{
	if (m->type != MSG_VIDEO || !m->frame.is_coded)
		return;
	starts_note(&s->starts, m, s->key);
	s->log.key_wait_ms = starts_wait_ms(&s->starts);
}

void source_fetch(const struct source *s)
{
	const struct wire *w;
	LL_FOREACH (s->wires, w)
		wire_fetch(w);
	msg_log_fetch(&s->log);
}

bool source_publish(struct source *s, const struct feeder *feeder, struct msg **msg, uint32_t raw)
{
	struct msg *m = *msg;
	*msg = NULL;
	int64_t now = clock_ms();
	msg_classify(m);
	m->frame.is_key = starts_is_one(&s->starts, m);
	bool header = headers_wants(m);
	if (s->feeder != feeder || is_half_gop(s, m, now) || (header && !take_header(s, m))) {
		msg_unref(&m);
		return false;
	}
	if (!header)
		s->repeats &= (uint8_t)~wire_kind(m);
	int kind = wire_kind(m) >> 1, track = m->frame.track;
	m->raw = m->has_raw ? m->raw : raw;
	m->ts = header ? timeline_header(&s->timeline, kind, track)
		       : timeline_map(&s->timeline, kind, track, raw, now);
	note_starts(s, m);
	if (!header)
		tell_encoder_time(s, m, now);
	append(s, m, now);
	note_facts(s, m, now);
	fanout_published(s, m, now);
	msg_unref(&m);
	if (s->keeper && media_memory_state() != MEDIA_MEMORY_FREE)
		s->keeper->on_tight(s->keeper);
	return true;
}
