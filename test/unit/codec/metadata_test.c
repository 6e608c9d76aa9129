/* What becomes of a publisher's data messages. */
#include "base/mem.h"
#include "base/version.h"
#include "codec/amf0.h"
#include "codec/metadata.h"
#include "support/unit.h"

#include <stdlib.h>

static struct buf body_of(const char *command, const char *name, struct amf *values)
{
	struct buf b = {.max = 1 << 17};
	struct amf *all[] = {command ? amf_string(command) : NULL, name ? amf_string(name) : NULL,
			     values};
	for (size_t i = 0; i < 3; i++) {
		if (all[i])
			amf_write(&b, all[i]);
		amf_free(&all[i]);
	}
	return b;
}

static struct amf *values_of(bool ecma)
{
	struct amf *v = ecma ? amf_ecma() : amf_object();
	amf_set(v, "duration", amf_number(60));
	amf_set(v, "width", amf_number(640));
	amf_set(v, "server", amf_string("an encoder"));
	return v;
}

/* The second value of a message. */
static struct amf *values_in(const struct msg *m)
{
	struct cur c = cur_of(m->payload, m->n);
	struct amf *name = NULL, *values = NULL;
	assert_int_equal(amf_read(&name, &c), OK);
	assert_string_equal(amf_text(name, ""), "onMetaData");
	assert_int_equal(amf_read(&values, &c), OK);
	assert_int_equal(cur_left(&c), 0);
	amf_free(&name);
	return values;
}

static void metadata_names_this_server_and_no_duration(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct buf b =
			body_of(i & 1 ? "@setDataFrame" : NULL, "onMetaData", values_of(i & 2));
		struct msg *m = metadata_read(buf_span(&b));
		assert_non_null(m);
		assert_int_equal(m->type, MSG_DATA);
		assert_true(m->frame.is_meta);
		struct amf *v = values_in(m);
		assert_int_equal(v->kind, AMF_OBJECT);
		assert_true(amf_get_number(v, "width", 0) == 640);
		assert_null(amf_get(v, "duration"));
		assert_string_equal(amf_get_string(v, "server", ""), SERVER_NAME);
		assert_string_equal(amf_get_string(v, "server_version", ""), SRS_VERSION);
		amf_free(&v);
		msg_unref(&m);
		buf_free(&b);
	}
}

static void assert_passed_on(const struct buf *b, size_t front, bool is_meta)
{
	struct msg *m = metadata_read(buf_span(b));
	assert_non_null(m);
	assert_int_equal(m->frame.is_meta, is_meta);
	assert_int_equal(m->n, b->n - front);
	assert_memory_equal(m->payload, b->p + front, m->n);
	msg_unref(&m);
}

static void metadata_that_cannot_be_read_are_passed_on_and_kept(void **state)
{
	(void)state;
	enum { SET_DATA_FRAME = 3 + 13 };
	for (int i = 0; i < 2; i++) {
		struct buf b = body_of(i ? "@setDataFrame" : NULL, "onMetaData", values_of(false));
		size_t front = i ? SET_DATA_FRAME : 0, whole = b.n;
		b.n = whole - 5; /* in the middle of a value */
		assert_passed_on(&b, front, true);
		b.n = whole - 3;
		buf_put(&b, "\0\1x\x11\x0a", 5); /* a value in AMF3 */
		assert_passed_on(&b, front, true);
		buf_free(&b);
	}
	struct buf bare = body_of(NULL, "onMetaData", amf_string("no object"));
	assert_passed_on(&bare, 0, true);
	buf_free(&bare);
}

static void metadata_that_are_too_long_to_be_rewritten_are_passed_on(void **state)
{
	(void)state;
	struct amf *v = amf_object();
	char *text = mem_zalloc(70001);
	memset(text, 'x', 70000);
	amf_set(v, "cue", amf_string(text));
	struct buf b = body_of(NULL, "onMetaData", v);
	assert_passed_on(&b, 0, true);
	buf_free(&b);
	free(text);
}

static void other_data_is_passed_on_as_it_is(void **state)
{
	(void)state;
	struct buf b = body_of(NULL, "onTextData", values_of(false));
	assert_passed_on(&b, 0, false);
	buf_free(&b);
	b = body_of("@setDataFrame", "onCuePoint", values_of(true));
	assert_passed_on(&b, 3 + 13, false);
	buf_free(&b);
	struct buf rubbish = {.max = 16};
	buf_put(&rubbish, "\xff\xff\xff", 3);
	assert_passed_on(&rubbish, 0, false);
	buf_free(&rubbish);
}

static void what_says_nothing_is_dropped(void **state)
{
	(void)state;
	struct buf bodies[] = {
		{0},
		body_of(NULL, "|RtmpSampleAccess", amf_bool(true)),
		body_of(NULL, "onStatus", values_of(false)),
		body_of("@setDataFrame", NULL, NULL),
		{.max = 4},
	};
	enum { COUNT = sizeof(bodies) / sizeof(bodies[0]) };
	buf_put(&bodies[COUNT - 1], "\0\1\2\3", 4);
	for (size_t i = 0; i < COUNT; i++) {
		struct msg *m = metadata_read(buf_span(&bodies[i]));
		assert_null(m);
		buf_free(&bodies[i]);
	}
	assert_int_equal(msg_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_names_this_server_and_no_duration),
		cmocka_unit_test(metadata_that_cannot_be_read_are_passed_on_and_kept),
		cmocka_unit_test(metadata_that_are_too_long_to_be_rewritten_are_passed_on),
		cmocka_unit_test(other_data_is_passed_on_as_it_is),
		cmocka_unit_test(what_says_nothing_is_dropped),
	};
	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
