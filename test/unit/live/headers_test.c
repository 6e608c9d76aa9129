#include "live/headers.h"
#include "support/unit.h"
#include "unit/live/media.h"

static void put(struct headers **h, enum msg_type type, uint8_t track, bool meta, uint8_t what)
{
	struct msg *m = media(type, what, 0, 0, 3);
	m->frame.track = track;
	m->frame.is_meta = meta;
	m->frame.is_header = !meta;
	assert_true(headers_put(h, m));
	msg_unref(&m);
}

static void expect(const struct headers *h, const char *order)
{
	assert_int_equal(h->count, strlen(order));
	for (int i = 0; i < h->count; i++)
		assert_int_equal(h->v[i]->payload[0], order[i]);
}

static void headers_stand_in_the_order_a_decoder_needs(void **state)
{
	(void)state;
	struct headers *h = NULL;
	put(&h, MSG_VIDEO, 0, true, 'c'); /* colour, before its sequence header */
	put(&h, MSG_VIDEO, 0, false, 'v');
	put(&h, MSG_AUDIO, 0, true, 'l');
	put(&h, MSG_AUDIO, 0, false, 'a');
	put(&h, MSG_AUDIO, 1, false, 'b');
	put(&h, MSG_DATA, 0, true, 'm');
	put(&h, MSG_VIDEO, 1, false, 'w');
	expect(h, "mablvwc");
	headers_unref(&h);
	assert_int_equal(msg_live(), 0);
}

static void a_new_header_replaces_its_like_and_the_former_set_stays_as_it_was(void **state)
{
	(void)state;
	struct headers *h = NULL, *before;
	put(&h, MSG_DATA, 0, true, 'm');
	put(&h, MSG_AUDIO, 0, false, 'a');
	put(&h, MSG_VIDEO, 0, false, 'v');
	before = headers_ref(h);
	put(&h, MSG_AUDIO, 0, false, 'A');
	put(&h, MSG_VIDEO, 0, false, 'V');
	expect(h, "mAV");
	expect(before, "mav");
	struct msg *like = media(MSG_VIDEO, 0, 0, 0, 1);
	assert_int_equal(headers_find(h, like)->payload[0], 'V');
	like->frame.track = 1;
	assert_null(headers_find(h, like));
	assert_null(headers_find(NULL, like));
	msg_unref(&like);
	headers_unref(&before);
	headers_unref(&h);
	headers_unref(&h);
	assert_int_equal(msg_live(), 0);
}

static void a_full_set_takes_replacements_only(void **state)
{
	(void)state;
	struct headers *h = NULL;
	for (int i = 0; i < HEADERS_MAX; i++)
		put(&h, MSG_VIDEO, (uint8_t)i, false, 'v');
	struct msg *m = media(MSG_VIDEO, 'n', 0, 0, 3);
	m->frame.track = HEADERS_MAX;
	assert_false(headers_put(&h, m));
	m->frame.track = 7;
	assert_true(headers_put(&h, m));
	assert_int_equal(h->count, HEADERS_MAX);
	assert_int_equal(headers_find(h, m)->payload[0], 'n');
	msg_unref(&m);
	headers_unref(&h);
	assert_int_equal(msg_live(), 0);
}

static void a_set_does_not_grow_without_bound(void **state)
{
	(void)state;
	struct headers *h = NULL;
	int taken = 0;
	for (int i = 0; i < 10; i++) {
		struct msg *m = media(MSG_VIDEO, 0, 0, 0, HEADERS_BYTES_MAX / 4);
		m->frame.track = (uint8_t)i;
		taken += headers_put(&h, m);
		msg_unref(&m);
	}
	assert_int_equal(taken, 4);
	headers_unref(&h);
	assert_int_equal(msg_live(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_stand_in_the_order_a_decoder_needs),
		cmocka_unit_test(a_new_header_replaces_its_like_and_the_former_set_stays_as_it_was),
		cmocka_unit_test(a_full_set_takes_replacements_only),
		cmocka_unit_test(a_set_does_not_grow_without_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
