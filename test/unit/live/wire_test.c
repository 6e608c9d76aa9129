/* Random streams through a wire to random receivers, against a model: what a receiver reads is
 * decoded as a client would, and each message must be the next one that was published, whole and
 * at its time. Only what the model knows the receiver must not get may be missing. */
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

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 4) * n >> 28);
}

/* ---- the stream ---- */

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

static struct msg *make(enum msg_type type, int64_t ts, size_t n, char tag)
{
	struct msg *m = msg_new(type, ts, n);
	for (size_t i = 0; i < n; i++)
		m->payload[i] = (uint8_t)dice(256);
	if (n)
		m->payload[0] = (uint8_t)tag;
	return m;
}

static void put_header(enum msg_type type)
{
	struct msg *m = make(type, 0, 9 + dice(300), 'H');
	m->frame.is_header = true;
	assert_true(headers_put(&stream.headers, m));
	msg_unref(&m);
}

static size_t random_size(void)
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

static enum msg_type random_type(void)
{
	const struct profile *p = stream.profile;
	int roll = (int)dice(100);
	return roll < p->audio ? MSG_AUDIO : roll < p->audio + p->video ? MSG_VIDEO : MSG_DATA;
}

static int64_t next_time(uint8_t kind, uint8_t track)
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

static void publish(void)
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

/* ---- a receiver and its model ---- */

struct viewer {
	struct cursor cursor;
	bool open;
	struct chunk_reader *chunks;
	struct flv_reader *flv;
	uint32_t pos; /* the next published message to be read */
	uint8_t want;
	bool await_key, own_base, based, paused;
	int64_t base;
	uint32_t skips, headers, injected, answered;
	int lazy; /* reads nothing for so many steps */
};

static bool is_left_out(const struct viewer *v, const struct msg *m)
{
	if (!(v->want & wire_kind(m)))
		return true;
	return v->await_key && m->type == MSG_VIDEO && !m->frame.is_key && !m->frame.is_header;
}

static uint32_t time_of(struct viewer *v, const struct msg *m)
{
	if (!v->based && m->type != MSG_DATA && !m->frame.is_header) {
		v->based = true;
		v->base = v->cursor.base;
		/* The earliest of the first frames, where the kinds are not in order. */
		if (v->own_base)
			assert_in_range(m->ts - v->base, 0, DISORDER_MS);
	}
	if (!v->own_base)
		return (uint32_t)m->ts;
	return !v->based || m->ts < v->base ? 0 : (uint32_t)(m->ts - v->base);
}

static void take_media(struct viewer *v, uint8_t type, uint32_t ts, struct span payload)
{
	if (payload.n && payload.p[0] == 'H') {
		v->headers++;
		return;
	}
	while (v->pos < stream.n && is_left_out(v, stream.v[v->pos]))
		v->pos++;
	assert_true(v->pos < stream.n);
	const struct msg *m = stream.v[v->pos++];
	if (m->frame.is_key)
		v->await_key = false;
	assert_int_equal(type, m->type);
	assert_int_equal(payload.n, m->n);
	assert_memory_equal(payload.p, m->payload, m->n);
	assert_int_equal(ts, time_of(v, m));
	media_read++;
}

static void feed_chunks(struct viewer *v, struct cur *c)
{
	while (cur_left(c)) {
		struct rtmp_msg m;
		bool got;
		assert_int_equal(chunk_read(v->chunks, c, &m, &got), OK);
		if (!got)
			continue;
		if (m.media) {
			assert_int_equal(m.stream_id, 5);
			take_media(v, m.type, m.ts, msg_span(m.media));
		} else {
			assert_int_equal(m.type, RTMP_COMMAND);
			assert_true(m.body.n >= 4);
			assert_memory_equal(m.body.p, &v->answered, 4);
			v->answered++;
		}
		rtmp_msg_fini(&m);
	}
}

static void feed(struct viewer *v, struct span s)
{
	struct cur c = cur_of(s.p, s.n);
	if (stream.format == &wire_rtmp) {
		feed_chunks(v, &c);
		return;
	}
	while (cur_left(&c)) {
		struct msg *m;
		assert_int_equal(flv_read(v->flv, &c, &m), OK);
		if (m)
			take_media(v, m->type, (uint32_t)m->ts, msg_span(m));
		msg_unref(&m);
	}
}

/* Everything private, so that the model knows where the receiver is. */
static void flush(struct viewer *v)
{
	struct cursor *c = &v->cursor;
	struct iovec iov[8];
	bool paused = c->paused;
	c->paused = true;
	for (int n; (n = cursor_gather(c, iov, 8, SIZE_MAX)) > 0;) {
		size_t size = 0;
		for (int i = 0; i < n; size += iov[i++].iov_len)
			feed(v, span_of(iov[i].iov_base, iov[i].iov_len));
		cursor_advance(c, size);
	}
	c->paused = paused;
}

/* The index of the message that the cursor stands at. */
static uint32_t position(const struct viewer *v)
{
	const struct page *page = v->cursor.at.page;
	uint32_t left = page->count - page_entry_at(page, v->cursor.at.off);
	while ((page = page->next) != NULL)
		left += page->count;
	return stream.n - left;
}

/* The cursor may have passed what its receiver does not get, and nothing else. */
static void catch_up(struct viewer *v)
{
	flush(v);
	uint32_t to = position(v);
	assert_true(to >= v->pos);
	while (v->pos < to)
		assert_true(is_left_out(v, stream.v[v->pos++]));
}

static void moved(struct viewer *v)
{
	flush(v);
	if (stream.gop < 0) {
		v->pos = stream.n;
		v->await_key = true;
	} else {
		assert_true(stream.gop >= v->pos);
		v->pos = (uint32_t)stream.gop;
	}
	assert_int_equal(position(v), v->pos);
}

static void join(struct viewer *v)
{
	struct buf b = {.max = 64};
	*v = (struct viewer){.open = true, .want = WIRE_ALL};
	bool from_gop = dice(3) > 0;
	v->own_base = dice(3) > 0;
	v->pos = from_gop && stream.gop >= 0 ? (uint32_t)stream.gop : stream.n;
	v->await_key = stream.has_video && !(from_gop && stream.gop >= 0);
	if (stream.format == &wire_rtmp) {
		uint8_t size[4] = {0, 0, (uint8_t)(stream.chunk_size >> 8),
				   (uint8_t)stream.chunk_size};
		v->chunks = chunk_reader_new();
		chunk_reader_limit(v->chunks, LARGEST, LARGEST);
		chunk_write(&b, 128, 2, RTMP_SET_CHUNK_SIZE, 0, 0, span_of(size, 4));
	} else {
		v->flv = flv_reader_new(LARGEST);
		v->own_base = false;
		flv_write_header(&b, true, true);
	}
	struct cursor_opts opts = {.stream_id = 5,
				   .own_base = v->own_base,
				   .from_start = from_gop,
				   .first = buf_span(&b)};
	cursor_open(&v->cursor, stream.wire, &opts, stream.has_video, stream.headers);
	buf_free(&b);
	const struct headers *set =
		from_gop && stream.gop >= 0 ? stream.gop_headers : stream.headers;
	flush(v);
	assert_int_equal(v->headers, set ? set->count : 0);
}

static void leave(struct viewer *v)
{
	if (!v->open)
		return;
	cursor_close(&v->cursor);
	chunk_reader_free(&v->chunks);
	flv_reader_free(&v->flv);
	v->open = false;
}

static size_t read_some(struct viewer *v, size_t most)
{
	struct iovec iov[8];
	uint8_t copy[2048];
	int n = cursor_gather(&v->cursor, iov, 1 + (int)dice(8), most);
	size_t total = 0, had = 0;
	for (int i = 0; i < n; i++)
		had += iov[i].iov_len;
	assert_true(had <= most);
	size_t take = dice(3) ? had : dice((uint32_t)had + 1);
	for (int i = 0; i < n && total < take; i++) {
		size_t step = iov[i].iov_len < take - total ? iov[i].iov_len : take - total;
		for (size_t at = 0; at < step; at += sizeof(copy)) {
			size_t piece = step - at < sizeof(copy) ? step - at : sizeof(copy);
			memcpy(copy, (const uint8_t *)iov[i].iov_base + at, piece);
			feed(v, span_of(copy, piece));
		}
		total += step;
	}
	cursor_advance(&v->cursor, take);
	return had;
}

static void drain(struct viewer *v)
{
	while (cursor_pending(&v->cursor) && read_some(v, 1 << 20) > 0)
		;
	if (v->paused)
		return;
	assert_false(cursor_pending(&v->cursor));
	assert_int_equal(cursor_lag(&v->cursor), 0);
	catch_up(v);
	assert_int_equal(v->pos, stream.n);
}

static void inject(struct viewer *v)
{
	uint8_t body[300] = {0};
	struct buf b = {.max = 4096};
	if (stream.format == &wire_flv)
		return;
	memcpy(body, &v->injected, 4);
	v->injected++;
	chunk_write(&b, stream.chunk_size, 3, RTMP_COMMAND, 0, 0, span_of(body, 4 + dice(290)));
	cursor_inject(&v->cursor, buf_span(&b));
	buf_free(&b);
}

static void want(struct viewer *v)
{
	uint8_t kinds = (uint8_t)dice(8);
	uint8_t added = kinds & (uint8_t)~v->want;
	cursor_want(&v->cursor, kinds);
	catch_up(v);
	v->want = kinds;
	v->await_key |= (added & WIRE_VIDEO) != 0;
}

static void pause_or_go(struct viewer *v)
{
	bool before = v->paused;
	cursor_pause(&v->cursor, true);
	if (!before)
		catch_up(v);
	v->paused = !before;
	cursor_pause(&v->cursor, v->paused);
	if (v->paused)
		return;
	if (stream.gop < 0 || stream.gop > v->pos)
		moved(v);
	flush(v);
	assert_int_equal(position(v), v->pos);
}

static void act(struct viewer *v)
{
	if (!v->open) {
		if (dice(4) == 0)
			join(v);
		return;
	}
	switch (dice(40)) {
	case 0:
		if (dice(10) == 0) {
			leave(v);
			return;
		}
		break;
	case 1:
	case 2:
		inject(v);
		break;
	case 3:
		if (dice(4) == 0)
			want(v);
		break;
	case 4:
		if (dice(4) == 0 || v->paused)
			pause_or_go(v);
		break;
	case 5:
		if (dice(4) == 0)
			v->lazy = (int)dice(400);
		break;
	case 6:
		if (!v->lazy)
			drain(v);
		break;
	default:
		break;
	}
	if (v->lazy > 0)
		v->lazy--;
	else
		read_some(v, 1 + dice(dice(2) ? 50 : 20000));
}

/* What publishing did to a receiver: it may have been moved. */
static void look(struct viewer *v, uint64_t *skips)
{
	if (!v->open)
		return;
	if (v->cursor.skips != v->skips) {
		v->skips = v->cursor.skips;
		++*skips;
		moved(v);
	} else if (v->paused && position(v) != v->pos) {
		moved(v);
	}
}

static struct viewer viewers[VIEWERS];

static void run(const struct profile *profile, const struct wire_format *format,
		uint32_t chunk_size, uint64_t *skips)
{
	memset(&stream, 0, sizeof(stream));
	memset(viewers, 0, sizeof(viewers));
	stream.profile = profile;
	stream.format = format;
	stream.chunk_size = chunk_size;
	stream.gop = -1;
	stream.clock = profile->start;
	for (int i = 0; i < 3 * 16; i++)
		stream.last[i / 16][i % 16] = profile->start;
	stream.now = 1000000;
	stream.wire = wire_new(format, &(struct wire_opts){chunk_size, BACKLOG_MS});
	stream.wire->key_wait_ms = INT64_C(1) << 40; /* for ever */
	for (int step = 0; step < STEPS; step++) {
		publish();
		for (struct viewer *v = viewers; v < viewers + VIEWERS; v++) {
			look(v, skips);
			act(v);
		}
	}
	for (struct viewer *v = viewers; v < viewers + VIEWERS; v++) {
		if (v->open)
			drain(v);
		leave(v);
	}
	wire_free(&stream.wire);
	headers_unref(&stream.headers);
	headers_unref(&stream.gop_headers);
	while (stream.n > 0)
		msg_unref(&stream.v[--stream.n]);
	free(stream.v);
}

static void run_all(const struct wire_format *format, uint32_t chunk_size)
{
	uint64_t skips = 0;
	media_read = 0;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		seed = (uint32_t)i * 7919 + chunk_size;
		print_message("chunk size %u: %s\n", chunk_size, profiles[i].name);
		run(&profiles[i], format, chunk_size, &skips);
	}
	assert_true(media_read > 10 * STEPS);
	print_message("%llu messages were read, %llu times a receiver was moved\n",
		      (unsigned long long)media_read, (unsigned long long)skips);
	assert_true(skips > 100);
	assert_int_equal(msg_live(), 0);
}

static void receivers_read_what_was_published_in_chunks_of_1(void **state)
{
	(void)state;
	run_all(&wire_rtmp, 1);
}

static void receivers_read_what_was_published_in_chunks_of_128(void **state)
{
	(void)state;
	run_all(&wire_rtmp, 128);
}

static void receivers_read_what_was_published_in_chunks_of_4096(void **state)
{
	(void)state;
	run_all(&wire_rtmp, 4096);
}

static void receivers_read_what_was_published_in_chunks_of_60000(void **state)
{
	(void)state;
	run_all(&wire_rtmp, 60000);
}

static void receivers_read_what_was_published_as_flv(void **state)
{
	(void)state;
	run_all(&wire_flv, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receivers_read_what_was_published_in_chunks_of_1),
		cmocka_unit_test(receivers_read_what_was_published_in_chunks_of_128),
		cmocka_unit_test(receivers_read_what_was_published_in_chunks_of_4096),
		cmocka_unit_test(receivers_read_what_was_published_in_chunks_of_60000),
		cmocka_unit_test(receivers_read_what_was_published_as_flv),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
