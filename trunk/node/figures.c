#include "node/figures.h"
#include "base/mem.h"

#include <string.h>

enum { LAG_STEP_MS = 100, LAG_STEP_IDLE_MS = 1600 };

static struct figures_type *type_of(struct figures *f, const char *type)
{
	int i = 0;
	while (i < FIGURES_TYPES - 1 && f->types[i].type && strcmp(f->types[i].type, type) != 0)
		i++;
	if (!f->types[i].type)
		f->types[i].type = i < FIGURES_TYPES - 1 ? type : "other";
	return &f->types[i];
}

static void count_end(struct figures *f, const struct client *c)
{
	const char *role = c->publish ? "publish" : "play", *reason = err_slug(c->ended);
	int i = 0;
	while (i < FIGURES_ENDS - 1 && f->ends[i].role &&
	       (strcmp(f->ends[i].role, role) != 0 || strcmp(f->ends[i].reason, reason) != 0))
		i++;
	f->ends[i].role = role;
	f->ends[i].reason = reason;
	f->ends[i].count++;
	f->errors_total += c->ended != OK && err_severity(c->ended) != ERR_QUIET;
}

/* ---- clients ---- */

static struct figures *of_clients(struct client_observer *o)
{
	return container_of(o, struct figures, clients);
}

static void on_enter(struct client_observer *o, struct client *c)
{
	struct figures_type *t = type_of(of_clients(o), c->type);
	of_clients(o)->clients_total++;
	t->total++;
	t->now++;
}

static void on_leave(struct client_observer *o, struct client *c)
{
	type_of(of_clients(o), c->type)->now--;
	int64_t skips = client_skips(c);
	of_clients(o)->skips_total += skips > 0 ? (uint64_t)skips : 0;
	count_end(of_clients(o), c);
}

static void on_first(struct client_observer *o, struct client *c)
{
	histogram_add(&type_of(of_clients(o), c->type)->first_frame,
		      c->first_ms - client_asked_ms(c));
}

static void on_refuse(struct client_observer *o, struct client *c)
{
	struct figures *f = of_clients(o);
	if (c->ended == ERR_REDIRECT)
		histogram_add(&f->redirect, clock_ms() - client_asked_ms(c));
	count_end(f, c);
}

/* ---- streams ---- */

static void on_begin(struct source_observer *o, struct source *source, bool resumed)
{
	(void)source;
	container_of(o, struct figures, sources)->streams_begun += !resumed;
}

static void on_gap(struct source_observer *o, struct source *source)
{
	(void)source;
	container_of(o, struct figures, sources)->stream_gaps++;
}

/* ---- the program itself ---- */

/* An idle process is late for nobody: it looks less often, since waking is most of what it costs then. */
static void on_lag(struct timer *timer)
{
	struct figures *f = container_of(timer, struct figures, lag_timer);
	int64_t now = clock_ms();
	uint64_t events = co_events();
	histogram_add(&f->loop_lag, now - timer->due);
	f->lag_step_ms = events != f->events ? LAG_STEP_MS : 2 * f->lag_step_ms;
	if (f->lag_step_ms > LAG_STEP_IDLE_MS)
		f->lag_step_ms = LAG_STEP_IDLE_MS;
	f->events = events;
	timer_set(timer, now + f->lag_step_ms);
}

void figures_init(struct figures *f, struct stats *stat, struct registry *registry)
{
	memset(f, 0, sizeof(*f)); /* too large for a stack */
	f->stat = stat;
	f->registry = registry;
	f->clients = (struct client_observer){.on_enter = on_enter,
					      .on_leave = on_leave,
					      .on_first = on_first,
					      .on_refuse = on_refuse};
	f->sources = (struct source_observer){.on_begin = on_begin, .on_gap = on_gap};
	f->lag_timer.fn = on_lag;
	stat_observe(stat, &f->clients);
	registry_observe(registry, &f->sources);
	f->lag_step_ms = LAG_STEP_MS;
	timer_set(&f->lag_timer, clock_ms() + LAG_STEP_MS);
}

void figures_fini(struct figures *f)
{
	if (!f->stat)
		return;
	timer_cancel(&f->lag_timer);
	registry_unobserve(f->registry, &f->sources);
	stat_unobserve(f->stat, &f->clients);
	f->stat = NULL;
}
