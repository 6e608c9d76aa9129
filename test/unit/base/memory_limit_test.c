/* The limits of prepared machines. */
#include "base/mem.h"
#include "base/memory_limit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static void put(const char *path, const char *text)
{
	char *all = mem_printf("%s%s", root, path);
	for (char *at = all + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(all, 0700);
		*at = '/';
	}
	FILE *f = fopen(all, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(all);
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/memory_limit_XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	char *command = mem_printf("rm -rf %s", root);
	int rc = system(command);
	free(command);
	return rc;
}

static void without_groups_it_is_the_machines(void **state)
{
	(void)state;
	put("/proc/meminfo", "MemTotal:        2048 kB\nMemFree:  1 kB\n");
	assert_int_equal(memory_limit(root), 2048 * 1024);
}

static void a_group_of_version_2_limits(void **state)
{
	(void)state;
	put("/proc/meminfo", "MemTotal:        2048000 kB\n");
	put("/proc/self/cgroup", "0::/system.slice/srs.service\n");
	put("/sys/fs/cgroup/system.slice/srs.service/memory.max", "max\n");
	put("/sys/fs/cgroup/system.slice/memory.max", "104857600\n");
	assert_int_equal(memory_limit(root), 104857600);
	put("/sys/fs/cgroup/system.slice/srs.service/memory.max", "52428800\n");
	assert_int_equal(memory_limit(root), 52428800);
}

static void in_a_container_the_groups_root_limits(void **state)
{
	(void)state;
	put("/proc/meminfo", "MemTotal:        2048000 kB\n");
	put("/proc/self/cgroup", "0::/not/seen/from/here\n");
	put("/sys/fs/cgroup/memory.max", "536870912\n");
	assert_int_equal(memory_limit(root), 536870912);
}

static void a_group_of_version_1_limits(void **state)
{
	(void)state;
	put("/proc/meminfo", "MemTotal:        2048000 kB\n");
	put("/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/docker/1\n");
	put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "268435456\n");
	assert_int_equal(memory_limit(root), 268435456);
	/* What version 1 says for "none". */
	put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(memory_limit(root), 2048000 * 1024);
}

static void what_cannot_be_read_limits_nothing(void **state)
{
	(void)state;
	assert_true(memory_limit(root) == SIZE_MAX);
	put("/proc/meminfo", "rubbish\n");
	put("/proc/self/cgroup", "rubbish\n");
	put("/sys/fs/cgroup/memory.max", "rubbish\n");
	assert_true(memory_limit(root) >= SIZE_MAX / 1024 * 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_groups_it_is_the_machines),     TEST(a_group_of_version_2_limits),
		TEST(in_a_container_the_groups_root_limits), TEST(a_group_of_version_1_limits),
		TEST(what_cannot_be_read_limits_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
