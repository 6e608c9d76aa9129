/* A seam that has to do with other feeders of its source; where streams join is splice_test.c. */
#include "cluster/resume.h"
#include "support/unit.h"
#include "unit/live/media.h"

static struct source *source;
static struct feeder pull, encoder;
static struct resume seam;
static int lost;

static void on_lost(struct feeder *f)
{
	(void)f;
	lost++;
}

static int setup(void **state)
{
	(void)state;
	if (co_init() != OK)
		return -1;
	lost = 0;
	pull = (struct feeder){.kind = FEEDER_RELAY, .on_lost = on_lost};
	encoder = (struct feeder){.kind = FEEDER_PUBLISHER, .on_lost = on_lost};
	source = source_new(
		"k", "v", "a", "s",
		&(struct source_opts){.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000});
	seam = (struct resume){.source = source, .feeder = &pull};
	resume_begin(&seam);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	resume_fini(&seam);
	source_leave(source, &pull, 0);
	source_leave(source, &encoder, 0);
	source_unref(&source);
	co_fini();
	return msg_live() ? -1 : 0;
}

static void take(struct msg *m, uint32_t raw)
{
	m->frame = m->type == MSG_VIDEO ? frame_of_video(msg_span(m)) : frame_of_audio(msg_span(m));
	resume_take(&seam, m, raw);
}

static void show_a_gop(uint32_t raw)
{
	take(key_frame(500), raw);
	take(picture(50), raw + 40);
	take(picture(60), raw + 80);
}

static void the_first_frame_opens_a_source_that_nobody_feeds(void **state)
{
	(void)state;
	show_a_gop(0);
	assert_true(seam.open);
	assert_ptr_equal(source->feeder, &pull);
	assert_int_equal(source->log.next, 3);
}

/* The encoder has begun, and has sent nothing: nothing was ever shown. */
static void the_first_frame_does_not_throw_out_an_encoder(void **state)
{
	(void)state;
	source_begin(source, &encoder);
	show_a_gop(0);
	resume_end(&seam);
	assert_ptr_equal(source->feeder, &encoder);
	assert_int_equal(lost, 0);
	assert_int_equal(source->log.next, 0);
}

/* What another server has sent is held when the encoder begins here. */
static void what_is_held_does_not_throw_out_an_encoder(void **state)
{
	(void)state;
	show_a_gop(0);
	source_leave(source, &pull, 10000);
	resume_begin(&seam);
	show_a_gop(7000);
	assert_false(seam.open);
	source_begin(source, &encoder);
	resume_end(&seam);
	assert_ptr_equal(source->feeder, &encoder);
	assert_int_equal(lost, 0);
	assert_int_equal(source->log.next, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_frame_opens_a_source_that_nobody_feeds),
		TEST(the_first_frame_does_not_throw_out_an_encoder),
		TEST(what_is_held_does_not_throw_out_an_encoder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
