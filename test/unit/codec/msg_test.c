/* References to shared messages. */
#include "codec/msg.h"
#include "support/unit.h"

static void the_last_reference_frees(void **state)
{
	(void)state;
	struct msg *m = msg_new(MSG_VIDEO, 7, 3);
	memcpy(m->payload, "abc", 3);
	assert_int_equal(msg_live(), 1);
	struct msg *other = msg_ref(m);
	msg_unref(&m);
	assert_null(m);
	assert_int_equal(msg_live(), 1);
	assert_int_equal(other->type, MSG_VIDEO);
	assert_int_equal(other->ts, 7);
	assert_true(span_is(msg_span(other), "abc"));
	msg_unref(&other);
	assert_int_equal(msg_live(), 0);
	msg_unref(&other);
}

static void a_message_grows_while_it_is_filled(void **state)
{
	(void)state;
	struct msg *m = msg_new(MSG_AUDIO, 0, 3);
	memcpy(m->payload, "abc", 3);
	m = msg_resize(m, 100000);
	memset(m->payload + 3, 'x', 100000 - 3);
	assert_int_equal(m->n, 100000);
	assert_memory_equal(m->payload, "abcx", 4);
	assert_int_equal(msg_live(), 1);
	msg_unref(&m);
	assert_int_equal(msg_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_reference_frees),
		cmocka_unit_test(a_message_grows_while_it_is_filled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
