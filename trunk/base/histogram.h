/* histogram - how often something took how long: counts by fixed bounds, as Prometheus wants them. Layer: base. */
#pragma once
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 14 };
/* Upper bounds in milliseconds, each included. What is longer than the last one is counted behind it. */
extern const int histogram_bounds[HISTOGRAM_BOUNDS];

/* Zeroed: empty. */
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* not cumulative */
	int64_t sum_ms;
};

/* A negative time counts as none at all: 0. */
void histogram_add(struct histogram *h, int64_t ms);
uint64_t histogram_count(const struct histogram *h);
