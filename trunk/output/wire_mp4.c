/* Continuous fragmented MP4, as a video element and media sources take it: a fragment per picture and
 * per frame of sound, so that nothing waits for the one after it. A receiver begins with an
 * initialization segment; where the tracks change another one stands in the stream. */
#include "base/mem.h"
#include "codec/mp4.h"
#include "codec/sample_clock.h"
#include "output/live_format.h"
#include "output/live_wire.h"

enum { TICKS = 90, MESSAGE_MAX = 64 << 20 };
enum { PICTURE_MS = 40, LONGEST_MS = 1000 }; /* while the distance of pictures is not known */

struct wire_mp4_state {
	struct live_wire wire;
	struct mp4_fragment fragment;
	struct sample_clock clock;
	bool is_new; /* the tracks have changed since the last initialization segment */
	int64_t picture_ms;
	uint32_t sequence;
};

static struct wire_mp4_state *of(struct live_wire *wire)
{
	return container_of(wire, struct wire_mp4_state, wire);
}

static size_t list_tracks(const struct live_tracks *t, const struct track *list[MP4_TRACKS])
{
	size_t n = 0;
	if (sample_fits_mp4(&t->video))
		list[n++] = &t->video;
	if (sample_fits_mp4(&t->audio))
		list[n++] = &t->audio;
	return n;
}

static void begin(struct live_wire *wire, bool in_stream)
{
	struct wire_mp4_state *s = of(wire);
	const struct track *list[MP4_TRACKS];
	size_t n = list_tracks(&wire->tracks, list);
	s->is_new = in_stream || s->sequence > 0;
	mp4_fragment_fini(&s->fragment);
	mp4_fragment_init(&s->fragment, list, n, MESSAGE_MAX);
	s->clock = (struct sample_clock){.rate = mp4_timescale(&wire->tracks.audio)};
}

/* How long the picture lasts is known with the next one; it will be as long as the one before. */
static uint32_t picture_duration(struct wire_mp4_state *s, int64_t dts)
{
	int64_t ms = s->picture_ms ? dts - s->picture_ms : PICTURE_MS;
	s->picture_ms = dts;
	return (uint32_t)((ms > 0 && ms <= LONGEST_MS ? ms : PICTURE_MS) * TICKS);
}

static void put(struct live_wire *wire, const struct track *t, const struct au *au)
{
	struct wire_mp4_state *s = of(wire);
	if (s->is_new) {
		const struct track *list[MP4_TRACKS];
		mp4_write_init(&wire->out, list, list_tracks(&wire->tracks, list));
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
		mp4_fragment_write(&s->fragment, &wire->out, ++s->sequence);
}

static const struct live_wire_ops ops = {.begin = begin, .put = put, .message_max = MESSAGE_MAX};

static size_t size(const struct wire_opts *opts, void *state, const struct msg *m)
{
	(void)opts;
	return live_wire_size(state, m, &ops);
}

static void learn(void *state, const struct headers *headers)
{
	live_wire_learn(state, headers, &ops);
}

/* Tracks by the receiver's headers, with facts that only frames have told where the codec is the same. */
static void greet(void *state, const struct headers *headers, struct buf *out)
{
	struct wire_mp4_state *s = state;
	struct live_tracks own = {0};
	const struct track *list[MP4_TRACKS];
	live_tracks_begin(&own, headers);
	struct live_tracks both = {
		.video = own.video.is_ready ? own.video : s->wire.tracks.video,
		.audio = own.audio.is_ready ? own.audio : s->wire.tracks.audio,
	};
	size_t n = list_tracks(&both, list);
	if (n > 0)
		mp4_write_init(out, list, n);
	live_tracks_free(&own);
}

static void fini(void *state)
{
	struct wire_mp4_state *s = state;
	mp4_fragment_fini(&s->fragment);
	live_wire_fini(&s->wire);
}

const struct wire_format wire_mp4 = {
	.name = "mp4",
	.state_size = sizeof(struct wire_mp4_state),
	.size = size,
	.render = live_wire_render,
	.learn = learn,
	.greet = greet,
	.fini = fini,
};
