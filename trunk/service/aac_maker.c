#include "service/aac_maker.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/au.h"
#include "sound/sound.h"

#include <stdlib.h>

/* A helper thread that was held up hands out at once all that the converter had queued, which is to fit: nobody takes
 * anything in between. */
enum { QUEUE_MAX = 4096, BODY_EXTRA = 16 };
#define AAC CODEC_AAC

struct made {
	struct msg *msg;
	uint32_t raw;
};

struct aac_maker {
	struct sound_converter *converter;
	struct co *co;
	char *name;
	struct made *queue;
	size_t head, count, room; /* taken so far, put so far */
	int64_t last_raw;
	bool has_told_loss;
};

struct msg *aac_maker_message(const struct au *au)
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

static void queue(struct aac_maker *maker, bool is_header, struct span data, int64_t raw)
{
	struct au au = {.type = MSG_AUDIO,
			.codec = AAC,
			.is_key = true,
			.is_header = is_header,
			.data = data};
	if (maker->count == QUEUE_MAX) {
		if (!maker->has_told_loss)
			log_warn("%s: sound is lost: nobody takes the %d frames of AAC that wait",
				 maker->name, (int)QUEUE_MAX);
		maker->has_told_loss = true;
		return;
	}
	struct msg *m = aac_maker_message(&au);
	if (!m)
		return;
	maker->last_raw = raw > maker->last_raw ? raw : maker->last_raw;
	vec_reserve(maker->queue, maker->room, maker->count + 1);
	maker->queue[maker->count++] = (struct made){m, (uint32_t)maker->last_raw};
	co_wake(maker->co);
}

static void on_config(void *ctx, struct span config)
{
	struct aac_maker *maker = ctx;
	queue(maker, true, config, maker->last_raw);
}

static void on_frame(void *ctx, struct span frame, int64_t ts)
{
	queue(ctx, false, frame, ts > 0 ? ts / SOUND_CLOCK : 0);
}

struct aac_maker *aac_maker_new(const struct aac_maker_opts *opts, const char **reason)
{
	struct aac_maker *maker = mem_new(struct aac_maker);
	maker->co = opts->co;
	maker->name = mem_strdup(opts->name);
	if (sound_can(SOUND_AAC, opts->codec, reason)) {
		*reason = "there is no memory for it";
		maker->converter = sound_new(&(struct sound_opts){
			.to = SOUND_AAC,
			.bitrate = opts->bitrate,
			.group = &opts->server->services,
			.name = opts->name,
			.on_frame = on_frame,
			.on_config = on_config,
			.ctx = maker,
		});
	}
	if (!maker->converter)
		aac_maker_free(&maker);
	return maker;
}

void aac_maker_free(struct aac_maker **maker)
{
	struct aac_maker *m = *maker;
	*maker = NULL;
	if (!m)
		return;
	sound_free(&m->converter);
	for (; m->head < m->count; m->head++)
		msg_unref(&m->queue[m->head].msg);
	free(m->queue);
	free(m->name);
	free(m);
}

void aac_maker_take(struct aac_maker *maker, const struct msg *msg, uint32_t raw)
{
	sound_take(maker->converter, msg, (int64_t)raw * SOUND_CLOCK);
}

bool aac_maker_next(struct aac_maker *maker, struct msg **msg, uint32_t *raw)
{
	if (maker->head == maker->count) {
		maker->head = maker->count = 0;
		return false;
	}
	*msg = maker->queue[maker->head].msg;
	*raw = maker->queue[maker->head++].raw;
	return true;
}
