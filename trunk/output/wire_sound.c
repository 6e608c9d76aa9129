/* Sound alone: AAC behind ADTS headers, and MP3 as it is. Frames of other codecs are left out. */
#include "output/live_format.h"
#include "output/live_wire.h"

enum { MESSAGE_MAX = 1 << 20 };

static void put_aac(struct live_wire *s, const struct track *t, const struct au *au)
{
	if (au->codec == CODEC_AAC && aac_fits_adts(&t->aac))
		aac_write_adts(&s->out, &t->aac, au->data);
}

static void put_mp3(struct live_wire *s, const struct track *t, const struct au *au)
{
	(void)t;
	if (au->codec == CODEC_MP3)
		buf_put(&s->out, au->data.p, au->data.n);
}

static const struct live_wire_ops aac_ops = {
	.put = put_aac, .message_max = MESSAGE_MAX, .only = MSG_AUDIO};
static const struct live_wire_ops mp3_ops = {
	.put = put_mp3, .message_max = MESSAGE_MAX, .only = MSG_AUDIO};

static size_t aac_size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return live_wire_size(state, m, &aac_ops);
}

static size_t mp3_size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return live_wire_size(state, m, &mp3_ops);
}

static void learn(void *state, const struct headers *headers)
{
	live_wire_learn(state, headers, &aac_ops);
}

static void fini(void *state)
{
	live_wire_fini(state);
}

const struct wire_format wire_aac = {
	.name = "aac",
	.state_size = sizeof(struct live_wire),
	.size = aac_size,
	.render = live_wire_render,
	.learn = learn,
	.fini = fini,
};

const struct wire_format wire_mp3 = {
	.name = "mp3",
	.state_size = sizeof(struct live_wire),
	.size = mp3_size,
	.render = live_wire_render,
	.learn = learn,
	.fini = fini,
};
