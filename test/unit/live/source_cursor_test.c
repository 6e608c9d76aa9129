/* The wires of a source: who shares one, and who gets the twin of the sound. */
#include "live/wire.h"
#include "unit/live/receiver.h"
#include "unit/live/stage.h"

#include <stdlib.h>
#include <utlist.h>

static struct receiver player, server, later;

static int setup(void **state)
{
	static const struct source_opts opts = {
		.chunk_size = 4096, .gop_cache = true, .backlog_ms = 30000};
	(void)state;
	return stage_begin(&opts);
}

static void pub(struct msg *m, uint32_t raw)
{
	source_publish(source, source->feeder, &m, raw);
}

/* One Opus frame of track 255, as Enhanced RTMP has it: one track, coded, its FourCC, its number. */
static struct msg *twin(void)
{
	static const uint8_t head[] = {0x95, 0x01, 'O', 'p', 'u', 's', TRACK_TWIN, 0xFC};
	struct msg *m = msg_new(MSG_AUDIO, 0, 40);
	memset(m->payload, 1, m->n);
	memcpy(m->payload, head, sizeof(head));
	return m;
}

static void join(struct receiver *c, enum consumer_kind kind)
{
	receiver_join(c, source, &wire_flv, kind);
}

static int wires(void)
{
	struct wire *w;
	int n;
	LL_COUNT(source->wires, w, n);
	return n;
}

static void a_server_that_came_before_the_first_twin_gets_it(void **state)
{
	(void)state;
	pub(avc_header('1'), 0);
	pub(key_frame(100), 0);
	join(&server, CONSUMER_RELAY);
	join(&player, CONSUMER_PLAYER);
	assert_int_equal(wires(), 1);
	pub(twin(), 10);
	pub(sound(30), 10);
	assert_string_equal(receiver_reads(&server), "Hkts");
	assert_string_equal(receiver_reads(&player), "Hks");
	join(&later, CONSUMER_PLAYER);
	assert_int_equal(wires(), 2);
	pub(twin(), 30);
	pub(sound(30), 30);
	assert_string_equal(receiver_reads(&server), "ts");
	assert_string_equal(receiver_reads(&player), "s");
	assert_string_equal(receiver_reads(&later), "Hkss");
	receiver_leave(&later);
	receiver_leave(&player);
	receiver_leave(&server);
	assert_int_equal(wires(), 0);
}

static void a_server_that_comes_later_gets_the_kept_ones_and_players_do_not(void **state)
{
	(void)state;
	pub(avc_header('1'), 0);
	pub(key_frame(100), 0);
	join(&player, CONSUMER_PLAYER);
	pub(twin(), 10);
	pub(sound(30), 10);
	join(&server, CONSUMER_RELAY);
	assert_int_equal(wires(), 2);
	assert_string_equal(receiver_reads(&server), "Hkts");
	assert_string_equal(receiver_reads(&player), "Hks");
	receiver_leave(&player);
	receiver_leave(&server);
}

static void a_server_that_wants_no_sound_gets_no_twin(void **state)
{
	(void)state;
	pub(avc_header('1'), 0);
	pub(key_frame(100), 0);
	join(&server, CONSUMER_RELAY);
	cursor_want(&server.cursor, WIRE_VIDEO | WIRE_DATA);
	pub(twin(), 10);
	pub(sound(30), 10);
	pub(picture(30), 10);
	assert_string_equal(receiver_reads(&server), "Hkp");
	cursor_want(&server.cursor, WIRE_ALL);
	pub(twin(), 30);
	pub(sound(30), 30);
	assert_string_equal(receiver_reads(&server), "ts");
	receiver_leave(&server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_came_before_the_first_twin_gets_it),
		TEST(a_server_that_comes_later_gets_the_kept_ones_and_players_do_not),
		TEST(a_server_that_wants_no_sound_gets_no_twin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
