/* FLV tags there and back in every cut, and files that are none. */
#include "codec/flv.h"
#include "support/unit.h"

#include <stdlib.h>

enum { TAGS_MAX = 16, TAG_MAX = 1 << 20 };

struct received {
	struct msg *m[TAGS_MAX];
	int n;
};

static err take(struct received *to, struct span s, size_t tag_max, int cut)
{
	struct flv_reader *r = flv_reader_new(tag_max);
	err e = OK;
	for (size_t at = 0; at < s.n && !e;) {
		size_t n = cut == 0 ? s.n : cut == 1 ? 1 : 1 + (size_t)rand() % 300;
		n = n < s.n - at ? n : s.n - at;
		struct cur c = cur_of(s.p + at, n);
		while (!e && cur_left(&c)) {
			assert_true(to->n < TAGS_MAX);
			e = flv_read(r, &c, &to->m[to->n]);
			to->n += to->m[to->n] != NULL;
		}
		at += n;
	}
	flv_reader_free(&r);
	return e;
}

static void received_fini(struct received *r)
{
	while (r->n > 0)
		msg_unref(&r->m[--r->n]);
}

static const struct {
	uint8_t type;
	uint32_t ts;
	size_t n;
} tags[] = {
	{MSG_DATA, 0, 50},
	{MSG_VIDEO, 0xFFFFFE, 65535},
	{MSG_VIDEO, 0xFFFFFF, 65536},
	{MSG_VIDEO, 0x1000000, 65537},
	{MSG_AUDIO, 0xFFFFFFFF, 1},
	{MSG_VIDEO, 0, 200000},
};
enum { TAGS = sizeof(tags) / sizeof(*tags) };

static uint8_t sample[200000];

static void tags_survive_any_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sample); i++)
		sample[i] = (uint8_t)(i * 7 ^ i >> 8);
	struct buf b = {.max = TAG_MAX};
	flv_write_header(&b, true, true);
	assert_int_equal(b.n, FLV_HEADER_SIZE);
	for (int i = 0; i < TAGS; i++) {
		size_t before = b.n;
		flv_write_tag(&b, tags[i].type, tags[i].ts, span_of(sample, tags[i].n));
		assert_int_equal(b.n - before, tags[i].n + FLV_TAG_EXTRA);
		flv_write_tag(&b, MSG_VIDEO, 0, span_of(NULL, 0)); /* says nothing */
	}
	for (int cut = 0; cut < 3; cut++) {
		struct received got = {0};
		assert_int_equal(take(&got, buf_span(&b), TAG_MAX, cut), OK);
		assert_int_equal(got.n, TAGS);
		for (int i = 0; i < TAGS; i++) {
			assert_int_equal(got.m[i]->type, tags[i].type);
			assert_int_equal(got.m[i]->ts, tags[i].ts);
			assert_int_equal(got.m[i]->n, tags[i].n);
			assert_memory_equal(got.m[i]->payload, sample, tags[i].n);
		}
		received_fini(&got);
	}
	buf_free(&b);
	assert_int_equal(msg_live(), 0);
}

static void the_header_tells_what_is_in_the_file(void **state)
{
	(void)state;
	static const uint8_t flags[] = {0, 1, 4, 5};
	for (int i = 0; i < 4; i++) {
		struct buf b = {.max = 100};
		flv_write_header(&b, i & 2, i & 1);
		assert_int_equal(b.p[4], flags[i]);
		assert_memory_equal(b.p, "FLV\x01", 4);
		assert_memory_equal(b.p + 5, "\0\0\0\x09\0\0\0\0", 8);
		buf_free(&b);
	}
}

static void tags_end_with_their_size(void **state)
{
	(void)state;
	struct buf b = {.max = 100};
	flv_write_tag(&b, MSG_VIDEO, 0x12345678, span_str("abc"));
	assert_int_equal(b.n, 18);
	assert_memory_equal(b.p, "\x09\0\0\x03\x34\x56\x78\x12\0\0\0abc\0\0\0\x0e", 18);
	buf_free(&b);
}

#define HEADER "FLV\x01\x05\0\0\0\x09"
#define AUDIO "\0\0\0\0\x08\0\0\x01\0\0\0\0\0\0\0x"

static const struct {
	const char *name;
	const char *bytes;
	size_t n;
	err expect;
	int tags;
} files[] = {
#define FILE_ROW(name, text, expect, tags)                                                         \
	{                                                                                          \
		name, text, sizeof(text) - 1, expect, tags                                         \
	}
	FILE_ROW("wrong back pointers", HEADER AUDIO "\1\2\3\4\x08\0\0\x01\0\0\0\0\0\0\0x", OK, 2),
	FILE_ROW("a longer header of 3", "FLV\x01\x05\0\0\0\x0c..." AUDIO, OK, 1),
	FILE_ROW("another version", "FLV\x09\xff\0\0\0\x09" AUDIO, OK, 1),
	FILE_ROW("script data in AMF3 is skipped",
		 HEADER "\0\0\0\0\x0f\0\0\x01\0\0\0\0\0\0\0x" AUDIO, OK, 1),
	FILE_ROW("a tag that is cut short", HEADER AUDIO "\0\0\0\0\x08\0\0\x02\0\0\0\0\0\0\0x", OK,
		 1),
	FILE_ROW("no FLV", "FLW\x01\x05\0\0\0\x09" AUDIO, ERR_PROTOCOL, 0),
	FILE_ROW("a header too short", "FLV\x01\x05\0\0\0\x08" AUDIO, ERR_PROTOCOL, 0),
	FILE_ROW("a header too long", "FLV\x01\x05\0\1\0\x08" AUDIO, ERR_PROTOCOL, 0),
	FILE_ROW("an unknown tag", HEADER "\0\0\0\0\x07\0\0\x01\0\0\0\0\0\0\0x", ERR_PROTOCOL, 0),
	FILE_ROW("an encrypted tag", HEADER "\0\0\0\0\x28\0\0\x01\0\0\0\0\0\0\0x", ERR_PROTOCOL, 0),
	FILE_ROW("a tag too long", HEADER AUDIO "\0\0\0\0\x08\0\x03\xe9\0\0\0\0\0\0\0", ERR_LIMIT,
		 1),
};

static void other_writers_are_understood_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		for (int cut = 0; cut < 3; cut++) {
			struct received got = {0};
			err e = take(&got, span_of(files[i].bytes, files[i].n), 1000, cut);
			if (e != files[i].expect || got.n != files[i].tags)
				print_error("%s: %s, %d tags\n", files[i].name, err_trail(e),
					    got.n);
			assert_int_equal(e, files[i].expect);
			assert_int_equal(got.n, files[i].tags);
			received_fini(&got);
		}
	}
	assert_int_equal(msg_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_survive_any_cut),
		cmocka_unit_test(the_header_tells_what_is_in_the_file),
		cmocka_unit_test(tags_end_with_their_size),
		cmocka_unit_test(other_writers_are_understood_or_refused),
	};
	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
