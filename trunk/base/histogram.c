#include "base/histogram.h"

const int histogram_bounds[HISTOGRAM_BOUNDS] = {1,   2,   5,    10,   25,   50,    100,
						200, 500, 1000, 2000, 5000, 10000, 30000};

void histogram_add(struct histogram *h, int64_t ms)
{
	int i = 0;
	if (ms < 0)
		ms = 0;
	while (i < HISTOGRAM_BOUNDS && ms > histogram_bounds[i])
		i++;
	h->counts[i]++;
	h->sum_ms += ms;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t n = 0;
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++)
		n += h->counts[i];
	return n;
}
