/* Messages through the chunk writer and reader, and what other writers may do. */
#include "base/mem.h"
#include "codec/chunk.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES_MAX = 16, BIG = 16 * 1024 * 1024 };

/* What came out of a reader. */
struct received {
	struct rtmp_msg m[MESSAGES_MAX];
	int n;
};

static struct span payload_of(const struct rtmp_msg *m)
{
	return m->media ? msg_span(m->media) : buf_span(&m->body);
}

static err take(struct received *to, struct chunk_reader *r, struct span s)
{
	struct cur c = cur_of(s.p, s.n);
	while (cur_left(&c)) {
		bool got;
		assert_true(to->n < MESSAGES_MAX);
		err e = chunk_read(r, &c, &to->m[to->n], &got);
		if (e)
			return e;
		to->n += got;
	}
	return OK;
}

enum cut { WHOLE, BYTEWISE, RANDOM, CUTS };

static err take_cut(struct received *to, struct chunk_reader *r, struct span s, enum cut cut)
{
	for (size_t at = 0; at < s.n;) {
		size_t n = cut == WHOLE ? s.n : cut == BYTEWISE ? 1 : 1 + (size_t)rand() % 300;
		n = n < s.n - at ? n : s.n - at;
		err e = take(to, r, span_of(s.p + at, n));
		if (e)
			return e;
		at += n;
	}
	return OK;
}

static void received_fini(struct received *r)
{
	while (r->n > 0)
		rtmp_msg_fini(&r->m[--r->n]);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((i * 7 + seed) ^ (i >> 8));
}

static struct chunk_reader *reader_new(void)
{
	struct chunk_reader *r = chunk_reader_new();
	chunk_reader_limit(r, CHUNK_SIZE_MAX, 2 * BIG);
	return r;
}

static void put_chunk_size(struct buf *b, uint32_t size)
{
	uint8_t p[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
			(uint8_t)size};
	chunk_write(b, CHUNK_SIZE_DEFAULT, 2, RTMP_SET_CHUNK_SIZE, 0, 0, span_of(p, 4));
}

struct row {
	uint32_t csid;
	uint8_t type;
	uint32_t stream_id;
	uint32_t ts;
	size_t n;
};

static const struct row rows[] = {
	{3, RTMP_COMMAND, 0, 0, 300},
	{4, RTMP_DATA, 1, 0, 0},
	{6, RTMP_VIDEO, 1, 0xFFFFFE, 1000},
	{6, RTMP_VIDEO, 1, 0xFFFFFF, 1000},
	{6, RTMP_VIDEO, 1, 0x1000000, 70000},
	{7, RTMP_AUDIO, 1, 0xFFFFFFFF, 128},
	{7, RTMP_AUDIO, 1, 0, 129},
	{7, RTMP_AUDIO, 0x12345678, 5, 0},
	{63, RTMP_VIDEO, 1, 6, 127},
	{64, RTMP_VIDEO, 1, 7, 5000},
	{319, RTMP_VIDEO, 1, 8, 5000},
	{320, RTMP_COMMAND_AMF3, 1, 9, 5000},
	{65599, RTMP_AGGREGATE, 1, 0x7FFFFFFF, 5000},
	{2, RTMP_WINDOW_ACK_SIZE, 0, 0, 4},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static uint8_t sample[70000];

static void assert_rows(const struct received *got)
{
	assert_int_equal(got->n, ROWS);
	for (int i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		const struct rtmp_msg *m = &got->m[i];
		struct span p = payload_of(m);
		assert_int_equal(m->csid, row->csid);
		assert_int_equal(m->type, row->type);
		assert_int_equal(m->stream_id, row->stream_id);
		assert_int_equal(m->ts, row->ts);
		assert_int_equal(p.n, row->n);
		if (p.n)
			assert_memory_equal(p.p, sample, p.n);
		bool is_media = row->type == 8 || row->type == 9 || row->type == 18;
		assert_int_equal(m->media != NULL, is_media);
	}
}

static void messages_survive_any_chunk_size_and_any_cut(void **state)
{
	(void)state;
	static const uint32_t sizes[] = {1, 2, 127, 128, 4096, 65536, 0xFFFFFF};
	fill(sample, sizeof(sample), 1);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
		struct buf b = {.max = BIG};
		put_chunk_size(&b, sizes[s]);
		for (int i = 0; i < ROWS; i++)
			chunk_write(&b, sizes[s], rows[i].csid, rows[i].type, rows[i].stream_id,
				    rows[i].ts, span_of(sample, rows[i].n));
		assert_true(buf_ok(&b));
		for (enum cut cut = WHOLE; cut < CUTS; cut++) {
			struct received got = {0};
			struct chunk_reader *r = reader_new();
			assert_int_equal(take_cut(&got, r, buf_span(&b), cut), OK);
			assert_rows(&got);
			received_fini(&got);
			chunk_reader_free(&r);
		}
		buf_free(&b);
	}
	assert_int_equal(msg_live(), 0);
}

static void deltas_add_up_to_the_original_timestamps(void **state)
{
	(void)state;
	static const uint32_t ts[] = {0xFFFFFE00, 0xFFFFFFF0, 0x10, 0x10, 0xFFFFF0, 0x1FFFFEE};
	static uint8_t payload[1000];
	fill(payload, sizeof(payload), 3);
	struct buf b = {.max = BIG};
	chunk_write(&b, 128, 6, RTMP_VIDEO, 5, ts[0], span_of(payload, 1000));
	for (int i = 1; i < 6; i++) {
		size_t before = b.n, n = (size_t)i * 128;
		chunk_write_delta(&b, 128, 6, RTMP_VIDEO, ts[i] - ts[i - 1], span_of(payload, n));
		assert_int_equal(b.n - before, chunk_delta_size(128, n));
	}
	size_t before = b.n;
	chunk_write_delta(&b, 128, 6, RTMP_AUDIO, 0, span_of(payload, 0));
	assert_int_equal(b.n - before, chunk_delta_size(128, 0));
	for (enum cut cut = WHOLE; cut < CUTS; cut++) {
		struct received got = {0};
		struct chunk_reader *r = reader_new();
		assert_int_equal(take_cut(&got, r, buf_span(&b), cut), OK);
		assert_int_equal(got.n, 7);
		for (int i = 0; i < 6; i++) {
			assert_int_equal(got.m[i].ts, ts[i]);
			assert_int_equal(got.m[i].stream_id, 5);
		}
		assert_int_equal(got.m[6].ts, ts[5]);
		received_fini(&got);
		chunk_reader_free(&r);
	}
	buf_free(&b);
}

/* Bytes as text, so that a table can hold what another writer would send. */
static void hex(struct buf *b, const char *text)
{
	while (*text) {
		unsigned v;
		int used;
		if (*text == ' ') {
			text++;
			continue;
		}
		assert_int_equal(sscanf(text, "%2x%n", &v, &used), 1);
		buf_u8(b, (uint8_t)v);
		text += used;
	}
}

struct foreign {
	const char *name;
	const char *bytes;
	int n;
	uint32_t ts[4];
	const char *payload[4];
};

/* Command messages of a few bytes, in chunks of 2 bytes at most (set at the start). */
static const struct foreign foreigns[] = {
	{"type 2 and type 3 begin messages with the known length",
	 "03 00000A 000002 14 00000000 4142"
	 "83 000005 4344"
	 "C3 4546"
	 "C3 4748",
	 4,
	 {10, 15, 20, 25},
	 {"AB", "CD", "EF", "GH"}},
	{"type 3 behind type 0 adds its timestamp",
	 "03 00000A 000002 14 00000000 4142"
	 "C3 4344"
	 "C3 4546",
	 3,
	 {10, 20, 30},
	 {"AB", "CD", "EF"}},
	{"type 1 changes length and type",
	 "03 00000A 000001 14 01000000 41"
	 "43 000001 000003 11 4243"
	 "C3 44",
	 2,
	 {10, 11},
	 {"A", "BCD"}},
	{"type 1 on a new chunk stream counts from zero",
	 "43 000007 000002 14 4142",
	 1,
	 {7},
	 {"AB"}},
	{"two chunk streams are interleaved",
	 "03 000001 000003 14 00000000 4142"
	 "04 000002 000003 14 00000000 6162"
	 "C3 43"
	 "C4 63",
	 2,
	 {1, 2},
	 {"ABC", "abc"}},
	{"the chunk stream id takes two and three bytes",
	 "00 05 000001 000003 14 00000000 4142"
	 "01 05 01 000002 000003 14 00000000 6162"
	 "C0 05 43"
	 "C1 05 01 63",
	 2,
	 {1, 2},
	 {"ABC", "abc"}},
	{"an extended timestamp is repeated",
	 "03 FFFFFF 000003 14 00000000 01000000 4142"
	 "C3 01000000 43",
	 1,
	 {0x1000000},
	 {"ABC"}},
	{"an extended timestamp is not repeated",
	 "03 FFFFFF 000005 14 00000000 01000000 4142"
	 "C3 4344"
	 "C3 45"
	 "03 000001 000001 14 00000000 41",
	 2,
	 {0x1000000, 1},
	 {"ABCDE", "A"}},
	{"it is not repeated, and the payload looks like its beginning",
	 "03 FFFFFF 000004 14 00000000 41424344 4142"
	 "C3 4142"
	 "03 000001 000001 14 00000000 41",
	 2,
	 {0x41424344, 1},
	 {"ABAB", "A"}},
	{"what was given back holds headers with extended timestamps themselves",
	 "03 FFFFFF 000003 14 00000000 41C34344 4142"
	 "C3 41"
	 "C3 42 43"
	 "C3 44"
	 "03 000001 000001 14 00000000 41",
	 3,
	 {0x41C34344, 0x83868688, 1},
	 {"ABA", "BCD", "A"}},
	{"an extended delta is added, and again by a type 3",
	 "03 000005 000001 14 00000000 41"
	 "43 FFFFFF 000001 14 01000000 42"
	 "C3 01000000 43"
	 "83 000001 44",
	 4,
	 {5, 0x1000005, 0x2000005, 0x2000006},
	 {"A", "B", "C", "D"}},
	{"an extended field may hold a small value",
	 "03 FFFFFF 000003 14 00000000 00000010 4142"
	 "C3 00000010 43",
	 1,
	 {0x10},
	 {"ABC"}},
	{"time wraps around",
	 "03 FFFFFF 000001 14 00000000 FFFFFFFF 41"
	 "43 000002 000001 14 42",
	 2,
	 {0xFFFFFFFF, 1},
	 {"A", "B"}},
	{"Abort discards what was there",
	 "03 000001 000004 14 00000000 4142"
	 "02 000000 000004 02 00000000 0000"
	 "C2 0003"
	 "03 000002 000002 14 00000000 4344",
	 1,
	 {2},
	 {"CD"}},
	{"Abort of an unknown chunk stream is harmless",
	 "02 000000 000004 02 00000000 0000"
	 "C2 0009"
	 "03 000002 000002 14 00000000 4344",
	 1,
	 {2},
	 {"CD"}},
	{"Set Chunk Size acts in the middle of a message, from its next chunk on",
	 "03 000001 000005 14 00000000 4142"
	 "02 000000 000004 01 00000000 0000"
	 "C2 0003"
	 "C3 434445",
	 1,
	 {1},
	 {"ABCDE"}},
	{"a header that repeats what is known may come in the middle",
	 "03 000001 000004 14 00000000 4142"
	 "43 000000 000004 14 4344"
	 "C3 4546"
	 "83 000001 4748",
	 2,
	 {1, 2},
	 {"ABCD", "EFGH"}},
};

static void other_writers_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(foreigns) / sizeof(*foreigns); i++) {
		const struct foreign *f = &foreigns[i];
		for (enum cut cut = WHOLE; cut < CUTS; cut++) {
			struct buf b = {.max = 4096};
			put_chunk_size(&b, 2);
			hex(&b, f->bytes);
			struct received got = {0};
			struct chunk_reader *r = reader_new();
			err e = take_cut(&got, r, buf_span(&b), cut);
			if (e || got.n != f->n)
				print_error("%s: %s, %d messages\n", f->name, err_trail(e), got.n);
			assert_int_equal(e, OK);
			assert_int_equal(got.n, f->n);
			for (int k = 0; k < f->n; k++) {
				if (got.m[k].ts != f->ts[k])
					print_error("%s: message %d\n", f->name, k);
				assert_int_equal(got.m[k].ts, f->ts[k]);
				assert_true(span_is(payload_of(&got.m[k]), f->payload[k]));
			}
			received_fini(&got);
			chunk_reader_free(&r);
			buf_free(&b);
		}
	}
}

struct bad {
	const char *name;
	const char *bytes;
	err expect;
	const char *words;
};

static const struct bad bads[] = {
	{"type 2 on a new chunk stream", "89 000001", ERR_PROTOCOL, "chunk stream 9"},
	{"type 3 on a new chunk stream", "C9", ERR_PROTOCOL, "chunk stream 9"},
	{"type 0 in the middle",
	 "03 000001 000081 14 00000000"
	 "41414141414141414141414141414141 41414141414141414141414141414141"
	 "41414141414141414141414141414141 41414141414141414141414141414141"
	 "41414141414141414141414141414141 41414141414141414141414141414141"
	 "41414141414141414141414141414141 41414141414141414141414141414141"
	 "03 000001 000081 14 00000000",
	 ERR_PROTOCOL, "chunk stream 3"},
	{"another length in the middle",
	 "02 000000 000004 01 00000000 00000001"
	 "03 000001 000002 14 00000000 41"
	 "43 000001 000003 14",
	 ERR_PROTOCOL, "chunk stream 3"},
	{"another type in the middle",
	 "02 000000 000004 01 00000000 00000001"
	 "03 000001 000002 14 00000000 41"
	 "43 000001 000002 09",
	 ERR_PROTOCOL, "chunk stream 3"},
	{"a chunk size of zero", "02 000000 000004 01 00000000 00000000", ERR_PROTOCOL,
	 "Set Chunk Size"},
	{"a chunk size with the top bit", "02 000000 000004 01 00000000 80000001", ERR_PROTOCOL,
	 "Set Chunk Size"},
	{"a chunk size of three bytes", "02 000000 000003 01 00000000 000001", ERR_PROTOCOL,
	 "Set Chunk Size"},
	{"an empty Abort", "02 000000 000000 02 00000000", ERR_PROTOCOL, "Abort"},
};

static void broken_input_ends_with_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		for (enum cut cut = WHOLE; cut < CUTS; cut++) {
			struct buf b = {.max = 4096};
			hex(&b, bads[i].bytes);
			struct received got = {0};
			struct chunk_reader *r = chunk_reader_new();
			err e = take_cut(&got, r, buf_span(&b), cut);
			if (e != bads[i].expect)
				print_error("%s\n", bads[i].name);
			assert_int_equal(e, bads[i].expect);
			assert_non_null(strstr(err_trail(e), bads[i].words));
			assert_int_equal(take(&got, r, span_str("x")), bads[i].expect);
			received_fini(&got);
			chunk_reader_free(&r);
			buf_free(&b);
		}
	}
}

static void the_largest_chunk_size_is_accepted(void **state)
{
	(void)state;
	struct buf b = {.max = 4096};
	put_chunk_size(&b, 0x7FFFFFFF);
	chunk_write(&b, 1000, 3, RTMP_COMMAND, 0, 0, span_of(sample, 1000));
	struct received got = {0};
	struct chunk_reader *r = chunk_reader_new();
	assert_int_equal(take(&got, r, buf_span(&b)), OK);
	assert_int_equal(got.n, 1);
	received_fini(&got);
	chunk_reader_free(&r);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_survive_any_chunk_size_and_any_cut),
		cmocka_unit_test(deltas_add_up_to_the_original_timestamps),
		cmocka_unit_test(other_writers_are_understood),
		cmocka_unit_test(broken_input_ends_with_words),
		cmocka_unit_test(the_largest_chunk_size_is_accepted),
	};
	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
