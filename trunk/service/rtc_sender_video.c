/* How a player comes to its pictures: at the beginning, after some were left out, when it cannot decode. */
#include "base/log.h"
#include "live/source.h"
#include "service/rtc_sender_parts.h"

enum {
	PRESSED_MS = 3000, /* pictures since a key frame that is not older are all sent */
	FRESH_MS =
		1000, /* where another key frame can be asked for, one that is not older is used */
	PICTURE_TS = 90 * 33, /* between pictures, when it is not known */
	STEP_TS = 90,         /* between pictures whose times are pressed together */
	KEY_EVERY_MS = 1000,  /* a player gets no more key frames out of turn */
};

static uint64_t end_of_picture(const struct packet_ring *ring, uint64_t index)
{
	const struct packet *p;
	while ((p = packet_ring_at(ring, index++)))
		if (p->flags & PACKET_MARKER)
			break;
	return index;
}

static void start_stretch(struct rtc_sender *s, const struct tx_stretch *stretch)
{
	const struct packet *first =
		packet_ring_at(&s->packets->rings[PACKETS_VIDEO], stretch->index);
	tx_begin(&s->tx[PACKETS_VIDEO], stretch, first->ts);
	s->next[PACKETS_VIDEO] = stretch->index;
	s->video_state = RTC_VIDEO_FLOWS;
	s->key_ms = clock_ms();
}

/* From a key frame that has just come: with the times it has. */
static void flow_from(struct rtc_sender *s, uint64_t index)
{
	s->video_end = UINT64_MAX;
	s->waits_after = false;
	start_stretch(s, &(struct tx_stretch){.index = index});
}

/* The pictures that are kept, up to `end`. Their times stand between the last one sent and the next one to
 * come, so that nothing is shown later than it would have been. */
static void send_cached(struct rtc_sender *s, uint64_t end)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_VIDEO];
	const struct packet *first = packet_ring_at(ring, ring->start);
	const struct packet *last = packet_ring_at(ring, end - 1);
	const struct packet *newest = packet_ring_at(ring, ring->next - 1);
	const struct tx *tx = &s->tx[PACKETS_VIDEO];
	int64_t pictures = (int64_t)(last->picture - first->picture) + 1;
	struct tx_stretch stretch = {.index = ring->start,
				     .until = end,
				     .picture = last->picture,
				     .ts = newest->ts,
				     .step = STEP_TS};
	if (tx->has_sent && stretch.ts - pictures * stretch.step <= tx->last_ts) {
		int64_t base = newest->ts > tx->last_ts ? newest->ts : tx->last_ts;
		stretch.ts = base + PICTURE_TS * 3 / 4;
		stretch.step = (stretch.ts - tx->last_ts) / (pictures + 1);
		stretch.step = stretch.step > STEP_TS ? STEP_TS : stretch.step;
	}
	s->waits_after = end != ring->next;
	s->video_end = end;
	start_stretch(s, &stretch);
}

static bool ask_publisher(struct rtc_sender *s)
{
	return s->opts.want_key && s->opts.want_key(s->opts.want_key_ctx);
}

static void wait_from(struct rtc_sender *s, uint64_t index)
{
	s->video_state = RTC_VIDEO_WAITS;
	s->await_from = index;
	s->key_ms = clock_ms();
}

/* A request, or the key frame, may have been lost. */
static void ask_again(struct rtc_sender *s)
{
	int64_t now = clock_ms();
	if (now - s->key_ms < KEY_EVERY_MS)
		return;
	s->key_ms = now;
	(void)ask_publisher(s);
}

/* From what is kept; false: there is nothing that is of use. */
static bool begin_cached(struct rtc_sender *s, bool can_ask)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_VIDEO];
	if (!ring->has_start || !s->opts.from_start)
		return false;
	const struct packet *key = packet_ring_at(ring, ring->start);
	const struct packet *newest = packet_ring_at(ring, ring->next - 1);
	int64_t age_ms = (newest->ts - key->ts) / PACKETS_VIDEO_CLOCK;
	if (age_ms <= (can_ask ? FRESH_MS : PRESSED_MS))
		send_cached(s, ring->next);
	else if (!can_ask)
		send_cached(s, end_of_picture(ring, ring->start));
	else
		return false;
	return true;
}

void rtc_sender_begin_video(struct rtc_sender *s)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_VIDEO];
	if (s->video_state == RTC_VIDEO_WAITS) {
		if (ring->has_start && ring->start >= s->await_from)
			flow_from(s, ring->start);
		else
			ask_again(s);
		return;
	}
	if (ring->next == ring->first)
		return;
	bool can_ask = ask_publisher(s);
	if (!begin_cached(s, can_ask))
		wait_from(s, ring->next);
}

void rtc_sender_skip_video(struct rtc_sender *s)
{
	const struct packet_ring *ring = &s->packets->rings[PACKETS_VIDEO];
	uint64_t here = s->next[PACKETS_VIDEO];
	s->counts.skips++;
	s->refused_now = 0;
	s->waits_after = false;
	s->video_end = UINT64_MAX;
	wait_from(s, here < ring->first ? ring->first : here);
	(void)ask_publisher(s);
}

void rtc_sender_give_key(struct rtc_sender *s)
{
	const struct packet_ring *ring;
	if (!s->packets || !s->is_open || s->video_state == RTC_VIDEO_IDLE)
		return;
	ring = &s->packets->rings[PACKETS_VIDEO];
	if (ask_publisher(s) || clock_ms() - s->key_ms < KEY_EVERY_MS || !ring->has_start)
		return;
	if (begin_cached(s, false))
		rtc_sender_turn(s);
}
