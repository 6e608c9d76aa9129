/* A coroutine that has a helper thread convert what has come, and hands out the result. */
#include "sound/sound.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/au.h"
#include "sound/convert.h"

#include <stdlib.h>

struct sound_item {
	struct msg *msg;
	int64_t ts;
};

struct sound_converter {
	int refs; /* its owner, its coroutine */
	bool is_closed;
	struct sound_opts opts;
	char *name;
	struct co *co;
	const struct converter *converter;
	void *state;
	struct sound_item queue[SOUND_QUEUE];
	unsigned head, tail;
	unsigned until; /* of this job */
	struct buf config;
	struct converted out;
	bool has_told_config, has_told_failure, has_told_loss;
};

#ifdef WITH_SOUND
#include "sound/libs.h"

static const char *load(void)
{
	return libs_load();
}

static const struct converter *converter_of(enum sound_form to)
{
	return to == SOUND_OPUS ? &convert_to_opus : &convert_to_aac;
}

bool sound_can(enum sound_form to, uint32_t codec, const char **reason)
{
	static const uint32_t decoded[] = {CODEC_AAC,  CODEC_MP3,  CODEC_AC3, CODEC_EAC3,
					   CODEC_FLAC, CODEC_ALAW, CODEC_ULAW};
	*reason = "there is no decoder for it";
	if (to == SOUND_AAC)
		return codec == CODEC_OPUS || codec == CODEC_ALAW || codec == CODEC_ULAW;
	for (size_t i = 0; i < sizeof(decoded) / sizeof(decoded[0]); i++)
		if (codec == decoded[i])
			return true;
	return false;
}
#else
static const char *load(void)
{
	return NULL;
}

static const struct converter *converter_of(enum sound_form to)
{
	(void)to;
	return NULL;
}

bool sound_can(enum sound_form to, uint32_t codec, const char **reason)
{
	(void)to;
	(void)codec;
	*reason = "this server was built without libavcodec and libopus";
	return false;
}
#endif

static void unref(struct sound_converter *s)
{
	if (--s->refs > 0)
		return;
	for (; s->head != s->tail; s->head++)
		msg_unref(&s->queue[s->head % SOUND_QUEUE].msg);
	if (s->state)
		s->converter->free(s->state);
	converted_free(&s->out);
	buf_free(&s->config);
	free(s->name);
	free(s);
}

/* ---- on a helper thread ---- */

static void convert_one(struct sound_converter *s, const struct sound_item *item)
{
	struct au_walk w;
	struct au au;
	for (au_begin(&w, item->msg); au_next(&w, &au);) {
		if (au.track != 0)
			continue;
		if (au.is_header) {
			buf_clear(&s->config);
			s->config.max = UINT16_MAX;
			buf_put(&s->config, au.data.p, au.data.n);
		} else if (au.data.n) {
			s->converter->take(s->state, au.codec, buf_span(&s->config), au.data,
					   item->ts, &s->out);
		}
	}
}

static void convert(void *arg)
{
	struct sound_converter *s = arg;
	const char *missing = load();
	if (missing) {
		s->out.failed = missing;
		return;
	}
	if (!s->state)
		s->state = s->converter->start(s->opts.bitrate);
	for (unsigned i = s->head; i != s->until; i++)
		convert_one(s, &s->queue[i % SOUND_QUEUE]);
}

/* ---- in its coroutine ---- */

static void hand_out(struct sound_converter *s)
{
	if (s->out.config.n && !s->has_told_config && s->opts.on_config && !s->is_closed)
		s->opts.on_config(s->opts.ctx, buf_span(&s->out.config));
	s->has_told_config |= s->out.config.n > 0;
	for (int i = 0; i < s->out.count && !s->is_closed; i++) {
		const struct converted_frame *f = &s->out.v[i];
		s->opts.on_frame(s->opts.ctx, span_of(s->out.bytes.p + f->off, f->n), f->ts);
	}
	converted_clear(&s->out);
	if (s->out.failed && !s->has_told_failure)
		log_warn("%s: its sound is not converted: %s", s->name, s->out.failed);
	s->has_told_failure |= s->out.failed != NULL;
	s->out.failed = NULL;
}

static void convert_queue(struct sound_converter *s)
{
	s->until = s->tail;
	co_offload(convert, s);
	for (; s->head != s->until; s->head++)
		msg_unref(&s->queue[s->head % SOUND_QUEUE].msg);
	hand_out(s);
}

static void sound_main(void *arg)
{
	struct sound_converter *s = arg;
	while (!s->is_closed) {
		if (s->head != s->tail)
			convert_queue(s);
		else if (co_wait(CLOCK_NEVER) == ERR_STOPPED)
			break;
	}
	s->co = NULL;
	unref(s);
}

/* ---- for its owner ---- */

struct sound_converter *sound_new(const struct sound_opts *opts)
{
	struct sound_converter *s = mem_new(struct sound_converter);
	s->refs = 2;
	s->opts = *opts;
	s->name = mem_strdup(opts->name);
	s->converter = converter_of(opts->to);
	s->co = s->converter ? co_start_in(opts->group, "sound", sound_main, s) : NULL;
	if (s->co)
		return s;
	s->refs = 1;
	unref(s);
	return NULL;
}

void sound_free(struct sound_converter **sound)
{
	struct sound_converter *s = *sound;
	*sound = NULL;
	if (!s)
		return;
	s->is_closed = true;
	if (s->co)
		co_wake(s->co);
	unref(s);
}

void sound_take(struct sound_converter *s, const struct msg *m, int64_t ts)
{
	if (!s->co)
		return;
	if (s->tail - s->head == SOUND_QUEUE) {
		if (!s->has_told_loss)
			log_warn("%s: sound is lost: the helper threads do not keep up with "
				 "converting it",
				 s->name);
		s->has_told_loss = true;
		return;
	}
	s->queue[s->tail++ % SOUND_QUEUE] =
		(struct sound_item){msg_ref((struct msg *)(uintptr_t)m), ts};
	co_wake(s->co);
}
