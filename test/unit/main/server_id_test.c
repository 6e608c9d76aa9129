#include "base/mem.h"
#include "main/server_id.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/server_id_test.XXXXXX";

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_name_outlives_a_restart(void **state)
{
	(void)state;
	char none[] = "", *pid = mem_printf("%s/x.pid", folder),
	     *file = mem_printf("%s/x.id", folder);
	struct conf conf = {.server_id = none, .pid = pid};
	char *first = server_id_get(&conf), *second = server_id_get(&conf);
	assert_string_equal(first, second);
	assert_int_equal(strncmp(first, "vid-", 4), 0);
	assert_int_equal(strlen(first), 11);
	/* What is no name is replaced. */
	static const char *const bad[] = {"", "\n", "a b\n", "a\nb\n", "\x01", "<x>"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(file, bad[i]);
		char *other = server_id_get(&conf), *again = server_id_get(&conf);
		assert_string_not_equal(other, first);
		assert_string_equal(other, again);
		free(other);
		free(again);
	}
	put(file, "mine");
	char *mine = server_id_get(&conf);
	assert_string_equal(mine, "mine");
	unlink(file);
	free(mine);
	free(first);
	free(second);
	free(pid);
	free(file);
}

static void a_directive_wins_and_no_pid_file_keeps_nothing(void **state)
{
	(void)state;
	char none[] = "", name[] = "origin-a", nowhere[] = "/nonexistent/x.pid";
	struct conf conf = {.server_id = name, .pid = none};
	char *id = server_id_get(&conf);
	assert_string_equal(id, "origin-a");
	free(id);
	conf.server_id = none;
	char *a = server_id_get(&conf), *b = server_id_get(&conf);
	assert_string_not_equal(a, b);
	free(a);
	free(b);
	conf.pid = nowhere;
	a = server_id_get(&conf);
	assert_int_equal(strncmp(a, "vid-", 4), 0);
	free(a);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_outlives_a_restart, co_setup, co_teardown),
		cmocka_unit_test_setup_teardown(a_directive_wins_and_no_pid_file_keeps_nothing,
						co_setup, co_teardown),
	};
	int failed = cmocka_run_group_tests_name("server_id", tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
