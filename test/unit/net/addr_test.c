#include "net/addr.h"
#include "support/unit.h"

#include <string.h>

static void texts_of_host_and_port_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		int port, has_port;
		const char *back; /* NULL: refused */
	} cases[] = {
		{"origin", "origin", 1935, 0, "origin:1935"},
		{"origin:8080", "origin", 8080, 1, "origin:8080"},
		{"127.0.0.1:0", "127.0.0.1", 0, 1, "127.0.0.1:0"},
		{"[::1]:19350", "::1", 19350, 1, "[::1]:19350"},
		{"[::1]", "::1", 1935, 0, "[::1]:1935"},
		{"::1", "::1", 1935, 0, "[::1]:1935"},
		{"2001:db8::1:80", "2001:db8::1:80", 1935, 0, "[2001:db8::1:80]:1935"},
		{"a.b-c_d:65535", "a.b-c_d", 65535, 1, "a.b-c_d:65535"},
		{"origin:65536", "", 0, 0, NULL},
		{"origin:", "", 0, 0, NULL},
		{"origin:-1", "", 0, 0, NULL},
		{"origin:80x", "", 0, 0, NULL},
		{"origin:000080", "", 0, 0, NULL},
		{":80", "", 0, 0, NULL},
		{"", "", 0, 0, NULL},
		{"[::1", "", 0, 0, NULL},
		{"[::1]80", "", 0, 0, NULL},
		{"[origin]:80", "", 0, 0, NULL},
		{"[]:80", "", 0, 0, NULL},
		{"a b:80", "", 0, 0, NULL},
		{"a/b:80", "", 0, 0, NULL},
		{"1:2:3", "", 0, 0, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hostport hp;
		char back[HOST_MAX + 8];
		err e = hostport_parse(&hp, cases[i].text, 1935);
		if (!cases[i].back) {
			assert_int_equal(e, ERR_CONFIG);
			continue;
		}
		assert_int_equal(e, OK);
		assert_string_equal(hp.host, cases[i].host);
		assert_int_equal(hp.port, cases[i].port);
		assert_int_equal(hp.has_port, cases[i].has_port);
		hostport_text(back, &hp);
		assert_string_equal(back, cases[i].back);
	}
}

static void a_host_that_is_too_long_is_refused(void **state)
{
	(void)state;
	struct hostport hp;
	char text[HOST_MAX + 1];
	memset(text, 'a', sizeof(text));
	text[HOST_MAX] = '\0';
	assert_int_equal(hostport_parse(&hp, text, 1), ERR_CONFIG);
	text[HOST_MAX - 1] = '\0';
	assert_int_equal(hostport_parse(&hp, text, 1), OK);
}

static void literals_are_recognised_and_written_back(void **state)
{
	(void)state;
	static const struct {
		const char *host, *ip, *text; /* NULL: no literal */
		int loopback;
	} cases[] = {
		{"10.1.2.3", "10.1.2.3", "10.1.2.3:80", 0},
		{"127.9.9.9", "127.9.9.9", "127.9.9.9:80", 1},
		{"::1", "::1", "[::1]:80", 1},
		{"2001:DB8:0:0::5", "2001:db8::5", "[2001:db8::5]:80", 0},
		{"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1:80", 0},
		{"::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1:80", 1},
		{"fe80::1%1", "fe80::1", "[fe80::1]:80", 0},
		{"localhost", NULL, NULL, 0},
		{"1.2.3", NULL, NULL, 0},
		{"1935", NULL, NULL, 0},
		{"256.1.1.1", NULL, NULL, 0},
		{"fe80::1%", NULL, NULL, 0},
		{"", NULL, NULL, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr addr;
		char text[ADDR_TEXT_MAX];
		assert_int_equal(addr_literal(&addr, cases[i].host, 80), cases[i].ip != NULL);
		if (!cases[i].ip)
			continue;
		addr_ip(text, &addr);
		assert_string_equal(text, cases[i].ip);
		addr_text(text, &addr);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(addr_is_loopback(&addr), cases[i].loopback);
		assert_int_equal(addr_port(&addr), 80);
		addr_set_port(&addr, 65000);
		assert_int_equal(addr_port(&addr), 65000);
	}
}

static void an_address_is_the_same_whether_mapped_or_not(void **state)
{
	(void)state;
	struct addr a, b, c, d, none = {0};
	char text[ADDR_TEXT_MAX];
	assert_true(addr_literal(&a, "10.0.0.1", 80));
	assert_true(addr_literal(&b, "::ffff:10.0.0.1", 80));
	assert_true(addr_literal(&c, "10.0.0.1", 81));
	assert_true(addr_literal(&d, "2001:db8::1", 80));
	assert_true(addr_same(&a, &b));
	assert_true(addr_same(&d, &d));
	assert_false(addr_same(&a, &c));
	assert_false(addr_same(&a, &d));
	assert_false(addr_same(&d, &none));
	addr_text(text, &none);
	assert_string_equal(text, "unknown:0");
}

static void this_host_has_an_address(void **state)
{
	(void)state;
	struct addr addr;
	char text[ADDR_TEXT_MAX];
	addr_of_host(text);
	assert_true(addr_literal(&addr, text, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_host_and_port_are_taken_apart),
		cmocka_unit_test(a_host_that_is_too_long_is_refused),
		cmocka_unit_test(literals_are_recognised_and_written_back),
		cmocka_unit_test(an_address_is_the_same_whether_mapped_or_not),
		cmocka_unit_test(this_host_has_an_address),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
