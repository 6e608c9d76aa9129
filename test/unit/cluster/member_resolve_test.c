/* The texts that need no resolver. */
#include "cluster/member_resolve.h"

#include "unit/http/peer.h"

static const struct {
	const char *text;
	bool is_srv, is_literal;
	const char *name; /* of its member; NULL: it has none */
} texts[] = {
	{"10.0.0.7:1986", false, true, "10.0.0.7:1986"},
	{"10.0.0.7", false, true, "10.0.0.7:1985"},
	{"[fd00::1]:1986", false, true, "[fd00::1]:1986"},
	{"o.test", false, false, NULL},
	{"o.test:1985", false, false, NULL},
	{"_srs._tcp.o.test", true, false, NULL},
	{"10.0.0.7:many", false, false, NULL},
};

static void an_address_is_a_member_without_being_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct member_list list = {0};
		assert_int_equal(member_is_srv(texts[i].text), texts[i].is_srv);
		assert_int_equal(member_is_literal(texts[i].text, 1985), texts[i].is_literal);
		if (!texts[i].is_literal)
			continue;
		member_resolve(&list, texts[i].text, 1985);
		assert_int_equal(list.count, 1);
		assert_string_equal(list.v[0].name, texts[i].name);
		member_list_fini(&list);
	}
}

static void what_cannot_be_a_name_is_not_looked_at_again(void **state)
{
	struct member_list list = {0};
	(void)state;
	assert_true(member_resolve(&list, "10.0.0.7:many", 1985) == CLOCK_NEVER);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_address_is_a_member_without_being_asked_for,
						co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_a_name_is_not_looked_at_again,
						co_setup, co_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
