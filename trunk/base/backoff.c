#include "base/backoff.h"

#include <stdlib.h>

int64_t backoff_ms(int failures, int64_t first_ms, int64_t most_ms)
{
	int64_t wait = first_ms;
	for (int i = 1; i < failures && wait < most_ms; i++)
		wait *= 2;
	wait = wait < most_ms ? wait : most_ms;
	return wait - wait / 4 + random() % (wait / 2 + 1);
}
