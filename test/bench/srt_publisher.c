/* A publisher: the synthetic stream as MPEG-TS, in messages of seven packets as encoders send them. A picture goes out
 * at once; sound waits until there are some frames of it. */
#include "codec/ts.h"
#include "srt_bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	MESSAGE = 7 * TS_PACKET,
	FRAME_SAMPLES = 1024,
	SOUND_RATE = 44100,
	FRAMES_AT_ONCE = 4,   /* of sound */
	AWAY_US = 200 * 1000, /* who gets no CPU for so long does not make up for it */
	OUT_MAX = 4 << 20,
};

struct out {
	struct srt_client *c;
	struct ts_writer ts;
	struct track video, sound;
	struct buf bytes, unit;
	size_t sent; /* of the bytes */
	int64_t begin_us;
	uint32_t pictures, frames;
};

static void learn(struct out *o)
{
	const struct au headers[] = {
		{.type = MSG_VIDEO,
		 .is_header = true,
		 .codec = FOURCC('a', 'v', 'c', '1'),
		 .data = span_of(media_avcc, sizeof(media_avcc))},
		{.type = MSG_AUDIO,
		 .is_header = true,
		 .codec = FOURCC('m', 'p', '4', 'a'),
		 .data = span_of(media_asc, sizeof(media_asc))},
	};
	o->video.type = MSG_VIDEO;
	o->sound.type = MSG_AUDIO;
	(void)track_take(&o->video, &headers[0]);
	(void)track_take(&o->sound, &headers[1]);
	ts_begin(&o->ts, &o->video, opt.audio ? &o->sound : NULL);
}

/* ---- sending ---- */

static err flush(struct out *o)
{
	while (o->sent < o->bytes.n) {
		size_t n = o->bytes.n - o->sent;
		n = n < MESSAGE ? n : MESSAGE;
		err e = srt_link_send(o->c->link, o->bytes.p + o->sent, n);
		if (e == ERR_AGAIN)
			return OK;
		TRY(e);
		o->sent += n;
		o->c->life.bytes += (int64_t)n;
	}
	buf_clear(&o->bytes);
	o->sent = 0;
	return OK;
}

/* ---- media ---- */

static void put_picture(struct out *o, int64_t at, int64_t now)
{
	bool is_key = o->pictures++ % gop_frames() == 0;
	uint32_t n = video_size(is_key);
	char stamp[STAMP_TEXT];
	n = n < 64 ? 64 : n;
	buf_clear(&o->unit);
	buf_u32(&o->unit, n);
	buf_u8(&o->unit, is_key ? 0x65 : 0x41);
	stamp_write_text(stamp, now);
	buf_put(&o->unit, (const uint8_t *)stamp, sizeof(stamp));
	while (o->unit.n < n + 4)
		buf_u8(&o->unit, 0x55);
	struct au au = {.type = MSG_VIDEO,
			.is_key = is_key,
			.codec = FOURCC('a', 'v', 'c', '1'),
			.data = buf_span(&o->unit)};
	int64_t pts = (at - o->begin_us) * 9 / 100;
	fig.late_frames += o->bytes.n > o->sent;
	if (is_key)
		ts_write_tables(&o->ts, &o->bytes);
	(void)ts_write(&o->ts, &o->bytes, &au, 1, pts, pts, false);
}

static void put_sound(struct out *o)
{
	static const uint8_t frame[1024] = {0x21};
	const struct au au = {.type = MSG_AUDIO,
			      .is_key = true,
			      .codec = FOURCC('m', 'p', '4', 'a'),
			      .data = span_of(frame, audio_size())};
	const struct au units[FRAMES_AT_ONCE] = {au, au, au, au};
	int64_t pts = (int64_t)o->frames * FRAME_SAMPLES * 90000 / SOUND_RATE;
	o->frames += FRAMES_AT_ONCE;
	(void)ts_write(&o->ts, &o->bytes, units, FRAMES_AT_ONCE, pts, pts, false);
}

static int64_t sound_due(const struct out *o)
{
	if (!opt.audio)
		return INT64_MAX;
	return o->begin_us + (int64_t)o->frames * FRAME_SAMPLES * 1000000 / SOUND_RATE;
}

/* Puts what is due; returns when the next is. */
static int64_t put_due(struct out *o, int64_t *picture, int64_t now)
{
	if (now - *picture > AWAY_US) {
		fig.skipped++;
		o->begin_us += now - *picture;
		*picture = now;
	}
	for (; *picture <= now; *picture += 1000000 / opt.fps)
		put_picture(o, *picture, now);
	while (sound_due(o) <= now)
		put_sound(o);
	int64_t sound = sound_due(o);
	return sound < *picture ? sound : *picture;
}

static err publish(struct out *o)
{
	int64_t picture = o->begin_us = now_us();
	for (;;) {
		int64_t next = put_due(o, &picture, now_us());
		TRY(flush(o));
		if (srt_link_is_gone(o->c->link))
			return err_fail(ERR_CLOSED, "the server has left");
		if (!buf_ok(&o->bytes))
			return err_fail(ERR_STALLED, "the server takes nothing any more");
		int64_t ms = (next - now_us() + 999) / 1000;
		err e = co_wait(clock_after(ms > 0 ? ms : 0));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

err srt_publisher_run(struct srt_client *c)
{
	struct out *o = mem_new(struct out);
	o->c = c;
	o->bytes.max = o->unit.max = OUT_MAX;
	learn(o);
	err e = publish(o);
	ts_end(&o->ts);
	track_free(&o->video);
	track_free(&o->sound);
	buf_free(&o->bytes);
	buf_free(&o->unit);
	free(o);
	return e;
}
