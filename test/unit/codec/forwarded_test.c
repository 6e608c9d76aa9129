#include "codec/forwarded.h"
#include "support/unit.h"

/* 10.0.0.0/8 and 2001:db8:1::/48 are our proxies. */
static bool is_ours(const void *ctx, const struct addr *addr)
{
	(void)ctx;
	return addr_within(addr, "10.0.0.0/8") || addr_within(addr, "2001:db8:1::/48");
}

struct row {
	const char *first, *second; /* headers of one name; NULL: no second */
	const char *client;         /* NULL: nothing is said */
};

static void expect(const struct row *rows, size_t count,
		   void (*take)(struct forwarded *f, struct span value))
{
	for (size_t i = 0; i < count; i++) {
		struct forwarded f = {.is_trusted = is_ours};
		char ip[ADDR_TEXT_MAX];
		take(&f, span_str(rows[i].first));
		if (rows[i].second)
			take(&f, span_str(rows[i].second));
		assert_int_equal(f.any, rows[i].client != NULL);
		if (!f.any)
			continue;
		addr_ip(ip, &f.client);
		assert_string_equal(ip, rows[i].client);
	}
}

static void the_client_is_the_last_address_that_is_no_proxys(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"203.0.113.7", NULL, "203.0.113.7"},
		{" 203.0.113.7 , 10.0.0.2", NULL, "203.0.113.7"},
		/* What stands further to the left may be anybody's word. */
		{"127.0.0.1, 198.51.100.1, 203.0.113.7, 10.0.0.2,10.0.0.3", NULL, "203.0.113.7"},
		{"192.0.2.1", "203.0.113.7", "203.0.113.7"},
		{"192.0.2.1", "10.0.0.9", "192.0.2.1"},
		/* All are proxies: the first of them has been called by nobody else. */
		{"10.0.0.1, 10.0.0.2", NULL, "10.0.0.1"},
		{"203.0.113.7:5555", NULL, "203.0.113.7"},
		{"[2001:db8:2::7]:5555", NULL, "2001:db8:2::7"},
		{"2001:db8:2::7, 2001:db8:1::1", NULL, "2001:db8:2::7"},
		/* It is not known, however much was said before. */
		{"203.0.113.7, unknown", NULL, "0.0.0.0"},
		{"203.0.113.7, example.com, 10.0.0.1", NULL, "0.0.0.0"},
		{"203.0.113.700", NULL, "0.0.0.0"},
		{"", NULL, NULL},
		{" , ,", NULL, NULL},
	};
	expect(rows, sizeof(rows) / sizeof(rows[0]), forwarded_take_addresses);
}

static void elements_of_rfc_7239_say_the_same(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"for=203.0.113.7", NULL, "203.0.113.7"},
		{"For=\"[2001:db8:2::7]:4711\"", NULL, "2001:db8:2::7"},
		{"for=203.0.113.7;proto=http;by=10.0.0.1", NULL, "203.0.113.7"},
		{"proto=https; for=203.0.113.7 , for=10.0.0.2", NULL, "203.0.113.7"},
		{"for=192.0.2.1, for=\"203.0.113.7:80\"", "for=10.0.0.1", "203.0.113.7"},
		{"for=192.0.2.1;host=\"a,for=198.51.100.1\"", NULL, "192.0.2.1"},
		{"for=_hidden", NULL, "0.0.0.0"},
		{"for=unknown, for=10.0.0.1", NULL, "0.0.0.0"},
		{"for=203.0.113.7, proto=http", NULL, "0.0.0.0"},
		/* An open quote in what a client wrote takes along all that proxies have added. */
		{"for=\"192.0.2.1, for=203.0.113.7", NULL, "0.0.0.0"},
		{"for=\"a\\\", for=203.0.113.7", NULL, "0.0.0.0"},
		{"", NULL, NULL},
	};
	expect(rows, sizeof(rows) / sizeof(rows[0]), forwarded_take_elements);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_is_the_last_address_that_is_no_proxys),
		cmocka_unit_test(elements_of_rfc_7239_say_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
