#include "lives.h"
#include "base/check.h"

#include <stdlib.h>

int64_t window_us;
int running, ended;

void life_begins(struct life *l)
{
	l->runs = true;
	running++;
}

void life_ends(struct life *l, err e)
{
	ended++;
	running -= l->runs;
	if (e && e != ERR_STOPPED) {
		reason_add("%s", err_trail(e));
		if (l->runs)
			fig.disconnects++;
		else
			fig.failures++;
	}
	l->runs = false;
}

/* ---- the measuring ---- */

static void begin_window(const struct lives *lives, struct result *r)
{
	window_us = now_us();
	r->server_cpu = -watch_cpu();
	r->own_cpu = -own_cpu();
	for (int i = 0; i < opt.count; i++) {
		struct life *l = lives->at(i);
		l->window_bytes = l->bytes;
	}
}

static void end_window(struct result *r)
{
	r->seconds = window_us ? (double)(now_us() - window_us) / 1e6 : 0;
	r->server_cpu += watch_cpu();
	r->own_cpu += own_cpu();
	r->rss_after = watch_rss();
}

static void start_all(const struct lives *lives, struct co_group *group)
{
	int64_t begin = now_us();
	for (int i = 0; i < lives->workers && !process_stopping(); i++) {
		struct life *l = lives->at(i);
		l->index = i;
		l->is_full = i % opt.sample == 0;
		check(co_start_in(group, "client", lives->main, l) != NULL);
		int64_t due = opt.ramp > 0 ? begin + (int64_t)((i + 1) * 1e6 / opt.ramp) : 0;
		while (now_us() < due && !process_stopping())
			(void)co_sleep(1);
	}
}

static void wait_for_all(const struct lives *lives)
{
	int64_t deadline = clock_after(lives->patience_ms);
	while (!process_stopping() && running + ended < opt.count && clock_ms() < deadline)
		(void)co_sleep(5);
	fprintf(stderr, "ready: %d of %d run\n", running, opt.count);
	deadline = clock_after((int64_t)(opt.warm * 1000));
	while (!process_stopping() && !process_beginning() && clock_ms() < deadline)
		(void)co_sleep(5);
}

static bool goes_on(const struct lives *lives, int64_t end_ms)
{
	if (process_stopping())
		return false;
	if (lives->until_ended)
		return ended < lives->workers;
	return clock_ms() < end_ms && ended < opt.count;
}

void lives_run(const struct lives *lives, struct co_group *group, struct result *r)
{
	r->rss_before = watch_rss();
	if (lives->until_ended)
		begin_window(lives, r);
	start_all(lives, group);
	if (!lives->until_ended) {
		wait_for_all(lives);
		begin_window(lives, r);
	}
	int64_t end_ms = opt.seconds > 0 ? clock_after((int64_t)(opt.seconds * 1000)) : CLOCK_NEVER;
	while (goes_on(lives, end_ms))
		(void)co_sleep(10);
	end_window(r);
}

struct rates lives_rates(const struct lives *lives, const struct result *r)
{
	double *v = mem_alloc(sizeof(*v) * (size_t)(opt.count + 1));
	int n = 0;
	for (int i = 0; i < opt.count; i++) {
		const struct life *l = lives->at(i);
		if (l->worst_gap_us)
			hist_add(&fig.gap, l->worst_gap_us);
		if (l->runs && r->seconds > 0)
			v[n++] = (double)(l->bytes - l->window_bytes) * 8 / 1000 / r->seconds;
	}
	struct rates rates = rates_of(v, n);
	free(v);
	return rates;
}
