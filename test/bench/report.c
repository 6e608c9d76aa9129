/* What a run of srs_bench has found, for people or as one JSON object. */
#include "bench.h"

#include <stdlib.h>

/* The rates of those who ran through the whole measuring. */
static struct rates find_rates(double seconds)
{
	double *v = mem_alloc(sizeof(*v) * (size_t)(opt.count + 1));
	int n = 0;
	for (int i = 0; i < opt.count; i++) {
		const struct peer *peer = &peers[i];
		uint64_t bytes = opt.mode == MODE_PUBLISH ? peer->sent : peer->received;
		if (peer->state == PEER_RUNNING && peer->run_us <= window_us && seconds > 0)
			v[n++] = (double)(bytes - peer->window_bytes) * 8 / 1000 / seconds;
	}
	struct rates r = rates_of(v, n);
	free(v);
	return r;
}

/* ---- two languages ---- */

static void report_json(const struct result *r, const struct rates *rates)
{
	json_begin(r, rates, srs_modes[opt.mode], running);
	json_hist("connect_ms", &fig.connect);
	json_hist("first_byte_ms", &fig.first_byte);
	json_hist("first_frame_ms", &fig.first_frame);
	json_hist("latency_ms", &fig.latency);
	json_hist("video_latency_ms", &fig.video_latency);
	json_hist("gap_ms", &fig.gap);
	json_end(r);
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
	       srs_modes[opt.mode], running, opt.count, r->seconds,
	       (unsigned long long)fig.failures, (unsigned long long)fig.disconnects);
	reasons_print();
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
