/* Continuous formats on a wire: what a receiver that joins gets. */
#include "codec/mp4.h"
#include "codec/ts.h"
#include "live/cursor.h"
#include "live/wire.h"
#include "output/live_format.h"
#include "support/hex.h"
#include "support/unit.h"

#include <sys/uio.h>

static struct headers *headers;

static struct msg *message(enum msg_type type, const char *hex, size_t more, int64_t ts)
{
	struct span s = hex_bytes(hex);
	struct msg *m = msg_new(type, ts, s.n + more);
	memcpy(m->payload, s.p, s.n);
	memset(m->payload + s.n, 0x55, more);
	m->frame = type == MSG_VIDEO ? frame_of_video(msg_span(m)) : frame_of_audio(msg_span(m));
	hex_free(s);
	return m;
}

static void put(struct wire *w, enum msg_type type, const char *hex, size_t more, int64_t ts)
{
	struct msg *m = message(type, hex, more, ts);
	if (headers_wants(m))
		headers_put(&headers, m);
	wire_append(w, m, m->frame.is_key, headers, ts);
	msg_unref(&m);
}

static const char video_header[] = "17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68";
static const char other_header[] = "17 00 000000 01 4D001F FF E1 0004 674D001F 01 0001 68";

static void put_headers(struct wire *w)
{
	put(w, MSG_VIDEO, video_header, 0, 0);
	put(w, MSG_AUDIO, "AF 00 1210", 0, 0);
}

/* Pictures of each 40 ms with sound between, a key frame each second. */
static void put_media(struct wire *w, int64_t from, int64_t to)
{
	for (int64_t t = from; t < to; t += 40) {
		bool is_key = t % 1000 == 0;
		put(w, MSG_VIDEO, is_key ? "17 01 000000 00001389 65" : "27 01 000000 00000065 41",
		    is_key ? 5000 : 100, t);
		put(w, MSG_AUDIO, "AF 01 21", 100, t + 10);
	}
}

static struct buf received(struct cursor *c)
{
	struct buf out = {.max = 1 << 24};
	struct iovec iov[16];
	int n;
	while ((n = cursor_gather(c, iov, 16, 1 << 20)) > 0) {
		size_t sum = 0;
		for (int i = 0; i < n; i++) {
			buf_put(&out, iov[i].iov_base, iov[i].iov_len);
			sum += iov[i].iov_len;
		}
		cursor_advance(c, sum);
	}
	return out;
}

static struct wire *wire_begin(const struct wire_format *format)
{
	return wire_new(format, &(struct wire_opts){.backlog_ms = 30000});
}

static void join(struct cursor *c, struct wire *w, const struct wire_format *format)
{
	*c = (struct cursor){0};
	cursor_open(c, w, &(struct cursor_opts){.format = format, .from_start = true}, true,
		    headers);
}

static void wire_end(struct wire *w)
{
	wire_free(&w);
	headers_unref(&headers);
	assert_int_equal(msg_live(), 0);
}

static unsigned pid_at(const struct buf *b, size_t packet)
{
	const uint8_t *p = b->p + packet * TS_PACKET;
	return (p[1] & 31u) << 8 | p[2];
}

static void a_transport_stream_begins_with_its_tables(void **state)
{
	struct wire *w = wire_begin(&wire_ts);
	struct cursor c;
	(void)state;
	put_headers(w);
	put_media(w, 0, 1600);
	join(&c, w, &wire_ts);
	struct buf got = received(&c);
	assert_int_equal(got.n % TS_PACKET, 0);
	assert_int_equal(pid_at(&got, 0), 0);
	assert_int_equal(pid_at(&got, 1), TS_PID_PMT);
	assert_int_equal(pid_at(&got, 2), TS_PID_VIDEO);
	assert_int_equal(got.p[2 * TS_PACKET + 5] & 0x40, 0x40); /* random access */
	buf_free(&got);
	cursor_close(&c);
	wire_end(w);
}

static void a_wire_that_is_made_later_knows_the_headers(void **state)
{
	struct wire *first = wire_begin(&wire_ts), *w = wire_begin(&wire_ts);
	struct cursor c;
	(void)state;
	put_headers(first);
	put_media(w, 1000, 1600);
	join(&c, w, &wire_ts);
	struct buf got = received(&c);
	assert_true(got.n > 0);
	assert_int_equal(pid_at(&got, 0), 0);
	buf_free(&got);
	cursor_close(&c);
	wire_free(&first);
	wire_end(w);
}

static void mp4_begins_with_its_initialization(void **state)
{
	struct wire *w = wire_begin(&wire_mp4);
	struct cursor c;
	(void)state;
	put_headers(w);
	put_media(w, 0, 1600);
	join(&c, w, &wire_mp4);
	struct buf got = received(&c);
	assert_memory_equal(got.p + 4, "ftyp", 4);
	assert_non_null(memmem(got.p, 2000, "avcC", 4));
	assert_non_null(memmem(got.p, 2000, "esds", 4));
	assert_non_null(memmem(got.p, 2000, "moof", 4));
	buf_free(&got);
	/* another size: another initialization for those who are there */
	put(w, MSG_VIDEO, other_header, 0, 1600);
	put_media(w, 2000, 2080);
	got = received(&c);
	assert_memory_equal(got.p + 4, "ftyp", 4);
	buf_free(&got);
	cursor_close(&c);
	wire_end(w);
}

static void who_waits_for_a_stream_gets_its_initialization(void **state)
{
	struct wire *w = wire_begin(&wire_mp4);
	struct cursor c;
	(void)state;
	join(&c, w, &wire_mp4); /* before there is anything */
	put_headers(w);
	put_media(w, 0, 80);
	struct buf got = received(&c);
	assert_memory_equal(got.p + 4, "ftyp", 4);
	assert_non_null(memmem(got.p, 2000, "avcC", 4));
	buf_free(&got);
	cursor_close(&c);
	wire_end(w);
}

static void sound_formats_leave_out_pictures(void **state)
{
	struct wire *w = wire_begin(&wire_aac);
	struct cursor c;
	(void)state;
	put_headers(w);
	join(&c, w, &wire_aac);
	put_media(w, 0, 400);
	struct buf got = received(&c);
	assert_int_equal(got.n, 10 * (7 + 101));
	assert_int_equal(got.p[0], 0xFF);
	assert_int_equal(got.p[1], 0xF1);
	buf_free(&got);
	cursor_close(&c);
	wire_end(w);
	w = wire_begin(&wire_mp3);
	join(&c, w, &wire_mp3);
	put(w, MSG_AUDIO, "2F FFFB9064", 413, 0);
	put(w, MSG_AUDIO, "AF 01 21", 10, 20);
	got = received(&c);
	assert_int_equal(got.n, 417);
	buf_free(&got);
	cursor_close(&c);
	wire_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_transport_stream_begins_with_its_tables),
		cmocka_unit_test(a_wire_that_is_made_later_knows_the_headers),
		cmocka_unit_test(mp4_begins_with_its_initialization),
		cmocka_unit_test(who_waits_for_a_stream_gets_its_initialization),
		cmocka_unit_test(sound_formats_leave_out_pictures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
