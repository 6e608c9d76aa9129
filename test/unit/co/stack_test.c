/* What coroutines cost, and what happens when one uses too much. */
#include "base/asan.h"
#include "base/mem.h"
#include "co/co.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int dig(volatile char *above, int depth)
{
	volatile char here[1024];
	here[0] = (char)depth;
	here[1023] = above ? above[0] : 0;
	return depth == 0 ? 0 : dig(here, depth - 1) + here[1023] + here[0];
}

static void overflows(void *arg)
{
	*(int *)arg = dig(NULL, 80);
}

static void lies_below(void *arg)
{
	(void)arg;
	(void)!co_wait(CLOCK_NEVER);
}

static void an_overflow_dies_at_once_instead_of_hurting_a_neighbour(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int result = 0;
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL); /* cmocka and the sanitizer catch it */
		struct co *culprit = co_start("culprit", overflows, &result);
		struct co *below = co_start("below", lies_below, NULL);
		co_join(&culprit);
		co_stop(below);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static long rss_kb(void)
{
	long pages = 0, unused;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &unused, &pages), 2);
	fclose(f);
	return pages * (getpagesize() / 1024);
}

static void idles(void *arg)
{
	(void)arg;
	(void)!co_wait(clock_ms() + 3600 * 1000);
}

static void nine_thousand_idle_coroutines_are_cheap(void **state)
{
	(void)state;
	enum { COUNT = 9000 };
	static struct co *children[COUNT];
	long before = rss_kb();
	for (int i = 0; i < COUNT; i++) {
		children[i] = co_start("idle", idles, NULL);
		assert_non_null(children[i]);
	}
	co_yield ();
	double each = (double)(rss_kb() - before) * 1024 / COUNT;
	print_message("%.0f bytes of memory for each idle coroutine\n", each);
	for (int i = 0; i < COUNT; i++) {
		co_stop(children[i]);
		co_join(&children[i]);
	}
	if (!HAVE_ASAN)
		assert_true(each < 4800);
}

enum { DEPTH = 32 }; /* KB, about */

static void digs_and_trims(void *arg)
{
	char kept[256];
	int *good = arg;
	memset(kept, 'k', sizeof(kept));
	(void)dig(NULL, DEPTH);
	co_trim();
	(void)!co_wait(CLOCK_NEVER);
	*good += dig(NULL, 45) != 0; /* what was given back can be used again */
	for (size_t i = 0; i < sizeof(kept); i++)
		*good -= kept[i] != 'k';
}

static void a_trimmed_stack_gives_back_what_deep_calls_used(void **state)
{
	(void)state;
	enum { COUNT = 200 };
	struct co *children[COUNT];
	int good = 0;
	long before = rss_kb();
	co_trim(); /* of the root: nothing */
	for (int i = 0; i < COUNT; i++)
		children[i] = co_start("digs", digs_and_trims, &good);
	co_yield ();
	if (!HAVE_ASAN)
		assert_true(rss_kb() - before < COUNT * DEPTH / 2);
	for (int i = 0; i < COUNT; i++) {
		co_stop(children[i]);
		co_join(&children[i]);
	}
	assert_int_equal(good, COUNT);
}

static void fails_and_ends(void *arg)
{
	++*(int *)arg;
	(void)!err_fail(ERR_PROTOCOL, "words");
	if (*(int *)arg % 2)
		co_yield ();
}

static void twenty_thousand_starts_and_joins_leave_nothing(void **state)
{
	(void)state;
	int runs = 0;
	struct co_group group = {0};
	size_t before = 0;
	for (int i = 0; i < 20000; i++) {
		struct co *child = co_start("brief", fails_and_ends, &runs);
		co_join(&child);
		if (i % 10 == 0)
			co_start_in(&group, "brief", fails_and_ends, &runs);
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	co_group_stop(&group);
	assert_int_equal(runs, 22000);
	if (!HAVE_ASAN)
		assert_true(mallinfo2().uordblks <= before + 4096);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		T(an_overflow_dies_at_once_instead_of_hurting_a_neighbour),
		T(twenty_thousand_starts_and_joins_leave_nothing),
		T(a_trimmed_stack_gives_back_what_deep_calls_used),
		T(nine_thousand_idle_coroutines_are_cheap),
	};
	return cmocka_run_group_tests_name("stack", tests, NULL, NULL);
}
