#include "live/packets.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "live/source.h"

#include <stdlib.h>

enum {
	HISTORY_MS = 2000,
	START_MS = 12000, /* a key frame that is older is of no use to who joins */
	WARM_MS = 60,
	TWIN_MS = 1000,       /* without the twin of its sound, that is converted itself */
	TWIN_FIRST_MS = 200,  /* likewise at the beginning: the twin may come behind it */
	TWIN_BURST_MS = 2000, /* likewise, when all of that has come at once */
	AUDIO_DRIFT_MS =
		100, /* of times by samples from times by messages, then they are taken anew */
};
#define OPUS CODEC_OPUS

/* ---- codecs ---- */

/* Receivers have agreed on one: nothing of the former may be left. */
static void set_codec(struct packets *p, enum packet_track track, uint32_t codec)
{
	if (p->codecs[track] == codec)
		return;
	packet_ring_clear(&p->rings[track]);
	p->codecs[track] = codec;
}

/* ---- pictures ---- */

static void tell_order(struct packets *p)
{
	if (p->told_order)
		return;
	p->told_order = true;
	log_warn("%s has B-frames, which browsers cannot show by WebRTC: %s; set the encoder to "
		 "none "
		 "(x264: bframes=0, tune zerolatency)",
		 p->source->key,
		 p->reorders || p->opts.keep_bframe ? "they are sent, and the picture may judder"
						    : "they are left out");
}

/* A picture that is shown before one that was sent already. False: it is left out. */
static bool keep_reordered(struct packets *p, const struct au *au)
{
	if (!p->opts.keep_bframe && pack_is_droppable(au, p->video.form)) {
		p->bframes_dropped++;
		tell_order(p);
		return false;
	}
	p->bframes_kept++;
	p->reorders = true;
	tell_order(p);
	return true;
}

/* Times rise from picture to picture: receivers take equal ones for one picture. */
static int64_t next_video_ts(struct packets *p, const struct au *au)
{
	int64_t ts = (p->reorders ? au->dts : au->pts) * PACKETS_VIDEO_CLOCK;
	if (ts <= p->video_ts && p->rings[PACKETS_VIDEO].picture)
		ts = p->video_ts + 1;
	p->video_ts = ts;
	return ts;
}

static void put_picture(struct packets *p, const struct au *au)
{
	struct pack_opts opts = {
		.max = PACKETS_PAYLOAD_MAX,
		.form = p->video.form,
		.record = buf_span(&p->video.record),
		.keep_sei = p->opts.keep_sei,
	};
	set_codec(p, PACKETS_VIDEO, au->codec);
	if (!pack_video(&p->payloads, au, &opts))
		return;
	if (!packet_ring_append(&p->rings[PACKETS_VIDEO], &p->payloads, next_video_ts(p, au),
				au->is_key, clock_ms()))
		p->await_key = true;
}

static void tell_codec(struct packets *p, uint32_t codec)
{
	if (!p->told_codec)
		log_warn("%s has video of a codec that WebRTC has no place for: %s", p->source->key,
			 codec_name(codec));
	p->told_codec = true;
}

static void take_video(struct packets *p, const struct au *au)
{
	track_take(&p->video, au);
	if (au->is_header || au->track != 0)
		return;
	if (!pack_knows(au->codec)) {
		tell_codec(p, au->codec);
		return;
	}
	if (au->is_key) {
		p->await_key = false;
		p->shown_ms = au->pts;
	}
	if (p->await_key || !track_fits(&p->video, au))
		return;
	if (au->pts < p->shown_ms && !keep_reordered(p, au))
		return;
	p->shown_ms = au->pts > p->shown_ms ? au->pts : p->shown_ms;
	put_picture(p, au);
}

/* ---- sound ---- */

void packets_put_opus(struct packets *p, struct span packet, int64_t ts)
{
	struct payload one = {0, (uint16_t)packet.n};
	struct payloads all = {.bytes = {.p = (uint8_t *)(uintptr_t)packet.p, .n = packet.n},
			       .v = &one,
			       .count = 1};
	if (packet.n == 0 || packet.n > PACKETS_PAYLOAD_MAX)
		return;
	set_codec(p, PACKETS_AUDIO, OPUS);
	(void)packet_ring_append(&p->rings[PACKETS_AUDIO], &all, ts, false, clock_ms());
}

/* By samples: times of messages are rounded, and receivers hear that. */
static void take_opus(struct packets *p, const struct au *au)
{
	unsigned samples = opus_samples(au->data);
	int64_t ts = au->dts * PACKETS_AUDIO_CLOCK, off = ts - p->audio_ts;
	if (!samples)
		return;
	if (!p->audio_ts || off > AUDIO_DRIFT_MS * PACKETS_AUDIO_CLOCK ||
	    off < -AUDIO_DRIFT_MS * PACKETS_AUDIO_CLOCK)
		p->audio_ts = ts;
	packets_put_opus(p, au->data, p->audio_ts);
	p->audio_ts += samples;
}

static void drop_sound(struct packets *p)
{
	if (p->sound)
		p->sound->free(p->sound);
	p->sound = NULL;
	p->sound_codec = 0;
}

/* What was there before anybody listened would come at once, and a player that gets a second of sound at once is
 * late by a second. A little of it, for decoders. */
static bool is_of_before(const struct packets *p, const struct msg *m)
{
	return p->reader.seq <= p->opened_at && m->ts + WARM_MS < p->opened_ts;
}

/* What was published meanwhile may have brought another header: that comes again. */
static void begin_sound(struct packets *p, const struct msg *m, uint32_t codec)
{
	const char *reason = "this server was built without a converter";
	drop_sound(p);
	p->sound_codec = codec;
	if (p->opts.make_sound)
		p->sound = p->opts.make_sound(p, codec, &reason);
	if (!p->sound)
		log_warn("%s has sound of %s, which browsers cannot play by WebRTC, and stays "
			 "silent there: %s",
			 p->source->key, codec_name(codec), reason);
	const struct headers *headers = p->source->headers;
	for (int i = 0; p->sound && headers && i < headers->count; i++)
		if (headers->v[i]->type == MSG_AUDIO &&
		    headers->v[i]->frame.track == m->frame.track)
			p->sound->take(p->sound, headers->v[i]);
}

/* Whether this sound comes without a twin. Of the two either may be the first of a stream, or behind a gap; and what
 * a converter had kept, while it was loaded, comes all at once. */
static bool is_alone(struct packets *p, const struct msg *m)
{
	if (p->twin_ms)
		return m->ts - p->twin_ms > TWIN_MS;
	if (!p->plain_ms || m->ts < p->plain_ms) {
		p->plain_ms = m->ts;
		p->plain_since_ms = clock_ms();
	}
	bool waited = clock_ms() - p->plain_since_ms >= TWIN_FIRST_MS;
	return m->ts - p->plain_ms >= (waited ? TWIN_FIRST_MS : TWIN_BURST_MS);
}

/* A header waits among those of the source until a frame shows that the sound has to be converted. */
static void convert(struct packets *p, const struct msg *m, uint32_t codec)
{
	bool goes_on = p->sound_codec == codec;
	if (!goes_on && !m->frame.is_header && is_alone(p, m))
		begin_sound(p, m, codec);
	if (p->sound && p->sound_codec == codec && (m->frame.is_header || !is_of_before(p, m)))
		p->sound->take(p->sound, m);
}

static void take_audio(struct packets *p, const struct msg *m, const struct au *au)
{
	bool is_twin = au->track == TRACK_TWIN;
	if ((au->track != 0 && !is_twin) || !au->codec)
		return;
	if (is_twin)
		p->twin_ms = m->ts;
	if (au->codec != OPUS) {
		convert(p, m, au->codec);
		return;
	}
	drop_sound(p);
	if (!au->is_header)
		take_opus(p, au);
}

/* ---- the log ---- */

static void take(struct packets *p, const struct msg *m)
{
	struct au_walk w;
	struct au au;
	for (au_begin(&w, m); au_next(&w, &au);) {
		if (au.type == MSG_VIDEO) {
			au.is_key |= au.track == 0 && m->frame.is_key; /* recovery points too */
			take_video(p, &au);
		} else {
			take_audio(p, m, &au);
		}
	}
}

static void begin_anew(struct packets *p, const struct headers *headers, uint64_t lost)
{
	p->await_key = lost > 0;
	for (int i = 0; i < headers->count; i++)
		take(p, headers->v[i]);
}

void packets_pull(struct packets *p)
{
	struct reading got;
	bool any = false;
	while (reader_next(&p->reader, &got)) {
		if (got.headers)
			begin_anew(p, got.headers, got.lost);
		else if (got.lost)
			p->await_key = true;
		take(p, got.msg);
		any = true;
	}
	if (!any)
		return;
	int64_t now = clock_ms();
	packet_ring_trim(&p->rings[PACKETS_AUDIO], now, HISTORY_MS, 0);
	packet_ring_trim(&p->rings[PACKETS_VIDEO], now, HISTORY_MS, START_MS);
}

int64_t packets_now(const struct packets *p)
{
	return clock_ms() + p->source->timeline.live_offset;
}

/* ---- users ---- */

struct packets *packets_open(struct source *source, const struct packets_opts *opts)
{
	struct packets *p = source->packets;
	if (!p) {
		p = mem_new(struct packets);
		p->source = source;
		p->opts = *opts;
		p->await_key = true;
		p->opened_at = source->log.next;
		p->opened_ts = source->log.head_ts;
		reader_open(&p->reader, source,
			    &(struct reader_opts){.from_start = true, .with_twin = true});
		source->packets = p;
	}
	p->users++;
	return p;
}

void packets_close(struct packets **packets)
{
	struct packets *p = *packets;
	*packets = NULL;
	if (!p || --p->users > 0)
		return;
	drop_sound(p);
	p->source->packets = NULL;
	reader_close(&p->reader);
	for (int i = 0; i < PACKETS_TRACKS; i++)
		packet_ring_fini(&p->rings[i]);
	track_free(&p->video);
	payloads_free(&p->payloads);
	free(p);
}
