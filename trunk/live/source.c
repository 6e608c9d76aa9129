#include "live/source.h"
#include "base/check.h"
#include "base/mem.h"
#include "live/source_parts.h"

#include <stdlib.h>
#include <utlist.h>

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
	s->log.backlog_ms = opts->backlog_ms;
	s->log.key_wait_ms = starts_wait_ms(&s->starts);
	timeline_init(&s->timeline, opts->jitter, opts->absolute_time);
	fanout_init(s);
	return s;
}

struct source *source_ref(struct source *s)
{
	s->refs++;
	return s;
}

/* ---- observers ---- */

static struct source_observer *first_observer(const struct source *s)
{
	return s->keeper ? s->keeper->observers : NULL;
}

static void begin_stream(struct source *s)
{
	bool resumed = s->is_on;
	struct source_observer *o, *after;
	s->is_on = true;
	DL_FOREACH_SAFE (first_observer(s), o, after)
		if (o->on_begin)
			o->on_begin(o, s, resumed);
}

static void tell_gap(struct source *s)
{
	struct source_observer *o, *after;
	DL_FOREACH_SAFE (first_observer(s), o, after)
		if (o->on_gap)
			o->on_gap(o, s);
}

static void end_stream(struct source *s)
{
	struct source_observer *o, *after;
	if (!s->is_on)
		return;
	s->is_on = false;
	DL_FOREACH_SAFE (first_observer(s), o, after)
		if (o->on_end)
			o->on_end(o, s);
}

/* ---- life ---- */

static void source_free(struct source *s)
{
	check(!s->feeder && !s->consumer_count && !s->wires && !s->packets);
	end_stream(s);
	if (s->keeper)
		s->keeper->on_free(s->keeper, s);
	timer_cancel(&s->grace);
	fanout_fini(s);
	msg_log_fini(&s->log);
	headers_unref(&s->headers);
	headers_unref(&s->former_headers);
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
	return s->feeder && s->log.has_start && !s->await_key;
}

void source_keep_from(struct source *s, int64_t ms)
{
	s->keep_from_ms = ms;
}

static void set_state(struct source *s, enum source_state state)
{
	s->state = state;
	s->since_ms = clock_ms();
}

/* Headers, kinds and facts are those of the feeder that is there: it may send less than the one before,
 * or something else. */
static void forget_facts(struct source *s)
{
	if (s->headers) {
		headers_unref(&s->former_headers);
		s->former_headers = s->headers;
		s->headers = NULL;
	}
	s->repeats = WIRE_ALL;
	s->is_encoder_time_told = false;
	s->has_audio = s->has_video = false;
	s->video = (struct video_info){0};
	s->audio = (struct audio_info){0};
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
	s->key_due_ms = 0;
	starts_begin(&s->starts);
	msg_log_begin(&s->log);
	forget_facts(s);
	set_state(s, SOURCE_LIVE);
	fanout_begin(s);
	if (former && former != feeder) {
		former->source = NULL;
		if (former->on_lost)
			former->on_lost(former);
	}
	begin_stream(s);
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
	tell_gap(s);
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
	source_forget_start(s);
	end_stream(s);
	fanout_wake_all(s);
}
