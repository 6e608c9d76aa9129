/* backoff - how long to wait before something that has failed is tried again. Layer: base. */
#pragma once
#include <stdint.h>

/* After the n-th failure in a row (from 1): `first_ms`, twice as long after each further one, but no longer than
 * `most_ms`; a quarter more or less, so that those who failed together do not come back together (the program seeds
 * random()). */
int64_t backoff_ms(int failures, int64_t first_ms, int64_t most_ms);
