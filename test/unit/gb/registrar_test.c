/* Devices register, tell of themselves and leave; strangers do not. */
#include "gb/registrar.h"
#include "sip/inside.h"
#include "support/co_unit.h"
#include "support/gb_camera.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#define OTHER "34020000001320000002"

static struct gb_registrar registrar;
static struct sip_endpoint *endpoint;
static struct gb_camera camera, other;
static int port, came, lives, left, byes;
static const char *seems_from; /* where requests seem to come from; NULL: from where they do */

static void on_request(void *ctx, struct sip_incoming *in)
{
	(void)ctx;
	struct addr peer = in->flow->peer;
	if (seems_from)
		(void)addr_literal(&in->flow->peer, seems_from, 5060);
	gb_registrar_take(&registrar, in);
	in->flow->peer = peer;
}

static void on_registered(void *ctx, struct gb_device *device, bool is_new_life)
{
	(void)ctx;
	assert_true(device->is_online);
	came++;
	lives += is_new_life;
}

static void on_left(void *ctx, struct gb_device *device)
{
	(void)ctx;
	assert_false(device->is_online);
	left++;
}

static void on_bye(void *ctx, struct gb_device *device, const struct sip_message *bye)
{
	(void)ctx;
	(void)device;
	(void)bye;
	byes++;
}

static const struct gb_registrar_ops ops = {on_registered, on_left, on_bye};

static const char *password_of(void *ctx, const char *id, bool *listed)
{
	(void)ctx;
	*listed = strcmp(id, OTHER) == 0;
	return *listed ? "own" : NULL;
}

static struct gb_registrar_opts opts_with(const char *password)
{
	return (struct gb_registrar_opts){.server_id = "34020000002000000001",
					  .password = password,
					  .password_of = password_of,
					  .keepalive_ms = 60000};
}

static void configure(struct gb_registrar_opts opts)
{
	gb_registrar_configure(&registrar, &opts);
}

static int setup(void **state)
{
	int rc = co_setup_fake_time(state);
	struct udp *udp;
	struct udp_opts at = {.at = {.host = "127.0.0.1"}, .what = "SIP"};
	struct gb_registrar_opts opts = opts_with("");
	came = lives = left = byes = 0;
	seems_from = NULL;
	assert_int_equal(gb_registrar_init(&registrar, &ops, &opts), OK);
	assert_int_equal(
		sip_endpoint_new(&endpoint, &(struct sip_endpoint_opts){.on_request = on_request}),
		OK);
	registrar.endpoint = endpoint;
	assert_int_equal(udp_open(&udp, &at), OK);
	port = udp_port(udp);
	assert_int_equal(sip_endpoint_add_udp(endpoint, &udp), OK);
	gb_camera_open(&camera, GB_CAMERA, port);
	gb_camera_open(&other, OTHER, port);
	return rc;
}

static int teardown(void **state)
{
	gb_camera_close(&camera);
	gb_camera_close(&other);
	sip_endpoint_free(&endpoint);
	gb_registrar_fini(&registrar);
	return co_teardown(state);
}

static struct gb_device *device(void)
{
	return gb_device_find(&registrar.devices, GB_CAMERA);
}

static int keepalive(struct gb_camera *c)
{
	return gb_camera_try(
		c, "MESSAGE", "Content-Type: Application/MANSCDP+xml\r\n",
		"<?xml version=\"1.0\"?><Notify><CmdType>Keepalive</CmdType></Notify>");
}

/* ---- coming and leaving ---- */

static void a_device_comes_and_leaves(void **state)
{
	(void)state;
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_true(span_is(sip_header_value(&camera.m, "Expires"), "3600"));
	assert_int_equal(sip_header_value(&camera.m, "Date").n, strlen("2026-11-28T20:15:22.000"));
	assert_true(device()->is_online);
	assert_string_equal(device()->agent, "camera");
	assert_int_equal(keepalive(&camera), 200);
	assert_int_equal(gb_camera_try(&camera, "OPTIONS", "", ""), 200);
	assert_int_equal(gb_camera_try(&camera, "SUBSCRIBE", "", ""), 405);
	assert_int_equal(gb_camera_register(&camera, NULL, 0), 200);
	assert_false(device()->is_online);
	assert_true(device()->quiet_until_ms > clock_ms());
	assert_int_equal(keepalive(&camera), 403);
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(came, 2);
	assert_int_equal(left, 1);
	assert_int_equal(registrar.counts.keepalives, 1);
}

static void a_device_that_is_not_heard_is_off_line(void **state)
{
	(void)state;
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(co_sleep(170000), OK);
	assert_true(device()->is_online);
	assert_int_equal(keepalive(&camera), 200);
	assert_int_equal(co_sleep(170000), OK);
	assert_true(device()->is_online);
	assert_int_equal(co_sleep(15000), OK);
	assert_string_equal(device()->left_why, "it has sent no keepalive");
	assert_int_equal(left, 1);
	/* And a day later it is forgotten. */
	assert_int_equal(co_sleep(GB_OFFLINE_KEPT_MS + 2000), OK);
	assert_null(device());
}

static void a_registration_expires(void **state)
{
	(void)state;
	assert_int_equal(gb_camera_register(&camera, NULL, 60), 200);
	assert_int_equal(co_sleep(95000), OK);
	assert_string_equal(device()->left_why, "its registration has expired");
}

static void another_life_begins_with_another_way_and_call_id(void **state)
{
	(void)state;
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(lives, 1);
	camera.call_id = "refreshed"; /* some change it each time */
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(lives, 1);
	struct gb_camera again;
	gb_camera_open(&again, GB_CAMERA, port);
	again.call_id = "second-life";
	assert_int_equal(gb_camera_register(&again, NULL, 3600), 200);
	assert_int_equal(lives, 2);
	assert_int_equal(came, 4);
	gb_camera_close(&again);
}

static void a_good_bye_is_answered_and_told(void **state)
{
	(void)state;
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_int_equal(gb_camera_try(&camera, "BYE", "", ""), 200);
	assert_int_equal(byes, 1);
	assert_true(device()->quiet_until_ms > clock_ms());
}

/* ---- who may ---- */

static void passwords_are_asked_for(void **state)
{
	(void)state;
	configure(opts_with("common"));
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 401);
	assert_int_equal(gb_camera_register(&camera, "wrong", 3600), 403);
	assert_null(device());
	assert_int_equal(gb_camera_register(&camera, "common", 3600), 200);
	assert_int_equal(gb_camera_register(&other, "common", 3600), 403);
	assert_int_equal(gb_camera_register(&other, "own", 3600), 200);
	assert_int_equal(registrar.counts.refused, 2);
}

static void only_listed_devices_may_come_where_it_is_so(void **state)
{
	(void)state;
	struct gb_registrar_opts opts = opts_with("common");
	opts.only_listed = true;
	configure(opts);
	assert_int_equal(gb_camera_register(&camera, "common", 3600), 403);
	assert_int_equal(gb_camera_register(&other, "own", 3600), 200);
}

/* What the port is bound to means nothing: a wildcard or a public address is safe because of who asks. */
static void without_a_password_public_addresses_are_refused(void **state)
{
	static const struct {
		const char *ip;
		bool near;
	} rows[] = {
		{"192.0.2.1", false},         {"198.51.100.7", false},     {"172.32.0.1", false},
		{"2001:db8::1", false},       {"::ffff:192.0.2.1", false}, {"10.1.2.3", true},
		{"172.16.0.1", true},         {"192.168.1.1", true},       {"fd00::1", true},
		{"::ffff:192.168.1.1", true},
	};
	struct gb_registrar_opts opts = opts_with("");
	uint64_t refused = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		seems_from = rows[i].ip;
		(void)gb_camera_register(&camera, NULL, 3600); /* the answer went there */
		refused += !rows[i].near;
		assert_int_equal(registrar.counts.refused, refused);
		assert_int_equal(device() && device()->is_online, rows[i].near);
		seems_from = NULL;
		assert_int_equal(gb_camera_register(&camera, NULL, 0), 200);
	}
	opts.open = true;
	configure(opts);
	seems_from = "192.0.2.1";
	(void)gb_camera_register(&camera, NULL, 3600);
	assert_true(device()->is_online);
	assert_int_equal(registrar.counts.refused, refused);
}

static void strangers_are_not_answered(void **state)
{
	(void)state;
	struct gb_camera scanner;
	gb_camera_open(&scanner, "100", port);
	static const char *const methods[] = {"OPTIONS", "INVITE", "REGISTER", "MESSAGE", "BYE"};
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		gb_camera_ask(&scanner, methods[i], "", "");
		assert_false(gb_camera_get(&scanner, 300));
	}
	assert_int_equal(registrar.counts.unknown, 5);
	gb_camera_close(&scanner);
	assert_int_equal(keepalive(&camera), 403);
}

/* ---- catalogues ---- */

static void answer_catalog(int sum, const char *id, int sn)
{
	char body[1024];
	snprintf(body, sizeof(body),
		 "<?xml "
		 "version=\"1.0\"?><Response><CmdType>Catalog</CmdType><SN>%d</SN><SumNum>%d</"
		 "SumNum>"
		 "<DeviceList "
		 "Num=\"1\"><Item><DeviceID>%s</DeviceID><Name>Gate</Name></Item></DeviceList>"
		 "</Response>",
		 sn, sum, id);
	assert_int_equal(gb_camera_try(&camera, "MESSAGE", "", body), 200);
}

static void channels_are_asked_for_until_they_are_known(void **state)
{
	(void)state;
	struct gb_registrar_opts opts = opts_with("");
	opts.catalog = true;
	configure(opts);
	assert_int_equal(gb_camera_register(&camera, NULL, 3600), 200);
	assert_true(gb_camera_await(&camera, "MESSAGE", 1000));
	assert_non_null(strstr((const char *)camera.m.body.p, "<CmdType>Catalog</CmdType>"));
	assert_true(gb_camera_await(&camera, "MESSAGE", 40000)); /* it has said nothing */
	answer_catalog(2, "34020000001310000001", 1); /* of the first question: too late */
	assert_int_equal(device()->channel_count, 0);
	answer_catalog(2, "34020000001310000001", 2);
	assert_int_equal(registrar.counts.catalogs, 0);
	answer_catalog(2, "34020000001310000002", 2);
	assert_int_equal(registrar.counts.catalogs, 1);
	assert_int_equal(device()->channel_count, 2);
	assert_string_equal(device()->channels[0]->name, "Gate");
	assert_false(gb_camera_await(&camera, "MESSAGE", 40000));
	assert_int_equal(gb_camera_try(&camera, "MESSAGE", "", "no document"), 200);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_device_comes_and_leaves),
		CASE(a_device_that_is_not_heard_is_off_line),
		CASE(a_registration_expires),
		CASE(another_life_begins_with_another_way_and_call_id),
		CASE(a_good_bye_is_answered_and_told),
		CASE(passwords_are_asked_for),
		CASE(only_listed_devices_may_come_where_it_is_so),
		CASE(without_a_password_public_addresses_are_refused),
		CASE(strangers_are_not_answered),
		CASE(channels_are_asked_for_until_they_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
