/* wire_model - receivers of a stream by dice that know what they must read of it. */
#pragma once
#include "unit/live/wire_stream.h"

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

static inline bool is_left_out(const struct viewer *v, const struct msg *m)
{
	if (!(v->want & wire_kind(m)))
		return true;
	return v->await_key && m->type == MSG_VIDEO && !m->frame.is_key && !m->frame.is_header;
}

static inline uint32_t time_of(struct viewer *v, const struct msg *m)
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

static inline void take_media(struct viewer *v, uint8_t type, uint32_t ts, struct span payload)
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

static inline void feed_chunks(struct viewer *v, struct cur *c)
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

static inline void feed(struct viewer *v, struct span s)
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
static inline void flush(struct viewer *v)
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
static inline uint32_t position(const struct viewer *v)
{
	const struct page *page = v->cursor.at.page;
	uint32_t left = page->count - page_entry_at(page, v->cursor.at.off);
	while ((page = page->next) != NULL)
		left += page->count;
	return stream.n - left;
}

/* The cursor may have passed what its receiver does not get, and nothing else. */
static inline void catch_up(struct viewer *v)
{
	flush(v);
	uint32_t to = position(v);
	assert_true(to >= v->pos);
	while (v->pos < to)
		assert_true(is_left_out(v, stream.v[v->pos++]));
}

static inline void moved(struct viewer *v)
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

static inline void join(struct viewer *v)
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

static inline void leave(struct viewer *v)
{
	if (!v->open)
		return;
	cursor_close(&v->cursor);
	chunk_reader_free(&v->chunks);
	flv_reader_free(&v->flv);
	v->open = false;
}

static inline size_t read_some(struct viewer *v, size_t most)
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

static inline void drain(struct viewer *v)
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

static inline void inject(struct viewer *v)
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

static inline void want(struct viewer *v)
{
	uint8_t kinds = (uint8_t)dice(8);
	uint8_t added = kinds & (uint8_t)~v->want;
	cursor_want(&v->cursor, kinds);
	catch_up(v);
	v->want = kinds;
	v->await_key |= (added & WIRE_VIDEO) != 0;
}

static inline void pause_or_go(struct viewer *v)
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

static inline void act(struct viewer *v)
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
static inline void look(struct viewer *v, uint64_t *skips)
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

static inline void run(const struct profile *profile, const struct wire_format *format,
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

static inline void run_all(const struct wire_format *format, uint32_t chunk_size)
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
