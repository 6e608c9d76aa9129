#include "service/rtc_sender.h"
#include "base/fetch.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/rtp.h"
#include "live/source.h"
#include "service/rtc_sender_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
	BEHIND_MS = 1500, /* pictures that are older are not sent any more */
	REFUSED_MAX = 16, /* packets in a second: the line does not take it */
	SECOND_MS = 1000,
};

static const uint32_t rtc_codecs[] = {
	[RTC_CODEC_OPUS] = CODEC_OPUS, [RTC_CODEC_H264] = CODEC_AVC, [RTC_CODEC_H265] = CODEC_HEVC,
	[RTC_CODEC_AV1] = CODEC_AV1,   [RTC_CODEC_VP9] = CODEC_VP9,
};

struct tx_packet rtc_sender_packet(const struct packet *p, uint64_t index)
{
	return (struct tx_packet){.payload = packet_payload(p),
				  .index = index,
				  .picture = p->picture,
				  .ts = p->ts,
				  .marker = p->flags & PACKET_MARKER};
}

static bool has_track(const struct rtc_sender *s, enum packet_track track)
{
	return s->codecs[track] && s->packets->codecs[track] == s->codecs[track];
}

/* ---- sending ---- */

static void begin_window(struct rtc_sender *s, int64_t now)
{
	if (now - s->window_ms < SECOND_MS)
		return;
	s->window_ms = now;
	s->refused_now = 0;
	s->sent_now = s->repeated_now = 0;
}

/* The next packet of a track; false: the line has refused it. */
static bool send_one(struct rtc_sender *s, enum packet_track track, const struct packet *p)
{
	struct tx_packet packet = rtc_sender_packet(p, s->next[track]++);
	bool ok = tx_send(&s->tx[track], &packet, &s->out);
	if (!ok) {
		s->counts.refused++;
		s->refused_now++;
		return false;
	}
	s->counts.packets++;
	s->counts.bytes += (int64_t)p->n + RTP_HEADER;
	s->sent_now += p->n;
	s->packets->source->send_bytes += (int64_t)p->n + RTP_HEADER;
	return true;
}

static void begin_audio(struct rtc_sender *s, const struct packet *first, uint64_t index)
{
	if (first)
		tx_begin(&s->tx[PACKETS_AUDIO], &(struct tx_stretch){.index = index}, first->ts);
}

static void send_audio(struct rtc_sender *s)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_AUDIO];
	uint64_t *next = &s->next[PACKETS_AUDIO];
	if (!has_track(s, PACKETS_AUDIO))
		return;
	if (*next < ring->first || !s->tx[PACKETS_AUDIO].stretch_count) {
		*next = *next < ring->first ? ring->first : *next;
		begin_audio(s, packet_ring_at(ring, *next), *next);
	}
	while (*next < ring->next)
		(void)send_one(s, PACKETS_AUDIO, packet_ring_at(ring, *next));
}

/* The pictures that it has begun with are over; `p` is the next one. */
static void end_cached(struct rtc_sender *s, const struct packet *p)
{
	uint64_t next = s->next[PACKETS_VIDEO];
	s->video_end = UINT64_MAX;
	if (s->waits_after) {
		s->video_state = RTC_VIDEO_WAITS;
		s->await_from = next;
	} else {
		tx_begin(&s->tx[PACKETS_VIDEO], &(struct tx_stretch){.index = next}, p->ts);
	}
	s->waits_after = false;
}

static bool is_late(const struct rtc_sender *s, const struct packet *p, int64_t now)
{
	return s->video_end == UINT64_MAX && now - p->ms > BEHIND_MS;
}

/* Sends at most so many packets. */
static void send_video(struct rtc_sender *s, int most, int64_t now)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_VIDEO];
	uint64_t *next = &s->next[PACKETS_VIDEO];
	while (s->video_state == RTC_VIDEO_FLOWS && *next < ring->next && most > 0) {
		const struct packet *p = packet_ring_at(ring, *next);
		if (!p || is_late(s, p, now)) {
			rtc_sender_skip_video(s);
			break;
		}
		if (*next == s->video_end) {
			end_cached(s, p);
			if (s->video_state == RTC_VIDEO_WAITS)
				rtc_sender_begin_video(s);
			continue;
		}
		most--;
		if (!send_one(s, PACKETS_VIDEO, p) && s->refused_now > REFUSED_MAX) {
			rtc_sender_skip_video(s);
			break;
		}
	}
}

bool rtc_sender_pending(const struct rtc_sender *s)
{
	return s->packets && s->is_open && s->video_state == RTC_VIDEO_FLOWS &&
	       s->next[PACKETS_VIDEO] < s->packets->rings[PACKETS_VIDEO].next &&
	       has_track(s, PACKETS_VIDEO);
}

bool rtc_sender_has_sound(const struct rtc_sender *s)
{
	return s->packets && s->is_open &&
	       s->next[PACKETS_AUDIO] < s->packets->rings[PACKETS_AUDIO].next &&
	       has_track(s, PACKETS_AUDIO);
}

static bool on_pictures(struct rtc_paced *paced, int most, int64_t now)
{
	struct rtc_sender *s = container_of(paced, struct rtc_sender, paced);
	if (has_track(s, PACKETS_VIDEO))
		send_video(s, most, now);
	return rtc_sender_pending(s);
}

/* ---- its life ---- */

void rtc_sender_turn(struct rtc_sender *s)
{
	if (!s->packets || !s->is_open)
		return;
	int64_t now = clock_ms();
	begin_window(s, now);
	packets_pull(s->packets);
	send_audio(s);
	if (s->video_state != RTC_VIDEO_FLOWS && has_track(s, PACKETS_VIDEO))
		rtc_sender_begin_video(s);
	if (rtc_sender_pending(s))
		rtc_pacer_add(&s->paced, now);
	rtc_sender_report(s, now);
}

void rtc_sender_note_needs(struct rtc_sender *s, struct consumer *consumer,
			   const void *const way[static CONSUMER_WAY])
{
	const void *near[] = {s, (const char *)s + 2 * FETCH_LINE, &s->tx[PACKETS_AUDIO]};
	_Static_assert(sizeof(near) == sizeof(consumer->needs));
	memcpy(consumer->needs, near, sizeof(near));
	memcpy(consumer->way, way, sizeof(consumer->way));
	near[2] = &s->tx[PACKETS_VIDEO];
	memcpy(s->paced.needs, near, sizeof(near));
	memcpy(s->paced.needs + CONSUMER_NEEDS, way, sizeof(consumer->way));
}

static void begin_track(struct rtc_sender *s, enum packet_track track,
			const struct rtc_track *agreed)
{
	s->codecs[track] = rtc_codecs[agreed->codec];
	if (agreed->codec)
		tx_init(&s->tx[track], agreed);
}

struct rtc_sender *rtc_sender_new(const struct rtc_sender_opts *opts)
{
	struct rtc_sender *s = mem_new(struct rtc_sender);
	s->paced.send = on_pictures;
	s->opts = *opts;
	s->out = opts->out;
	s->video_end = UINT64_MAX;
	begin_track(s, PACKETS_AUDIO, &opts->media->audio);
	begin_track(s, PACKETS_VIDEO, &opts->media->video);
	return s;
}

void rtc_sender_free(struct rtc_sender **sender)
{
	if (!*sender)
		return;
	rtc_sender_leave(*sender);
	free(*sender);
	*sender = NULL;
}

/* Times go on by as much as has passed. */
static void rebase(struct rtc_sender *s)
{
	static const int clocks[] = {PACKETS_AUDIO_CLOCK, PACKETS_VIDEO_CLOCK};
	for (int i = 0; i < PACKETS_TRACKS; i++) {
		struct tx *tx = &s->tx[i];
		if (!tx->has_sent)
			continue;
		int64_t then = tx->last_ts + (1 + clock_ms() - s->left_ms) * clocks[i];
		tx_rebase(tx, then, packets_now(s->packets) * clocks[i]);
	}
}

void rtc_sender_join(struct rtc_sender *s, struct source *source)
{
	s->packets = packets_open(source, &s->opts.packets);
	packets_pull(s->packets);
	rebase(s);
	s->video_state = RTC_VIDEO_IDLE;
	s->next[PACKETS_AUDIO] = s->packets->rings[PACKETS_AUDIO].next;
	s->tx[PACKETS_AUDIO].stretch_count = 0;
	rtc_sender_turn(s);
}

void rtc_sender_leave(struct rtc_sender *s)
{
	rtc_pacer_remove(&s->paced);
	s->left_ms = clock_ms();
	packets_close(&s->packets);
}

void rtc_sender_open(struct rtc_sender *s)
{
	s->is_open = true;
	if (s->packets) {
		s->next[PACKETS_AUDIO] = s->packets->rings[PACKETS_AUDIO].next;
		rtc_sender_turn(s);
	}
}

const struct rtc_sender_counts *rtc_sender_counts(const struct rtc_sender *s)
{
	return &s->counts;
}

int64_t rtc_sender_rtt_ms(const struct rtc_sender *s)
{
	return s->rtt_ms;
}

int rtc_sender_loss(const struct rtc_sender *s)
{
	return s->loss;
}

int64_t rtc_sender_estimate(const struct rtc_sender *s)
{
	return s->estimate_kbps;
}

void rtc_sender_bframes(const struct rtc_sender *s, uint64_t *left_out, uint64_t *sent)
{
	*left_out = s->packets ? s->packets->bframes_dropped : 0;
	*sent = s->packets ? s->packets->bframes_kept : 0;
}
