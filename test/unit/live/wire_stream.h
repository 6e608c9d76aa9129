/* wire_stream - a stream by dice: every type and size of message, times that jump. */
#pragma once
#include "base/mem.h"
#include "codec/chunk.h"
#include "codec/flv.h"
#include "live/cursor.h"
#include "live/wire.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { VIEWERS = 6, STEPS = 2500, BACKLOG_MS = 1000, LARGEST = 32 << 20 };
enum { DISORDER_MS = 60 };

static uint32_t seed;
static uint64_t media_read;

static inline uint32_t dice(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 4) * n >> 28);
}

struct profile {
	const char *name;
	int64_t start;
	int audio, video, data; /* out of 100 */
	int gop;                /* pictures between key frames; 0: never one */
	bool jumps, no_cache;
	int tracks; /* of each kind; 0: one */
};

static const struct profile profiles[] = {
	{"audio and video", 0, 60, 40, 0, 20, false, false, 0},
	{"audio only", 5000, 100, 0, 0, 0, false, false, 0},
	{"video only", 77, 0, 100, 0, 12, false, false, 0},
	{"data often", 0, 30, 40, 30, 10, false, false, 0},
	{"data rarely, short GOPs", 123456, 50, 49, 1, 3, false, false, 0},
	{"no key frame ever", 0, 50, 50, 0, 0, false, false, 0},
	{"nothing kept", 0, 50, 48, 2, 15, false, true, 0},
	{"extended timestamps", 0xFFFFFF - 5000, 50, 49, 1, 15, false, false, 0},
	{"times that wrap", (int64_t)UINT32_MAX - 5000, 50, 48, 2, 15, false, false, 0},
	{"times that jump", 100000, 50, 48, 2, 15, true, false, 0},
	{"several tracks", 3000, 60, 38, 2, 15, false, false, 3},
	{"more tracks than chains", 3000, 60, 38, 2, 15, false, false, 12},
};

static struct {
	const struct profile *profile;
	struct wire *wire;
	const struct wire_format *format;
	uint32_t chunk_size;
	struct msg **v; /* everything published */
	uint32_t n, room;
	int64_t gop; /* index of the newest key frame that is kept, or -1 */
	struct headers *headers, *gop_headers;
	int64_t clock, last[3][16], now;
	int pictures;
	bool has_video;
} stream;

static inline struct msg *make(enum msg_type type, int64_t ts, size_t n, char tag)
{
	struct msg *m = msg_new(type, ts, n);
	for (size_t i = 0; i < n; i++)
		m->payload[i] = (uint8_t)dice(256);
	if (n)
		m->payload[0] = (uint8_t)tag;
	return m;
}

static inline void put_header(enum msg_type type)
{
	struct msg *m = make(type, 0, 9 + dice(300), 'H');
	m->frame.is_header = true;
	assert_true(headers_put(&stream.headers, m));
	msg_unref(&m);
}

static inline size_t random_size(void)
{
	switch (dice(12)) {
	case 0:
		return 1 + dice(3); /* readers drop empty ones */
	case 1:
		return 2000 + dice(9000);
	case 2:
		return dice(40) ? 128 * (1 + dice(4)) : 70000;
	default:
		return 1 + dice(400);
	}
}

static inline enum msg_type random_type(void)
{
	const struct profile *p = stream.profile;
	int roll = (int)dice(100);
	return roll < p->audio ? MSG_AUDIO : roll < p->audio + p->video ? MSG_VIDEO : MSG_DATA;
}

static inline int64_t next_time(uint8_t kind, uint8_t track)
{
	int64_t *last = &stream.last[kind >> 1][track];
	stream.clock += dice(25);
	if (stream.profile->jumps && dice(100) == 0) {
		stream.clock += dice(3) ? -(int64_t)dice(60000) : 0xFFFFFF - 1 + (int64_t)dice(3);
		stream.clock = stream.clock < DISORDER_MS ? DISORDER_MS : stream.clock;
		return *last = stream.clock;
	}
	int64_t ts = stream.clock + dice(DISORDER_MS);
	if (ts > *last || ts < *last - DISORDER_MS)
		*last = ts;
	return *last;
}

static inline void publish(void)
{
	enum msg_type type = random_type();
	if (dice(400) == 0) {
		wire_forget_start(stream.wire);
		stream.gop = -1;
	}
	bool state = dice(60) == 0 && type != MSG_DATA;
	struct msg *m = make(type, 0, state ? 20 : random_size(), state ? 'S' : 'F');
	if (stream.profile->tracks && type != MSG_DATA)
		m->frame.track = (uint8_t)dice((uint32_t)stream.profile->tracks);
	m->ts = next_time(wire_kind(m), m->frame.track);
	m->frame.is_header = state;
	if (state)
		put_header(type);
	if (type == MSG_VIDEO && !state && stream.profile->gop)
		m->frame.is_key = stream.pictures++ % stream.profile->gop == 0;
	bool starts = m->frame.is_key && !stream.profile->no_cache;
	if (starts) {
		stream.gop = stream.n;
		headers_unref(&stream.gop_headers);
		stream.gop_headers = headers_ref(stream.headers);
	}
	if (stream.n == stream.room) {
		stream.room = stream.room ? stream.room * 2 : 1024;
		stream.v = mem_realloc(stream.v, stream.room * sizeof(struct msg *));
	}
	stream.v[stream.n++] = m;
	stream.has_video |= type == MSG_VIDEO;
	stream.now += dice(30);
	wire_append(stream.wire, m, starts, stream.headers, stream.now);
}
