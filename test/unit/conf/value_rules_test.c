/* Rules are directives that may be repeated: each adds to those before. */
#include "unit/conf/support.h"

#include <stdio.h>
#include <string.h>

static struct conf *load(const char *name, const char *text, const char *error)
{
	struct conf *conf = NULL;
	struct conf_report report;
	conf_report_init(&report);
	err e = conf_load_text(&conf, name, text, &report);
	if (error && !strstr(buf_text(&report.errors), error))
		fail_msg("%s", buf_text(&report.errors));
	if (!error && e)
		fail_msg("%s", buf_text(&report.errors));
	conf_report_fini(&report);
	return conf;
}

static void are(const struct text_list *list, const char *const *want, int count)
{
	assert_int_equal(list->count, count);
	for (int i = 0; i < count; i++)
		assert_string_equal(list->v[i], want[i]);
}

#define FRONT "listen 1935; vhost v { security { enabled on; "

static void each_directive_is_one_rule(void **state)
{
	static const char *const allow[] = {"publish 10.0.0.0/8", "play all"};
	static const char *const deny[] = {"play ::1"};
	(void)state;
	struct conf *c =
		load("x.conf", FRONT "allow publish 10.0.0.0/8; deny play ::1; allow play all; } }",
		     NULL);
	are(&c->vhosts[0].security.allow, allow, 2);
	are(&c->vhosts[0].security.deny, deny, 1);
	conf_unref(&c);
}

static void a_sequence_of_yaml_is_as_many_rules(void **state)
{
	static const char *const allow[] = {"publish 10.0.0.0/8", "play all"};
	(void)state;
	struct conf *c = load("x.yaml",
			      "listen: 1935\nvhost:\n  v:\n    security:\n      enabled: on\n"
			      "      allow: [publish 10.0.0.0/8, play all]\n",
			      NULL);
	are(&c->vhosts[0].security.allow, allow, 2);
	conf_unref(&c);
}

static void a_rule_that_is_none_is_an_error(void **state)
{
	static const char *const bad[] = {"allow;", "allow play;", "allow watch all;",
					  "allow play 10.0.0.0/99;", "allow play all publish;"};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[200];
		snprintf(text, sizeof(text), FRONT "%s } }", bad[i]);
		struct conf *c = load("x.conf", text, "publish or play, and all");
		assert_null(c);
	}
}

static void links_without_a_key_are_an_error(void **state)
{
	(void)state;
	assert_null(load("x.conf", "listen 1935; vhost v { signed_links { enabled on; } }",
			 "needs 'keys id:secret'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_directive_is_one_rule),
		cmocka_unit_test(a_sequence_of_yaml_is_as_many_rules),
		cmocka_unit_test(a_rule_that_is_none_is_an_error),
		cmocka_unit_test(links_without_a_key_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
