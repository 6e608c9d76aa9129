/* What a run has found, for people or as one JSON object. */
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

/* ---- fairness ---- */

struct rates {
	double sum, low, middle, high; /* kb/s */
	int n;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The rates of those who ran through the whole measuring. */
static struct rates find_rates(double seconds)
{
	struct rates r = {0};
	double *v = mem_alloc(sizeof(*v) * (size_t)(opt.count + 1));
	for (int i = 0; i < opt.count; i++) {
		const struct peer *peer = &peers[i];
		uint64_t bytes = opt.mode == MODE_PUBLISH ? peer->sent : peer->received;
		if (peer->state != PEER_RUNNING || peer->run_us > window_us || seconds <= 0)
			continue;
		v[r.n] = (double)(bytes - peer->window_bytes) * 8 / 1000 / seconds;
		r.sum += v[r.n++];
	}
	if (r.n) {
		qsort(v, (size_t)r.n, sizeof(*v), by_value);
		r.low = v[0];
		r.middle = v[r.n / 2];
		r.high = v[r.n - 1];
	}
	free(v);
	return r;
}

/* ---- two languages ---- */

static const char *mode_name(void)
{
	static const char *names[] = {"play-rtmp", "play-flv", "publish", "idle", "sink", "probe"};
	return names[opt.mode];
}

static void json_hist(const char *name, const struct hist *h)
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

static void report_json(const struct result *r, const struct rates *rates)
{
	printf("{\"name\":\"%s\",\"mode\":\"%s\",\"count\":%d,\"seconds\":%.3f", opt.name,
	       mode_name(), opt.count, r->seconds);
	printf(",\"running\":%d,\"failures\":%llu,\"disconnects\":%llu,\"redirects\":%llu", running,
	       (unsigned long long)fig.failures, (unsigned long long)fig.disconnects,
	       (unsigned long long)fig.redirects);
	printf(",\"mbps\":%.3f,\"kbps_low\":%.2f,\"kbps_median\":%.2f,\"kbps_high\":%.2f",
	       rates->sum / 1000, rates->low, rates->middle, rates->high);
	json_hist("connect_ms", &fig.connect);
	json_hist("first_byte_ms", &fig.first_byte);
	json_hist("first_frame_ms", &fig.first_frame);
	json_hist("latency_ms", &fig.latency);
	json_hist("video_latency_ms", &fig.video_latency);
	json_hist("gap_ms", &fig.gap);
	printf(",\"stalls\":%llu,\"late_frames\":%llu,\"skipped\":%llu,\"own_cpu\":%.3f",
	       (unsigned long long)fig.stalls, (unsigned long long)fig.late_frames,
	       (unsigned long long)fig.skipped, r->own_cpu);
	if (opt.watch_count)
		printf(",\"server_cpu\":%.5f,\"rss_before_kb\":%.0f,\"rss_after_kb\":%.0f",
		       r->server_cpu, r->rss_before, r->rss_after);
	json_reasons();
	printf("}\n");
}

static void text_hist(const char *name, const struct hist *h)
{
	if (h->n)
		printf("%-14s p50 %.1f ms, p99 %.1f ms, max %.1f ms (%llu)\n", name,
		       hist_at(h, 0.5), hist_at(h, 0.99), h->max, (unsigned long long)h->n);
}

static void report_text(const struct result *r, const struct rates *rates)
{
	double middle = rates->middle > 0 ? rates->middle : 1;
	printf("%s: %d of %d running after %.1f s; %llu never began, %llu were disconnected\n",
	       mode_name(), running, opt.count, r->seconds, (unsigned long long)fig.failures,
	       (unsigned long long)fig.disconnects);
	for (int i = 0; i < REASONS && reasons[i].count; i++)
		printf("  %llu times: %s\n", (unsigned long long)reasons[i].count, reasons[i].text);
	if (rates->n)
		printf("throughput     %.1f Mb/s; each %.1f kb/s (slowest %.1f %%, fastest %.1f "
		       "%%)\n",
		       rates->sum / 1000, rates->middle, rates->low / middle * 100,
		       rates->high / middle * 100);
	text_hist("connected", &fig.connect);
	text_hist("first byte", &fig.first_byte);
	text_hist("first frame", &fig.first_frame);
	text_hist("latency", &fig.latency);
	text_hist("  of pictures", &fig.video_latency);
	text_hist("longest gap", &fig.gap);
	printf("stalls         %llu longer than %.0f ms\n", (unsigned long long)fig.stalls,
	       opt.stall_ms);
	if (opt.mode == MODE_PUBLISH)
		printf("late frames    %llu that found the one before them unsent\n",
		       (unsigned long long)fig.late_frames);
	if (fig.skipped)
		printf("skipped        %llu messages, having no CPU to send them\n",
		       (unsigned long long)fig.skipped);
	if (opt.watch_count && r->seconds > 0)
		printf("server         %.2f %% of a core, %.1f us a second and connection; "
		       "%.1f KB a connection (%.0f KB in all)\n",
		       r->server_cpu / r->seconds * 100,
		       r->server_cpu / r->seconds * 1e6 / opt.count,
		       (r->rss_after - r->rss_before) / opt.count, r->rss_after);
	printf("this program   %.1f %% of a core\n",
	       r->seconds > 0 ? r->own_cpu / r->seconds * 100 : 0);
}

void report(const struct result *r)
{
	struct rates rates = find_rates(r->seconds);
	for (int i = 0; i < opt.count; i++)
		if (peers[i].worst_gap_us)
			hist_add(&fig.gap, peers[i].worst_gap_us);
	if (opt.json)
		report_json(r, &rates);
	else
		report_text(r, &rates);
	fflush(stdout);
}
