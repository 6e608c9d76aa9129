/* Devices and channels that are known. */
#include "gb/devices.h"
#include "support/unit.h"

#include <stdio.h>

#define CAMERA "34020000001320000001"
#define RECORDER "34020000001180000001"
#define FIRST "34020000001310000001"
#define SECOND "34020000001310000002"

static struct gb_devices devices;

static int setup(void **state)
{
	(void)state;
	gb_devices_init(&devices);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gb_devices_fini(&devices);
	return 0;
}

static struct gb_channel *take(struct gb_device *d, const char *id, const char *more)
{
	char item[512];
	snprintf(item, sizeof(item), "<DeviceID>%s</DeviceID><Name>n</Name>%s", id, more);
	return gb_channel_take(&devices, d, span_str(item));
}

static void a_device_is_known_by_its_id(void **state)
{
	(void)state;
	assert_null(gb_device_find(&devices, CAMERA));
	struct gb_device *d = gb_device_get(&devices, CAMERA, 5);
	assert_ptr_equal(gb_device_get(&devices, CAMERA, 6), d);
	assert_ptr_equal(gb_device_find(&devices, CAMERA), d);
	assert_int_equal(d->since_ms, 5);
	gb_device_remove(&devices, d);
	assert_null(gb_device_find(&devices, CAMERA));
}

static void channels_lead_to_their_device(void **state)
{
	(void)state;
	struct gb_device *d = gb_device_get(&devices, RECORDER, 0);
	const char *channel;
	struct gb_channel *c = take(d, FIRST, "<Manufacturer>m</Manufacturer><Status>OFF</Status>");
	assert_non_null(c);
	assert_false(c->is_on);
	assert_string_equal(c->maker, "m");
	assert_ptr_equal(take(d, FIRST, "<Status>ON</Status>"), c);
	assert_true(c->is_on);
	assert_null(take(d, "5", ""));
	assert_ptr_equal(gb_devices_route(&devices, FIRST, &channel), d);
	assert_string_equal(channel, FIRST);
	assert_null(gb_devices_route(&devices, SECOND, &channel));
	/* The only camera of a recorder is what is meant by its own id; with two nobody knows. */
	assert_ptr_equal(gb_devices_route(&devices, RECORDER, &channel), d);
	assert_string_equal(channel, FIRST);
	assert_non_null(take(d, SECOND, ""));
	assert_ptr_equal(gb_devices_route(&devices, RECORDER, &channel), d);
	assert_string_equal(channel, RECORDER);
	assert_int_equal(devices.channel_count, 2);
	gb_device_remove(&devices, d);
	assert_int_equal(devices.channel_count, 0);
	assert_null(gb_devices_route(&devices, FIRST, &channel));
}

static void what_a_catalogue_does_not_name_is_no_channel_any_more(void **state)
{
	(void)state;
	struct gb_device *d = gb_device_get(&devices, RECORDER, 0);
	const char *channel;
	d->catalog.sn = 1;
	(void)take(d, FIRST, "");
	(void)take(d, SECOND, "");
	gb_channels_settle(&devices, d);
	assert_int_equal(d->channel_count, 2);
	d->catalog.sn = 2;
	(void)take(d, SECOND, "");
	gb_channels_settle(&devices, d);
	assert_int_equal(d->channel_count, 1);
	assert_null(gb_devices_route(&devices, FIRST, &channel));
	assert_ptr_equal(gb_devices_route(&devices, SECOND, &channel), d);
}

static void there_is_a_bound_for_each(void **state)
{
	(void)state;
	char id[32];
	struct gb_device *d = gb_device_get(&devices, RECORDER, 0);
	d->is_online = true;
	for (int i = 0; i < GB_CHANNELS_MAX + 5; i++) {
		snprintf(id, sizeof(id), "3402000000131%07u", (unsigned)i % 10000000U);
		assert_int_equal(take(d, id, "") != NULL, i < GB_CHANNELS_MAX);
	}
	for (int i = 1; i < GB_DEVICES_MAX; i++) {
		snprintf(id, sizeof(id), "3402000000132%07u", (unsigned)i % 10000000U);
		assert_non_null(gb_device_get(&devices, id, i));
		gb_device_find(&devices, id)->is_online = i != 7;
	}
	/* One that has left makes room; when all are there, nobody does. */
	assert_non_null(gb_device_get(&devices, "34020000001329999999", 0));
	assert_null(gb_device_find(&devices, "34020000001320000007"));
	gb_device_find(&devices, "34020000001329999999")->is_online = true;
	assert_null(gb_device_get(&devices, "34020000001329999998", 0));
}

static void one_id_of_two_devices_is_that_of_the_first_on_line(void **state)
{
	(void)state;
	struct gb_device *a = gb_device_get(&devices, RECORDER, 0);
	struct gb_device *b = gb_device_get(&devices, CAMERA, 0);
	const char *channel;
	take(a, FIRST, "");
	take(b, FIRST, "");
	take(b, FIRST, "");
	assert_int_equal(devices.channel_count, 2);
	assert_true(b->claims_others);
	assert_false(a->claims_others);
	assert_ptr_equal(gb_devices_route(&devices, FIRST, &channel), a);
	b->is_online = true;
	assert_ptr_equal(gb_devices_route(&devices, FIRST, &channel), b);
	a->is_online = true;
	assert_ptr_equal(gb_devices_route(&devices, FIRST, &channel), a);
	gb_device_remove(&devices, a);
	assert_ptr_equal(gb_devices_route(&devices, FIRST, &channel), b);
	b->catalog.sn++;
	gb_channels_settle(&devices, b);
	assert_null(gb_devices_route(&devices, FIRST, &channel));
	assert_int_equal(devices.channel_count, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(one_id_of_two_devices_is_that_of_the_first_on_line),
		CASE(a_device_is_known_by_its_id),
		CASE(channels_lead_to_their_device),
		CASE(what_a_catalogue_does_not_name_is_no_channel_any_more),
		CASE(there_is_a_bound_for_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
