#include "net/addr.h"
#include "support/unit.h"

static void an_address_is_inside_a_network_or_not(void **state)
{
	(void)state;
	static const struct {
		const char *ip, *network;
		int inside;
	} cases[] = {
		{"10.1.2.3", "10.1.2.3", 1},
		{"10.1.2.3", "10.1.2.4", 0},
		{"10.1.2.3", "10.0.0.0/8", 1},
		{"11.1.2.3", "10.0.0.0/8", 0},
		{"10.1.2.3", "10.1.2.0/31", 0},
		{"10.1.2.3", "10.1.2.2/31", 1},
		{"10.1.2.3", "10.1.2.3/32", 1},
		{"172.31.255.255", "172.16.0.0/12", 1},
		{"172.32.0.0", "172.16.0.0/12", 0},
		{"10.1.2.3", "0.0.0.0/0", 1},
		{"2001:db8::1", "0.0.0.0/0", 0},
		{"2001:db8::1", "::/0", 1},
		{"10.1.2.3", "::/0", 0},
		{"2001:db8::1", "2001:db8::/32", 1},
		{"2001:db9::1", "2001:db8::/32", 0},
		{"2001:db8::1", "2001:db8::1", 1},
		{"2001:db8::1", "2001:db8::/127", 1},
		{"2001:db8::2", "2001:db8::/127", 0},
		{"::ffff:10.1.2.3", "10.0.0.0/8", 1},
		{"10.1.2.3", "::ffff:10.0.0.0/104", 1},
		{"11.1.2.3", "::ffff:10.0.0.0/104", 0},
		{"10.1.2.3", "::ffff:0:0/96", 1},
		{"fe80::1%1", "fe80::/10", 1},
		{"10.1.2.3", "10.0.0.0/33", 0},
		{"10.1.2.3", "10.0.0.0/", 0},
		{"10.1.2.3", "10.0.0.0/x", 0},
		{"10.1.2.3", "10.0.0.0/-1", 0},
		{"10.1.2.3", "", 0},
		{"10.1.2.3", "/8", 0},
		{"10.1.2.3", "host", 0},
		{"10.1.2.3", "2001:db8:2001:db8:2001:db8:2001:db8:2001:db8::/8", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr addr;
		assert_true(addr_literal(&addr, cases[i].ip, 80));
		if (addr_within(&addr, cases[i].network) != cases[i].inside)
			fail_msg("%s in %s", cases[i].ip, cases[i].network);
	}
}

static void what_is_no_address_is_in_no_network(void **state)
{
	(void)state;
	struct addr none = {0};
	assert_false(addr_within(&none, "0.0.0.0/0"));
	assert_false(addr_within(&none, "::/0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_inside_a_network_or_not),
		cmocka_unit_test(what_is_no_address_is_in_no_network),
	};
	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
