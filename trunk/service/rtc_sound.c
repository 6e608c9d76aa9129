#include "service/rtc_sound.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/au.h"
#include "live/source.h"
#include "sound/sound.h"

#include <stdlib.h>

#define OPUS CODEC_OPUS

/* ---- to Opus, for the players of a source ---- */

struct rtc_to_opus {
	struct packets_sound sound;
	struct packets *packets;
	struct sound_converter *converter;
};

static void on_opus(void *ctx, struct span frame, int64_t ts)
{
	struct packets *p = ctx;
	packets_put_opus(p, frame, ts);
	fanout_now(p->source);
}

static void take_sound(struct packets_sound *sound, const struct msg *m)
{
	sound_take(container_of(sound, struct rtc_to_opus, sound)->converter, m,
		   m->ts * SOUND_CLOCK);
}

static void free_sound(struct packets_sound *sound)
{
	struct rtc_to_opus *t = container_of(sound, struct rtc_to_opus, sound);
	sound_free(&t->converter);
	free(t);
}

static struct packets_sound *make_sound(struct packets *packets, uint32_t codec,
					const char **reason)
{
	struct server *server = packets->opts.sound_ctx;
	if (!sound_can(SOUND_OPUS, codec, reason))
		return NULL;
	struct rtc_to_opus *t = mem_new(struct rtc_to_opus);
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

struct aac_maker *rtc_aac_new(struct server *server, const char *name, int bitrate, struct co *co)
{
	const char *reason;
	struct aac_maker *maker = aac_maker_new(&(struct aac_maker_opts){.server = server,
									 .name = name,
									 .codec = OPUS,
									 .bitrate = bitrate,
									 .co = co},
						&reason);
	if (!maker)
		log_warn("%s has sound of Opus, which stays Opus for RTMP and HLS too: %s", name,
			 reason);
	return maker;
}

/* The twin has no header: those who take it know what Opus is. */
void rtc_aac_take(struct aac_maker *maker, struct msg **msg, uint32_t raw)
{
	struct au_walk w;
	struct au au;
	if ((*msg)->type != MSG_AUDIO)
		return;
	aac_maker_take(maker, *msg, raw);
	struct msg *twin = NULL;
	for (au_begin(&w, *msg); au_next(&w, &au);) {
		au.track = TRACK_TWIN;
		if (!au.is_header && !twin)
			twin = aac_maker_message(&au);
	}
	msg_unref(msg);
	*msg = twin;
}
