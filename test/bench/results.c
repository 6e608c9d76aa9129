/* What each load generator says of its clients in the same words: why they failed, how fast they were, histograms. */
#include "bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS = 12 };
static struct {
	char text[160];
	uint64_t count;
} reasons[REASONS];

void reason_add(const char *fmt, ...)
{
	char text[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int i = 0;
	while (i < REASONS - 1 && reasons[i].count && strcmp(reasons[i].text, text) != 0)
		i++;
	if (!reasons[i].count)
		snprintf(reasons[i].text, sizeof(reasons[i].text), "%s", text);
	reasons[i].count++;
}

void reasons_print(void)
{
	for (int i = 0; i < REASONS && reasons[i].count; i++)
		printf("  %llu times: %s\n", (unsigned long long)reasons[i].count, reasons[i].text);
}

/* ---- fairness ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

struct rates rates_of(double *kbps, int n)
{
	struct rates r = {.n = n};
	if (!n)
		return r;
	qsort(kbps, (size_t)n, sizeof(*kbps), by_value);
	for (int i = 0; i < n; i++)
		r.sum += kbps[i];
	r.low = kbps[0];
	r.middle = kbps[n / 2];
	r.high = kbps[n - 1];
	return r;
}

/* ---- one JSON object ---- */

void json_begin(const struct result *r, const struct rates *rates, const char *mode, int still_run)
{
	printf("{\"name\":\"%s\",\"mode\":\"%s\",\"count\":%d,\"seconds\":%.3f", opt.name, mode,
	       opt.count, r->seconds);
	printf(",\"running\":%d,\"failures\":%llu,\"disconnects\":%llu,\"redirects\":%llu",
	       still_run, (unsigned long long)fig.failures, (unsigned long long)fig.disconnects,
	       (unsigned long long)fig.redirects);
	printf(",\"mbps\":%.3f,\"kbps_low\":%.2f,\"kbps_median\":%.2f,\"kbps_high\":%.2f",
	       rates->sum / 1000, rates->low, rates->middle, rates->high);
}

void json_hist(const char *name, const struct hist *h)
{
	printf(",\"%s\":{\"n\":%llu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name,
	       (unsigned long long)h->n, hist_at(h, 0.5), hist_at(h, 0.99), h->max);
}

static void json_reasons(void)
{
	printf(",\"reasons\":{");
	for (int i = 0; i < REASONS && reasons[i].count; i++) {
		printf("%s\"", i ? "," : "");
		for (const char *c = reasons[i].text; *c; c++)
			if (*c >= ' ' && *c != '"' && *c != '\\')
				putchar(*c);
		printf("\":%llu", (unsigned long long)reasons[i].count);
	}
	printf("}");
}

void json_end(const struct result *r)
{
	printf(",\"stalls\":%llu,\"late_frames\":%llu,\"skipped\":%llu,\"own_cpu\":%.3f",
	       (unsigned long long)fig.stalls, (unsigned long long)fig.late_frames,
	       (unsigned long long)fig.skipped, r->own_cpu);
	if (opt.watch_count)
		printf(",\"server_cpu\":%.5f,\"rss_before_kb\":%.0f,\"rss_after_kb\":%.0f",
		       r->server_cpu, r->rss_before, r->rss_after);
	json_reasons();
	printf("}\n");
	fflush(stdout);
}
