#include "session/rules.h"
#include "support/unit.h"

static struct text_list list_of(char **v)
{
	struct text_list list = {.v = v};
	while (v[list.count])
		list.count++;
	return list;
}

static bool allows(char **allow, char **deny, bool publish, const char *ip)
{
	struct conf_security conf = {
		.enabled = true, .allow = list_of(allow), .deny = list_of(deny)};
	struct addr peer;
	assert_true(addr_literal(&peer, ip, 1000));
	return security_allows(&conf, publish, &peer);
}

static char play_all[] = "play all", publish_net[] = "publish 10.0.0.0/8",
	    publish_all[] = "publish all", publish_one[] = "publish 10.0.0.7",
	    play_v6[] = "play 2001:db8::/32", play_one[] = "play 192.0.2.1";
static char *none[] = {NULL};

static void security_that_is_off_allows_everybody(void **state)
{
	struct conf_security conf = {0};
	struct addr peer;
	(void)state;
	assert_true(addr_literal(&peer, "192.0.2.1", 1));
	assert_true(security_allows(&conf, true, &peer));
}

static void without_a_rule_nobody_is_allowed(void **state)
{
	(void)state;
	assert_false(allows(none, none, false, "192.0.2.1"));
}

static void denies_count_before_allows(void **state)
{
	char *allow[] = {publish_net, play_all, NULL}, *deny[] = {publish_one, NULL};
	(void)state;
	assert_true(allows(allow, deny, true, "10.1.2.3"));
	assert_false(allows(allow, deny, true, "10.0.0.7"));
	assert_true(allows(allow, deny, false, "10.0.0.7"));
	assert_false(allows(allow, deny, true, "11.0.0.1"));
}

static void only_denies_leave_all_others_in(void **state)
{
	char *deny[] = {publish_all, NULL};
	(void)state;
	assert_false(allows(none, deny, true, "192.0.2.1"));
	assert_true(allows(none, deny, false, "192.0.2.1"));
}

static void networks_of_ipv6_and_mapped_addresses_match(void **state)
{
	char *allow[] = {play_v6, play_one, NULL};
	(void)state;
	assert_true(allows(allow, none, false, "2001:db8:1::5"));
	assert_false(allows(allow, none, false, "2001:db9::5"));
	assert_true(allows(allow, none, false, "::ffff:192.0.2.1"));
	assert_false(allows(allow, none, true, "2001:db8:1::5"));
}

struct refer_case {
	const char *page;
	bool allowed;
};

static void pages_match_by_whole_labels_of_their_host(void **state)
{
	char domain[] = "a.com";
	char *v[] = {domain, NULL};
	struct conf_refer conf = {.enabled = true, .play = list_of(v)};
	static const struct refer_case cases[] = {
		{"http://a.com/x", true},
		{"https://www.A.com:8443/x?y", true},
		{"http://a.com.a.com", true},
		{"http://evila.com/", false},
		{"http://a.com.evil.org/", false},
		{"http://evil.org/?http://a.com", false},
		{"http://a.com@evil.org/", false},
		{"http://evil.org#a.com", false},
		{"http://a.com./", true},
		{"http://[2001:db8::1]/", false},
		{"a.com", true},
		{"", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (refer_allows(&conf, false, cases[i].page) != cases[i].allowed)
			fail_msg("%s", cases[i].page);
	assert_true(refer_allows(&conf, true, "")); /* no rule for publishers */
	conf.allow_empty = true;
	assert_true(refer_allows(&conf, false, ""));
	conf.enabled = false;
	assert_true(refer_allows(&conf, false, "http://evil.org"));
}

static void the_list_for_all_and_the_own_one_both_count(void **state)
{
	char a[] = "a.com", b[] = "b.a.com";
	char *all[] = {a, NULL}, *play[] = {b, NULL};
	struct conf_refer conf = {.enabled = true, .all = list_of(all), .play = list_of(play)};
	(void)state;
	assert_true(refer_allows(&conf, false, "http://b.a.com/"));
	assert_false(refer_allows(&conf, false, "http://a.com/"));
	assert_true(refer_allows(&conf, true, "http://a.com/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(security_that_is_off_allows_everybody),
		cmocka_unit_test(without_a_rule_nobody_is_allowed),
		cmocka_unit_test(denies_count_before_allows),
		cmocka_unit_test(only_denies_leave_all_others_in),
		cmocka_unit_test(networks_of_ipv6_and_mapped_addresses_match),
		cmocka_unit_test(pages_match_by_whole_labels_of_their_host),
		cmocka_unit_test(the_list_for_all_and_the_own_one_both_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
