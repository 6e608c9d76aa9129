/* Lists of members: what an answer of the resolver becomes, and what changes from one to the next. */
#include "base/mem.h"
#include "cluster/member_list.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRS_MAX = 8 };

static void answer_free(struct dns_answer *answer)
{
	dns_answer_fini(answer);
	free(answer);
}

static struct dns_answer *answer_of(const char *addresses, int port)
{
	struct dns_answer *answer = mem_new(struct dns_answer);
	answer->addrs = mem_zalloc(ADDRS_MAX * sizeof(answer->addrs[0]));
	char *text = mem_strdup(addresses), *rest = text;
	for (char *one; (one = strsep(&rest, " "));)
		if (*one)
			assert_true(addr_literal(&answer->addrs[answer->count++], one, port));
	free(text);
	return answer;
}

/* "a b c" of a list, in its order. */
static const char *names_of(const struct member_list *list)
{
	static char text[4096];
	*text = '\0';
	for (int i = 0; i < list->count; i++) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "", list->v[i].name);
	}
	return text;
}

static const struct {
	const char *host, *addresses, *names;
} hosts[] = {
	{"o.test", "10.0.0.1", "o.test:1985"},
	{"o.test", "10.0.0.1 10.0.0.2", "10.0.0.1:1985 10.0.0.2:1985"},
	{"o.test", "10.0.0.1 10.0.0.1", "10.0.0.1:1985"},
	{"o.test", "10.0.0.1 fd00::1", "10.0.0.1:1985 [fd00::1]:1985"},
	{"localhost", "127.0.0.1 ::1", "localhost:1985"},
	{"localhost", "::1", "localhost:1985"},
	{"o.test", "127.0.0.1 ::1 127.0.0.2", "127.0.0.1:1985 127.0.0.2:1985"},
	{"fd00::1", "fd00::1", "[fd00::1]:1985"},
	{"o.test", "", ""},
};

static void a_host_is_a_member_by_its_name_or_by_its_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct dns_answer *answer = answer_of(hosts[i].addresses, 1985);
		struct member_list list = {0};
		member_list_add(&list, hosts[i].host, 1985, (struct member_rank){0}, answer);
		assert_string_equal(names_of(&list), hosts[i].names);
		member_list_fini(&list);
		answer_free(answer);
	}
}

static void fill(struct member_list *list, const char *addresses)
{
	struct dns_answer *answer = answer_of(addresses, 1985);
	list->count = 0;
	member_list_add(list, "o.test", 1985, (struct member_rank){0}, answer);
	answer_free(answer);
}

static void members_come_and_go_and_keep_what_is_known_of_them(void **state)
{
	struct member_list was = {0}, is = {0};
	(void)state;
	fill(&is, "10.0.0.1 10.0.0.2 10.0.0.3");
	assert_int_equal(member_list_replace(&was, &is, "o.test"), 3);
	fill(&is, "10.0.0.1 10.0.0.2 10.0.0.3");
	assert_int_equal(member_list_replace(&was, &is, "o.test"), 0);
	fill(&is, "10.0.0.4 10.0.0.3 10.0.0.2");
	assert_int_equal(member_list_replace(&was, &is, "o.test"), 2);
	assert_string_equal(names_of(&was), "10.0.0.4:1985 10.0.0.3:1985 10.0.0.2:1985");
	assert_int_equal(member_list_replace(&was, &is, "o.test"), 3);
	assert_int_equal(was.count, 0);
	member_list_fini(&was);
	member_list_fini(&is);
}

static void a_list_has_an_end(void **state)
{
	struct member_list list = {0};
	(void)state;
	for (int i = 0; i < MEMBERS_MAX; i++) {
		char *text =
			mem_printf("10.%d.%d.1 10.%d.%d.2", i / 250, i % 250, i / 250, i % 250);
		struct dns_answer *answer = answer_of(text, 1985);
		member_list_add(&list, "o.test", 1985, (struct member_rank){0}, answer);
		answer_free(answer);
		free(text);
	}
	assert_int_equal(list.count, MEMBERS_MAX);
	member_list_fini(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_a_member_by_its_name_or_by_its_addresses),
		cmocka_unit_test(members_come_and_go_and_keep_what_is_known_of_them),
		cmocka_unit_test(a_list_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
