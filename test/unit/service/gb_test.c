/* Cameras of a test server: who is called, whose media becomes a stream, and how each of it ends. */
#include "unit/service/gb_rig.h"

/* ---- called at once ---- */

static void a_device_is_called_when_it_registers(void **state)
{
	(void)state;
	begin("", "");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	go_live();
	assert_int_equal(server->stat.client_count, 1);
	assert_string_equal(server->stat.clients->type, "gb28181-publish");
	/* Its media ends: good-bye, and it is called again. */
	sock_close(&line.far);
	assert_true(gb_camera_await(&camera, "BYE", 3000));
	(void)await_invite();
	assert_int_equal(server->gb->invited, 2);
}

static void a_device_that_does_not_answer_is_called_five_times(void **state)
{
	(void)state;
	begin("", "timeout 0.5; reinvite 0;");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	wait_until(server->gb->unanswered == 5);
	wait_until(server->gb->call_count == 0);
}

static void a_device_may_end_the_call(void **state)
{
	(void)state;
	begin("", "");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	go_live();
	assert_int_equal(gb_camera_try(&camera, "BYE", "", ""), 200);
	wait_until(server->gb->call_count == 0 && server->gb->stream_count == 0);
	assert_false(gb_camera_await(&camera, "BYE", 200));
	assert_int_equal(gb_camera_register(&camera, NULL, 3600),
			 200); /* and it is not called for that */
	assert_int_equal(server->gb->call_count, 0);
}

static void a_device_that_leaves_ends_its_call(void **state)
{
	(void)state;
	begin("", "");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	go_live();
	assert_int_equal(gb_camera_register(&camera, NULL, 0), 200);
	wait_until(server->gb->call_count == 0);
}

static void the_server_says_good_bye(void **state)
{
	(void)state;
	begin("", "");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	go_live();
	gb_hub_stop(server);
	assert_int_equal(server->gb->call_count, 0);
	assert_true(gb_camera_await(&camera, "BYE", 3000));
}

/* ---- on demand ---- */

static void a_device_is_called_for_who_watches(void **state)
{
	(void)state;
	int64_t since = 0;
	begin("", "invite on_demand; catalog off; idle 2;");
	assert_false(maker_can(&server->maker, vhost(), "live", GB_CAMERA, &since));
	assert_false(want());
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(server->gb->call_count, 0);
	assert_true(maker_can(&server->maker, vhost(), "live", GB_CAMERA, &since));
	assert_true(since > 0);
	assert_false(maker_can(&server->maker, vhost(), "other", GB_CAMERA, &since));
	assert_false(maker_can(&server->maker, vhost(), "live", "cam", &since));
	assert_true(want());
	struct making second = {.co = co_self()};
	assert_true(maker_want(&server->maker, vhost(), "live", GB_CAMERA, &second));
	go_live();
	assert_true(making.begun && second.begun);
	assert_int_equal(server->gb->invited, 1);
	maker_leave(&server->maker, &making);
	maker_leave(&server->maker, &second);
	/* Somebody without a connection of his own keeps it. */
	int64_t until = clock_after(2600);
	while (clock_ms() < until) {
		maker_touch(&server->maker, vhost(), "live", GB_CAMERA);
		assert_int_equal(co_sleep(50), OK);
	}
	assert_int_equal(server->gb->call_count, 1);
	assert_true(gb_camera_await(&camera, "BYE", 8000));
	wait_until(server->gb->call_count == 0);
}

static void a_refusal_is_told_to_who_waits(void **state)
{
	(void)state;
	begin("", "invite on_demand; catalog off;");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_true(want());
	(void)await_invite();
	gb_camera_answer(&camera, 486, "");
	wait_until(making.failed);
	assert_string_equal(making.why, "the device refuses: 486 Busy Here");
	assert_null(making.of);
	wait_until(server->gb->call_count == 0);
	assert_int_equal(server->gb->refused, 1);
}

static void silence_is_told_to_who_waits(void **state)
{
	(void)state;
	begin("", "invite on_demand; catalog off; timeout 0.5;");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_true(want());
	(void)await_invite();
	wait_until(making.failed);
	assert_string_equal(making.why, "the device does not answer");
	assert_true(want());
	(void)await_invite();
	gb_camera_answer(&camera, 200, "");
	wait_until(making.failed);
	assert_string_equal(making.why, "the device has answered, but no media came");
	assert_true(gb_camera_await(&camera, "BYE", 3000));
}

/* ---- media ---- */

static void media_may_come_in_datagrams(void **state)
{
	(void)state;
	begin("media udp;", "");
	struct udp *udp = open_udp(), *from = open_udp();
	struct addr to;
	int port = udp_port(udp);
	assert_true(addr_literal(&to, "127.0.0.1", port));
	assert_int_equal(gb_hub_listen_media(server->gb, &udp), OK);
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	uint32_t ssrc = await_invite();
	gb_camera_answer(&camera, 200, "v=0\r\nc=IN IP4 127.0.0.1\r\ny=0000004711\r\n");
	assert_true(gb_camera_await(&camera, "ACK", 3000));
	assert_int_not_equal(ssrc, 4711);
	static const uint8_t order[] = {0, 2, 1, 3, 3, 4, 6, 5, 7};
	for (size_t i = 0; i < sizeof(order); i++) {
		uint8_t pack[256], packet[300];
		size_t n = put_rtp(packet, 4711, order[i], pack, put_pack(pack, order[i]));
		struct udp_out out = {.data = span_of(packet, n), .to = &to};
		int sent;
		assert_int_equal(udp_send(from, &out, 1, &sent), OK);
	}
	wait_until(is_live(GB_CAMERA));
	wait_until(source_of(GB_CAMERA)->feeder != NULL);
	/* Another one that knows the SSRC is not heard. */
	struct udp *stranger = open_udp();
	uint8_t bad[12] = {0x80, 96, 0, 9, 0, 0, 0, 0, 0, 0, 0x12, 0x67};
	struct udp_out out = {.data = span_of(bad, sizeof(bad)), .to = &to};
	int sent;
	assert_int_equal(udp_send(stranger, &out, 1, &sent), OK);
	wait_until(server->gb->unknown_media == 1);
	udp_close(&stranger);
	udp_close(&from);
	gb_hub_stop(server);
	co_group_stop(&server->sessions);
	gb_hub_unlisten_media(server->gb, port);
}

static void media_of_nobody_is_refused(void **state)
{
	(void)state;
	begin("", "invite off;");
	connect_media();
	send_packs(4711, 0, 1);
	uint8_t byte;
	size_t n;
	sock_set_deadline(line.far, clock_after(8000));
	assert_int_equal(sock_recv(line.far, &byte, 1, &n), ERR_CLOSED);
	assert_int_equal(server->gb->unknown_media, 1);
}

static void another_program_may_announce_a_stream(void **state)
{
	(void)state;
	begin("", "invite off; timeout 1.5;");
	assert_int_equal(gb_external_open(server->gb, "cam", 4711), OK);
	assert_int_equal(gb_external_open(server->gb, "cam", 4712), ERR_FULL);
	assert_int_equal(gb_external_open(server->gb, "other", 4711), ERR_FULL);
	assert_int_equal(gb_external_open(server->gb, "a/b", 4713), ERR_PROTOCOL);
	connect_media();
	send_packs(4711, 0, 5);
	wait_until(is_live("cam"));
	sock_close(&line.far);
	wait_until(server->gb->stream_count == 0);
	/* None comes: it is over by itself; or at once. */
	assert_int_equal(gb_external_open(server->gb, "cam", 4711), OK);
	wait_until(server->gb->stream_count == 0);
	assert_int_equal(gb_external_open(server->gb, "cam", 4711), OK);
	assert_true(gb_external_close(server->gb, "cam"));
	assert_false(gb_external_close(server->gb, "cam"));
	assert_int_equal(server->gb->stream_count, 0);
}

static void media_that_is_no_program_stream_ends(void **state)
{
	(void)state;
	begin("", "invite off;");
	assert_int_equal(gb_external_open(server->gb, "cam", 4711), OK);
	connect_media();
	static uint8_t junk[1400], packet[1500];
	memset(junk, 0x55, sizeof(junk));
	for (uint16_t i = 0; i < 1000 && server->gb->stream_count; i++) {
		size_t n = put_rtp(packet + 2, 4711, i, junk, sizeof(junk));
		be_put(packet, n, 2);
		if (sock_send(line.far, packet, n + 2) != OK)
			break;
		co_yield ();
	}
	wait_until(server->gb->stream_count == 0);
}

static char told[512];

static void note_camera(void *ctx, const char *word, const char *text)
{
	(void)ctx;
	assert_string_equal(word, "camera");
	snprintf(told, sizeof(told), "%s", text);
}

static void another_process_takes_over_a_camera_and_calls_it(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "x", "34020000001320000009 127.0.0.1 5060",
					    "34020000001320000009 nowhere 1 127.0.0.1 1 1000 id",
					    "34020000001320000009 127.0.0.1 1 127.0.0.1 1 1000 id"};
	begin("", "");
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	go_live();
	gb_handover_give(server, note_camera, NULL);
	gb_handover_end(server);
	assert_true(gb_camera_await(&camera, "BYE", 3000));
	wait_until(server->gb->call_count == 0);
	/* As the other process hears it, to whom this one is another device. */
	assert_memory_equal(told, GB_CAMERA, GB_ID);
	told[GB_ID - 1] = '9';
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		gb_handover_take(server, wrong[i]);
	assert_null(gb_device_find(gb_hub_devices(server->gb), "34020000001320000009"));
	gb_handover_take(server, told);
	const struct gb_device *d =
		gb_device_find(gb_hub_devices(server->gb), "34020000001320000009");
	assert_true(d && d->is_online && d->expires_ms > clock_ms() + 3500000);
	(void)await_invite();
}

static void a_reload_changes_who_may_register(void **state)
{
	(void)state;
	begin("", "invite off; password a; device 34020000001320000002 b;");
	assert_int_equal(gb_camera_register(&camera, "a", 3600), 200);
	gb_hub_reload(server);
	assert_int_equal(gb_camera_register(&camera, "b", 3600), 403);
	assert_int_equal(gb_hub_media_port(server->gb), 9000);
	char ip[ADDR_TEXT_MAX];
	gb_hub_address(server->gb, gb_device_find(gb_hub_devices(server->gb), GB_CAMERA)->flow, ip);
	assert_string_equal(ip, "127.0.0.1");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_device_is_called_when_it_registers),
		CASE(a_device_that_does_not_answer_is_called_five_times),
		CASE(a_device_may_end_the_call),
		CASE(a_device_that_leaves_ends_its_call),
		CASE(the_server_says_good_bye),
		CASE(a_device_is_called_for_who_watches),
		CASE(a_refusal_is_told_to_who_waits),
		CASE(silence_is_told_to_who_waits),
		CASE(media_may_come_in_datagrams),
		CASE(media_of_nobody_is_refused),
		CASE(another_program_may_announce_a_stream),
		CASE(media_that_is_no_program_stream_ends),
		CASE(another_process_takes_over_a_camera_and_calls_it),
		CASE(a_reload_changes_who_may_register),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
