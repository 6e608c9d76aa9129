/* Random streams through a wire to random receivers, against a model: what a receiver reads is
 * decoded as a client would, and each message must be the next one that was published, whole and
 * at its time. Only what the model knows the receiver must not get may be missing. */
#include "unit/live/wire_model.h"

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
