#include "node/places.h"
#include "support/unit.h"

#include <stdio.h>

static struct addr addr_of(const char *text)
{
	struct addr addr;
	assert_true(addr_literal(&addr, text, 1));
	return addr;
}

/* Takes up to `count`; how many were open, and how many reserved. */
static int take(struct conn_place *v, struct places *p, const struct place_limits *limits,
		const char *ip, int count, int *reserved)
{
	struct addr addr = addr_of(ip);
	int taken = 0;
	*reserved = 0;
	for (int i = 0; i < count; i++) {
		if (!place_take(&v[taken], p, limits, "RTMP", &addr))
			continue;
		*reserved += v[taken++].is_reserved;
	}
	return taken - *reserved;
}

static void give(struct conn_place *v, int count)
{
	for (int i = 0; i < count; i++)
		place_give(&v[i]);
}

static const struct place_limits limits = {
	.all = 100, .reserve = 32, .per_address = 50, .reserve_per_address = 4};

static void one_address_leaves_half_to_others(void **state)
{
	(void)state;
	struct places p;
	struct conn_place a[500] = {0}, b[500] = {0}, c[500] = {0};
	int reserved;
	places_init(&p);
	assert_int_equal(take(a, &p, &limits, "192.0.2.1", 400, &reserved), 50);
	assert_int_equal(reserved, 4);
	/* What has only a reserved place counts as a connection, too. */
	assert_int_equal(take(b, &p, &limits, "192.0.2.2", 400, &reserved), 46);
	assert_int_equal(reserved, 8);
	assert_int_equal(take(c, &p, &limits, "192.0.2.3", 400, &reserved), 0);
	assert_int_equal(p.refused, 400 - 54 + 400 - 54 + 400 - 24);
	assert_int_equal(reserved, 24);
	give(a, 54);
	assert_int_equal(take(a, &p, &limits, "192.0.2.1", 1, &reserved), 1);
	give(a, 1);
	give(b, 54);
	give(c, 24);
	assert_int_equal(p.count, 0);
	places_fini(&p);
}

static void this_host_and_proven_servers_are_exempt(void **state)
{
	(void)state;
	struct places p;
	struct conn_place a[500] = {0};
	int reserved;
	places_init(&p);
	assert_int_equal(take(a, &p, &limits, "127.0.0.1", 400, &reserved), 100);
	assert_int_equal(reserved, 32);
	give(a, 132);
	for (int i = 0; i < 60; i++) {
		struct addr addr = addr_of("192.0.2.1");
		assert_true(place_take(&a[i], &p, &limits, "RTMP", &addr));
		assert_false(a[i].is_reserved);
		place_prove(&a[i]);
	}
	give(a, 60);
	assert_int_equal(p.count, 0);
	places_fini(&p);
}

static void without_limits_everybody_has_a_place(void **state)
{
	(void)state;
	struct places p;
	struct conn_place a[500] = {0};
	int reserved;
	places_init(&p);
	assert_int_equal(take(a, &p, &(struct place_limits){0}, "192.0.2.1", 400, &reserved), 400);
	give(a, 400);
	places_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_leaves_half_to_others),
		cmocka_unit_test(this_host_and_proven_servers_are_exempt),
		cmocka_unit_test(without_limits_everybody_has_a_place),
	};
	return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
