/* Ordered packets become pictures and sound, these become messages. */
#include "codec/au.h"
#include "codec/param_record.h"
#include "codec/sound.h"
#include "rtc/rx_parts.h"

enum { RECORD_MAX = 65536, OPUS_HEAD = 19, BODY_EXTRA = 16 };

/* ---- messages ---- */

static void queue(struct rx *rx, struct msg *m, int64_t us)
{
	if (!m || rx->tail - rx->head == RX_QUEUE) {
		msg_unref(&m);
		rx->counts.overrun++;
		rx->await_key = true;
		return;
	}
	rx->queue[rx->tail++ % RX_QUEUE] =
		(struct rx_queued){m, (uint32_t)((us - rx->start_us) / 1000)};
}

static void queue_unit(struct rx *rx, struct au *au, int64_t us)
{
	struct buf body = {.max = au->data.n + BODY_EXTRA};
	au_write(&body, au);
	if (buf_ok(&body)) {
		struct msg *m = msg_new((enum msg_type)au->type, 0, body.n);
		if (m)
			memcpy(m->payload, body.p, body.n);
		queue(rx, m, us);
	}
	buf_free(&body);
}

bool rx_next(struct rx *rx, struct msg **msg, uint32_t *raw)
{
	if (rx->head == rx->tail)
		return false;
	struct rx_queued *q = &rx->queue[rx->head++ % RX_QUEUE];
	*msg = q->msg;
	*raw = q->raw;
	q->msg = NULL;
	return true;
}

/* ---- pictures ---- */

/* Parameter sets that differ from the ones before are told as a sequence header: encoders change the size of
 * pictures as the line allows. */
static void take_record(struct rx *rx, struct span unit, int64_t us)
{
	struct rx_track *t = &rx->tracks[RX_VIDEO];
	struct buf record = {.max = RECORD_MAX};
	struct au au = {.type = MSG_VIDEO, .is_header = true, .is_key = true, .codec = t->codec};
	if (param_record_write(&record, t->codec, unit) &&
	    (record.n != rx->record.n || memcmp(record.p, rx->record.p, record.n) != 0)) {
		buf_free(&rx->record);
		rx->record = record;
		record = (struct buf){0};
		au.data = buf_span(&rx->record);
		queue_unit(rx, &au, us);
		t->has_header = true;
	}
	buf_free(&record);
}

static void put_picture(struct rx *rx, struct span unit, bool is_key)
{
	struct rx_track *t = &rx->tracks[RX_VIDEO];
	struct buf plain = {.max = unit.n};
	int64_t us = rx_clock_map(&t->clock, rx->picture_ts, rx->picture_us);
	take_record(rx, unit, us);
	unit_write_plain(&plain, t->codec, unit);
	struct au au = {
		.type = MSG_VIDEO, .is_key = is_key, .codec = t->codec, .data = buf_span(&plain)};
	if (buf_ok(&plain) && plain.n && t->has_header) {
		rx->counts.pictures++;
		queue_unit(rx, &au, us);
	}
	buf_free(&plain);
}

static void drop_picture(struct rx *rx, bool is_broken)
{
	rx->counts.pictures_dropped++;
	rx->await_key |= is_broken;
}

static void end_picture(struct rx *rx)
{
	uint32_t codec = rx->tracks[RX_VIDEO].codec;
	struct span unit;
	bool is_whole = unpack_end(&rx->unpack, &unit) && !rx->is_damaged;
	rx->in_picture = rx->is_damaged = false;
	if (is_whole && unit.n == 0) /* nothing but padding */
		return;
	struct unit_facts facts = is_whole ? unit_facts(codec, unit) : (struct unit_facts){0};
	if (!is_whole || (rx->await_key && facts.has_picture && !facts.is_key)) {
		drop_picture(rx, !is_whole);
		return;
	}
	if (facts.is_key)
		rx->await_key = false;
	if (facts.has_picture)
		put_picture(rx, unit, facts.is_key);
	else
		take_record(rx, unit, rx->tracks[RX_VIDEO].clock.last_us);
}

void rx_video_take(struct rx *rx, const struct rx_packet *p, int64_t now_us)
{
	if (p->n == 0) /* a probe of the line */
		return;
	/* The last packet of a picture may have been lost, and with it the mark. */
	if (rx->in_picture && p->ts != rx->picture_ts)
		end_picture(rx);
	if (!rx->in_picture) {
		unpack_begin(&rx->unpack, rx->tracks[RX_VIDEO].codec);
		rx->in_picture = true;
		rx->picture_ts = p->ts;
	}
	rx->picture_us = now_us;
	unpack_take(&rx->unpack, span_of(p->bytes, p->n));
	if (p->marker)
		end_picture(rx);
}

/* Pictures that follow may refer to the lost one, whatever it was. */
void rx_video_lost(struct rx *rx, int64_t now_us)
{
	rx->is_damaged |= rx->in_picture;
	rx->await_key = true;
	rx_want_key(rx, now_us);
}

/* ---- sound ---- */

/* The identification header (RFC 7845 5.1). */
static void put_opus_header(struct rx *rx, int64_t us)
{
	struct rx_track *t = &rx->tracks[RX_AUDIO];
	uint8_t head[OPUS_HEAD] = "OpusHead\1";
	head[9] = t->agreed->channels == 1 ? 1 : 2;
	head[12] = 0x80; /* 48000, little-endian */
	head[13] = 0xBB;
	struct au au = {.type = MSG_AUDIO,
			.is_header = true,
			.is_key = true,
			.codec = t->codec,
			.data = span_of(head, sizeof(head))};
	queue_unit(rx, &au, us);
	t->has_header = true;
}

void rx_audio_take(struct rx *rx, const struct rx_packet *p, int64_t now_us)
{
	struct rx_track *t = &rx->tracks[RX_AUDIO];
	struct au au = {.type = MSG_AUDIO,
			.is_key = true,
			.codec = t->codec,
			.data = span_of(p->bytes, p->n)};
	if (!opus_samples(au.data))
		return;
	int64_t us = rx_clock_map(&t->clock, p->ts, now_us);
	if (!t->has_header)
		put_opus_header(rx, us);
	queue_unit(rx, &au, us);
}
