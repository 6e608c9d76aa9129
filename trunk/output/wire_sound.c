/* Sound alone: AAC behind ADTS headers, and MP3 as it is. Frames of other codecs are left out. */
#include "output/live_format.h"
#include "output/live_tracks.h"

enum { MESSAGE_MAX = 1 << 20 };

struct state {
	struct live_tracks tracks;
	struct buf out;
};

static size_t gather(struct state *s, const struct msg *m, uint32_t codec)
{
	struct au_walk w;
	struct au au;
	s->out.max = MESSAGE_MAX;
	buf_clear(&s->out);
	for (au_begin(&w, m); au_next(&w, &au);) {
		if (au.type != MSG_AUDIO)
			return 0;
		live_tracks_take(&s->tracks, &au);
		if (au.codec != codec || !track_fits(&s->tracks.audio, &au))
			continue;
		if (codec == FOURCC('.', 'm', 'p', '3'))
			buf_put(&s->out, au.data.p, au.data.n);
		else if (aac_fits_adts(&s->tracks.audio.aac))
			aac_write_adts(&s->out, &s->tracks.audio.aac, au.data);
	}
	if (!buf_ok(&s->out))
		buf_free(&s->out);
	return s->out.n;
}

static size_t aac_size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return gather(state, m, FOURCC('m', 'p', '4', 'a'));
}

static size_t mp3_size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return gather(state, m, FOURCC('.', 'm', 'p', '3'));
}

static void render(const struct wire_opts *opts, void *state, const struct msg *m, struct buf *out)
{
	struct state *s = state;
	(void)opts;
	(void)m;
	buf_put(out, s->out.p, s->out.n);
}

static void learn(void *state, const struct headers *headers)
{
	struct state *s = state;
	live_tracks_begin(&s->tracks, headers);
}

static void fini(void *state)
{
	struct state *s = state;
	live_tracks_free(&s->tracks);
	buf_free(&s->out);
}

const struct wire_format wire_aac = {
	.name = "aac",
	.state_size = sizeof(struct state),
	.size = aac_size,
	.render = render,
	.learn = learn,
	.fini = fini,
};

const struct wire_format wire_mp3 = {
	.name = "mp3",
	.state_size = sizeof(struct state),
	.size = mp3_size,
	.render = render,
	.learn = learn,
	.fini = fini,
};
