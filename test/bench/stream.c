/* A synthetic stream: pictures that look like H.264 with a key frame of eight times the size every
 * few seconds, and sound that looks like AAC. Each payload carries the time at which it was sent.
 *
 * All publishers have one rhythm and are spread evenly over the period of a frame, so one counter
 * is the schedule: turn t belongs to publisher t % count and is due at begin + t * period / count.
 * That takes neither a timer nor a heap for each of them. */
#include "bench.h"
#include "codec/amf0.h"
#include "codec/chunk.h"

#include <string.h>

struct rhythm {
	int64_t begin;
	uint64_t turn;
	double rate;
};

static struct rhythm video, audio;
static uint8_t payload[PAYLOAD_MAX];

/* ---- messages ---- */

static void send_message(struct peer *peer, uint8_t type, uint32_t ts, uint32_t n)
{
	static struct buf b = {.max = PAYLOAD_MAX * 2};
	buf_clear(&b);
	chunk_write(&b, (uint32_t)opt.chunk_size, type == RTMP_AUDIO ? 6 : 7, type, peer->stream_id,
		    ts, span_of(payload, n));
	if (peer->out.n > peer->out_off)
		fig.late_frames++;
	peer_send(peer, buf_span(&b));
}

/* A turn may have been due shortly before its publisher began. */
static uint32_t since_start(const struct peer *peer, int64_t now)
{
	return now < peer->run_us ? 0 : (uint32_t)((now - peer->run_us) / 1000);
}

static void send_video(struct peer *peer, int64_t now)
{
	bool key = peer->frames % gop_frames() == 0;
	uint32_t n = video_size(key), nal = n - 9;
	const uint8_t head[] = {key ? 0x17 : 0x27,
				1,
				0,
				0,
				0,
				(uint8_t)(nal >> 24),
				(uint8_t)(nal >> 16),
				(uint8_t)(nal >> 8),
				(uint8_t)nal,
				key ? 0x65 : 0x41};
	peer->frames++;
	memcpy(payload, head, sizeof(head));
	stamp_write(payload + STAMP_AT_VIDEO, now_us());
	send_message(peer, RTMP_VIDEO, since_start(peer, now), n);
}

static void send_audio(struct peer *peer, int64_t now)
{
	payload[0] = 0xAF;
	payload[1] = 1;
	stamp_write(payload + STAMP_AT_AUDIO, now_us());
	send_message(peer, RTMP_AUDIO, since_start(peer, now), audio_size());
}

static void send_metadata(struct peer *peer)
{
	struct buf b = {.max = COMMAND_MAX};
	struct amf *names[] = {amf_string("@setDataFrame"), amf_string("onMetaData"), amf_ecma()};
	amf_set(names[2], "width", amf_number(1280));
	amf_set(names[2], "height", amf_number(720));
	amf_set(names[2], "framerate", amf_number(opt.fps));
	amf_set(names[2], "videocodecid", amf_number(7));
	amf_set(names[2], "audiocodecid", amf_number(10));
	for (int i = 0; i < 3; i++) {
		amf_write(&b, names[i]);
		amf_free(&names[i]);
	}
	memcpy(payload, b.p, b.n);
	send_message(peer, RTMP_DATA, 0, (uint32_t)b.n);
	buf_free(&b);
}

void stream_begin(struct peer *peer)
{
	static const uint8_t avc[] = {0x17, 0, 0, 0, 0}, aac[] = {0xAF, 0};
	struct buf size = {.max = 32};
	buf_put(&size, (uint8_t[]){2, 0, 0, 0, 0, 0, 4, RTMP_SET_CHUNK_SIZE, 0, 0, 0, 0}, 12);
	buf_u32(&size, (uint32_t)opt.chunk_size);
	peer_send(peer, buf_span(&size));
	buf_free(&size);
	if (!payload[PAYLOAD_MAX - 1])
		for (size_t i = MEDIA_HEAD; i < PAYLOAD_MAX; i++)
			payload[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
	send_metadata(peer);
	if (opt.fps) {
		memcpy(payload, avc, sizeof(avc));
		memcpy(payload + sizeof(avc), media_avcc, sizeof(media_avcc));
		send_message(peer, RTMP_VIDEO, 0, sizeof(avc) + sizeof(media_avcc));
	}
	if (opt.audio) {
		memcpy(payload, aac, sizeof(aac));
		memcpy(payload + sizeof(aac), media_asc, sizeof(media_asc));
		send_message(peer, RTMP_AUDIO, 0, sizeof(aac) + sizeof(media_asc));
	}
}

/* ---- schedule ---- */

/* One that gets no CPU for a while does not make up for it: what it left out is counted. */
static void skip_missed(struct rhythm *r, double step, int64_t now)
{
	enum { PATIENCE_US = 200 * 1000 };
	uint64_t due = (uint64_t)((double)(now - r->begin) / step);
	if (due <= r->turn || (double)(due - r->turn) * step < PATIENCE_US)
		return;
	fig.skipped += due - r->turn;
	r->turn = due;
}

static int64_t run_rhythm(struct rhythm *r, int rate, int64_t now,
			  void (*send)(struct peer *peer, int64_t now))
{
	enum { AT_ONCE = 2000 };
	if (rate <= 0)
		return INT64_MAX;
	double step = 1e6 / rate / opt.count;
	if (!r->begin)
		r->begin = now;
	skip_missed(r, step, now);
	for (int i = 0; i < AT_ONCE; i++) {
		int64_t due = r->begin + (int64_t)((double)r->turn * step);
		if (due > now)
			return due;
		struct peer *peer = &peers[r->turn++ % (uint64_t)opt.count];
		if (peer->state == PEER_RUNNING)
			send(peer, due);
	}
	return now;
}

int64_t stream_run(int64_t now)
{
	int64_t a = run_rhythm(&video, opt.fps, now, send_video);
	int64_t b = run_rhythm(&audio, opt.audio, now, send_audio);
	return a < b ? a : b;
}
