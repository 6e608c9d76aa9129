/* co_unit - what goes around a test with coroutines. Layer: test. */
#pragma once
#include "co/co.h"
#include "support/fake_time.h"

static inline int co_setup(void **state)
{
	(void)state;
	return co_init() == OK ? 0 : -1;
}

/* The same, in a time of its own. */
static inline int co_setup_fake_time(void **state)
{
	fake_time_begin();
	return co_setup(state);
}

static inline int co_teardown(void **state)
{
	(void)state;
	co_fini();
	fake_time_end();
	return 0;
}

/* Waits for what other coroutines bring about; fails the test when that takes too long. Needs unit.h. */
enum { UNTIL_MS = 8000, UNTIL_STEP_MS = 5 };
#define wait_until(what)                                                                           \
	for (int64_t end_ = clock_after(UNTIL_MS); !(what);) {                                     \
		assert_true(clock_ms() < end_);                                                    \
		assert_int_equal(co_sleep(UNTIL_STEP_MS), OK);                                     \
	}
