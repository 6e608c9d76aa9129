#include "service/rtc_sound.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/au.h"
#include "live/source.h"
#include "sound/sound.h"

#include <stdlib.h>

enum { AAC_QUEUE = 64, BODY_EXTRA = 16 };
#define AAC FOURCC('m', 'p', '4', 'a')
#define OPUS FOURCC('O', 'p', 'u', 's')

/* ---- to Opus, for the players of a source ---- */

struct to_opus {
	struct packets_sound sound;
	struct packets *packets;
	struct sound *converter;
};

static void on_opus(void *ctx, struct span frame, int64_t ts)
{
	struct packets *p = ctx;
	packets_put_opus(p, frame, ts);
	fanout_now(p->source);
}

static void take_sound(struct packets_sound *sound, const struct msg *m)
{
	sound_take(container_of(sound, struct to_opus, sound)->converter, m, m->ts * SOUND_CLOCK);
}

static void free_sound(struct packets_sound *sound)
{
	struct to_opus *t = container_of(sound, struct to_opus, sound);
	sound_free(&t->converter);
	free(t);
}

static struct packets_sound *make_sound(struct packets *packets, uint32_t codec,
					const char **reason)
{
	struct server *server = packets->opts.sound_ctx;
	if (!sound_can(SOUND_OPUS, codec, reason))
		return NULL;
	struct to_opus *t = mem_new(struct to_opus);
	t->sound = (struct packets_sound){.take = take_sound, .free = free_sound};
	t->packets = packets;
	t->converter = sound_new(&(struct sound_opts){
		.to = SOUND_OPUS,
		.bitrate = packets->opts.sound_bitrate,
		.group = &server->services,
		.name = packets->source->key,
		.on_frame = on_opus,
		.ctx = packets,
	});
	if (t->converter)
		return &t->sound;
	*reason = "there is no memory for it";
	free(t);
	return NULL;
}

void rtc_sound_options(struct packets_opts *opts, struct server *server, int opus_bitrate)
{
	opts->make_sound = make_sound;
	opts->sound_ctx = server;
	opts->sound_bitrate = opus_bitrate;
}

/* ---- to AAC, for the stream of a publisher ---- */

struct rtc_aac {
	struct sound *converter;
	struct co *co;
	struct {
		struct msg *msg;
		uint32_t raw;
	} queue[AAC_QUEUE];
	unsigned head, tail;
	int64_t last_raw;
};

static struct msg *message_of(const struct au *au)
{
	struct buf body = {.max = au->data.n + BODY_EXTRA};
	struct msg *m = NULL;
	au_write(&body, au);
	if (buf_ok(&body))
		m = msg_new((enum msg_type)au->type, 0, body.n);
	if (m)
		memcpy(m->payload, body.p, body.n);
	buf_free(&body);
	return m;
}

static void queue(struct rtc_aac *aac, bool is_header, struct span data, int64_t raw)
{
	struct au au = {.type = MSG_AUDIO,
			.codec = AAC,
			.is_key = true,
			.is_header = is_header,
			.data = data};
	struct msg *m = aac->tail - aac->head < AAC_QUEUE ? message_of(&au) : NULL;
	if (!m)
		return;
	aac->last_raw = raw > aac->last_raw ? raw : aac->last_raw;
	aac->queue[aac->tail % AAC_QUEUE].msg = m;
	aac->queue[aac->tail++ % AAC_QUEUE].raw = (uint32_t)aac->last_raw;
	co_wake(aac->co);
}

static void on_config(void *ctx, struct span config)
{
	struct rtc_aac *aac = ctx;
	queue(aac, true, config, aac->last_raw);
}

static void on_aac(void *ctx, struct span frame, int64_t ts)
{
	queue(ctx, false, frame, ts > 0 ? ts / SOUND_CLOCK : 0);
}

struct rtc_aac *rtc_aac_new(const struct rtc_aac_opts *opts)
{
	const char *reason = "there is no memory for it";
	struct rtc_aac *aac = mem_new(struct rtc_aac);
	aac->co = opts->co;
	if (sound_can(SOUND_AAC, OPUS, &reason))
		aac->converter = sound_new(&(struct sound_opts){
			.to = SOUND_AAC,
			.bitrate = opts->bitrate,
			.group = &opts->server->services,
			.name = opts->name,
			.on_frame = on_aac,
			.on_config = on_config,
			.ctx = aac,
		});
	if (aac->converter)
		return aac;
	log_warn("%s has sound of Opus, which stays Opus for RTMP and HLS too: %s", opts->name,
		 reason);
	free(aac);
	return NULL;
}

void rtc_aac_free(struct rtc_aac **aac)
{
	struct rtc_aac *a = *aac;
	*aac = NULL;
	if (!a)
		return;
	sound_free(&a->converter);
	for (; a->head != a->tail; a->head++)
		msg_unref(&a->queue[a->head % AAC_QUEUE].msg);
	free(a);
}

/* The twin has no header: those who take it know what Opus is. */
void rtc_aac_take(struct rtc_aac *aac, struct msg **msg, uint32_t raw)
{
	struct au_walk w;
	struct au au;
	if ((*msg)->type != MSG_AUDIO)
		return;
	sound_take(aac->converter, *msg, (int64_t)raw * SOUND_CLOCK);
	struct msg *twin = NULL;
	for (au_begin(&w, *msg); au_next(&w, &au);) {
		au.track = TRACK_TWIN;
		if (!au.is_header && !twin)
			twin = message_of(&au);
	}
	msg_unref(msg);
	*msg = twin;
}

bool rtc_aac_next(struct rtc_aac *aac, struct msg **msg, uint32_t *raw)
{
	if (aac->head == aac->tail)
		return false;
	*msg = aac->queue[aac->head % AAC_QUEUE].msg;
	*raw = aac->queue[aac->head++ % AAC_QUEUE].raw;
	return true;
}
