/* The metadata of an FLV file: its size never changes, and its members are what is known. */
#include "codec/flv_index.h"
#include "support/unit.h"

static struct amf *written(const struct flv_index *index, const struct amf *metadata,
			   const struct flv_facts *facts)
{
	struct buf b = {.max = 2 * FLV_INDEX_TAG};
	struct amf *name = NULL, *value = NULL;
	flv_index_write(&b, index, metadata, facts);
	assert_int_equal(b.n, FLV_INDEX_TAG);
	struct cur c = cur_of(b.p + FLV_TAG_HEADER_SIZE, b.n - FLV_TAG_EXTRA);
	assert_int_equal(amf_read(&name, &c), OK);
	assert_string_equal(amf_text(name, ""), "onMetaData");
	amf_free(&name);
	/* Few readers have a limit as low as ours for values; the index has more. */
	if (index->count < 1000)
		assert_int_equal(amf_read(&value, &c), OK);
	buf_free(&b);
	return value;
}

static void an_empty_index_has_the_facts(void **state)
{
	struct flv_index index = {0};
	struct flv_facts facts = {.has_video = true, .last_ms = 1500, .bytes = 99};
	(void)state;
	struct amf *v = written(&index, NULL, &facts);
	assert_true(amf_get_number(v, "duration", 0) == 1.5);
	assert_true(amf_get_number(v, "filesize", 0) == 99);
	assert_true(amf_num(amf_get(v, "hasVideo"), -1) == 1 ||
		    amf_get(v, "hasVideo")->number == 1);
	assert_non_null(amf_get(v, "keyframes"));
	amf_free(&v);
}

static void members_of_the_stream_stay(void **state)
{
	struct flv_index index = {0};
	struct flv_facts facts = {0};
	struct amf *metadata = amf_object();
	(void)state;
	amf_set(metadata, "width", amf_number(320));
	amf_set(metadata, "encoder", amf_string("x"));
	amf_set(metadata, "duration", amf_number(77));
	struct amf *v = written(&index, metadata, &facts);
	assert_true(amf_get_number(v, "width", 0) == 320);
	assert_string_equal(amf_get_string(v, "encoder", ""), "x");
	assert_true(amf_get_number(v, "duration", 1) == 0);
	amf_free(&v);
	amf_free(&metadata);
}

static void a_long_text_of_a_stream_is_left_out(void **state)
{
	static char text[5000];
	struct flv_index index = {0};
	struct flv_facts facts = {0};
	struct amf *metadata = amf_object();
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	amf_set(metadata, "comment", amf_string(text));
	amf_set(metadata, "width", amf_number(320));
	struct amf *v = written(&index, metadata, &facts);
	assert_null(amf_get(v, "comment"));
	assert_true(amf_get_number(v, "width", 0) == 320);
	amf_free(&v);
	amf_free(&metadata);
}

static void each_size_of_the_index_fits(void **state)
{
	struct flv_index index = {0};
	struct flv_facts facts = {0};
	(void)state;
	for (uint32_t i = 0; i < 9000; i++) {
		flv_index_add(&index, i * 1000, (int64_t)i * 5000);
		if (i < 120 || i % 97 == 0 || index.count == FLV_INDEX_MAX) {
			struct amf *v = written(&index, NULL, &facts);
			amf_free(&v);
		}
	}
	assert_true(index.count <= FLV_INDEX_MAX && index.count >= FLV_INDEX_MAX / 2);
	for (size_t i = 1; i < index.count; i++) {
		assert_int_equal(index.keys[i].ms - index.keys[i - 1].ms, 1000 * index.stride);
		assert_int_equal(index.keys[i].position, (int64_t)index.keys[i].ms * 5);
	}
	flv_index_fini(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_index_has_the_facts),
		cmocka_unit_test(members_of_the_stream_stay),
		cmocka_unit_test(a_long_text_of_a_stream_is_left_out),
		cmocka_unit_test(each_size_of_the_index_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
