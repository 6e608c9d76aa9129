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
