/* Continuous fragmented MP4, as a video element and media sources take it: a fragment per picture and
 * per frame of sound, so that nothing waits for the one after it. A receiver begins with an
 * initialization segment; where the tracks change another one stands in the stream. */
#include "codec/mp4.h"
#include "codec/sample_clock.h"
#include "output/live_format.h"
#include "output/live_tracks.h"

enum { TICKS = 90, MESSAGE_MAX = 64 << 20 };
enum { PICTURE_MS = 40, LONGEST_MS = 1000 }; /* while the distance of pictures is not known */

struct state {
	struct live_tracks tracks;
	struct mp4_fragment fragment;
	struct sample_clock clock;
	bool is_new; /* the tracks have changed since the last initialization segment */
	int64_t picture_ms;
	uint32_t sequence;
	struct buf out;
};

static size_t list_tracks(const struct live_tracks *t, const struct track *list[MP4_TRACKS])
{
	size_t n = 0;
	if (sample_fits_mp4(&t->video))
		list[n++] = &t->video;
	if (sample_fits_mp4(&t->audio))
		list[n++] = &t->audio;
	return n;
}

static void begin(struct state *s)
{
	const struct track *list[MP4_TRACKS];
	size_t n = list_tracks(&s->tracks, list);
	mp4_fragment_fini(&s->fragment);
	mp4_fragment_init(&s->fragment, list, n, MESSAGE_MAX);
	s->clock = (struct sample_clock){.rate = mp4_timescale(&s->tracks.audio)};
}

/* How long the picture lasts is known with the next one; it will be as long as the one before. */
static uint32_t picture_duration(struct state *s, int64_t dts)
{
	int64_t ms = s->picture_ms ? dts - s->picture_ms : PICTURE_MS;
	s->picture_ms = dts;
	return (uint32_t)((ms > 0 && ms <= LONGEST_MS ? ms : PICTURE_MS) * TICKS);
}

static void put(struct state *s, const struct au *au)
{
	const struct track *t = live_track(&s->tracks, au);
	if (s->is_new) {
		const struct track *list[MP4_TRACKS];
		mp4_write_init(&s->out, list, list_tracks(&s->tracks, list));
		s->is_new = false;
	}
	if (au->type == MSG_VIDEO) {
		mp4_fragment_add(&s->fragment, 0, au, au->dts * TICKS,
				 (int32_t)(au->pts - au->dts) * TICKS,
				 picture_duration(s, au->dts));
	} else {
		unsigned samples = track_samples(t, au->data);
		mp4_fragment_add(&s->fragment, s->fragment.tracks - 1, au,
				 sample_clock_map(&s->clock, au->dts, samples), 0, samples);
	}
	if (!mp4_fragment_is_empty(&s->fragment))
		mp4_fragment_write(&s->fragment, &s->out, ++s->sequence);
}

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	struct state *s = state;
	struct au_walk w;
	struct au au;
	(void)opts;
	s->out.max = MESSAGE_MAX;
	buf_clear(&s->out);
	for (au_begin(&w, m); au_next(&w, &au);) {
		if (live_tracks_take(&s->tracks, &au)) {
			s->is_new = true;
			begin(s);
		}
		if (track_fits(live_track(&s->tracks, &au), &au))
			put(s, &au);
	}
	if (!buf_ok(&s->out))
		buf_free(&s->out);
	return s->out.n;
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
	if (!live_tracks_begin(&s->tracks, headers))
		return;
	s->is_new = s->sequence > 0;
	begin(s);
}

/* What the receiver's headers say, and what only frames have said where it is the same codec. */
static void greet(void *state, const struct headers *headers, struct buf *out)
{
	struct state *s = state;
	struct live_tracks own = {0};
	const struct track *list[MP4_TRACKS];
	live_tracks_begin(&own, headers);
	struct live_tracks both = {
		.video = own.video.is_ready ? own.video : s->tracks.video,
		.audio = own.audio.is_ready ? own.audio : s->tracks.audio,
	};
	size_t n = list_tracks(&both, list);
	if (n > 0)
		mp4_write_init(out, list, n);
	live_tracks_free(&own);
}

static void fini(void *state)
{
	struct state *s = state;
	mp4_fragment_fini(&s->fragment);
	live_tracks_free(&s->tracks);
	buf_free(&s->out);
}

const struct wire_format wire_mp4 = {
	.name = "mp4",
	.state_size = sizeof(struct state),
	.size = size,
	.render = render,
	.learn = learn,
	.greet = greet,
	.fini = fini,
};
