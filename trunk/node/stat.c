#include "node/stat.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct stat_id *entry(struct map *map, const char *name)
{
	struct stat_id *s = map_get(map, name);
	if (!s) {
		char text[9];
		co_new_id(text);
		s = mem_new(struct stat_id);
		snprintf(s->id, sizeof(s->id), "vid-%.7s", text);
		rate_add(&s->rate, 0, 0);
		map_set(map, name, s);
	}
	return s;
}

struct stat_id *stat_vhost(struct stats *stat, const char *name)
{
	return entry(stat->vhosts, name);
}

struct stat_id *stat_stream(struct stats *stat, const char *key)
{
	return entry(stat->streams, key);
}

const struct stat_id *stat_stream_find(const struct stats *stat, const char *key)
{
	return map_get(stat->streams, key);
}

void stat_count(struct stats *stat, struct client *c)
{
	struct traffic now = client_traffic(c);
	int64_t recv = now.recv - c->counted.recv, send = now.send - c->counted.send;
	c->of_vhost->recv_now += recv;
	c->of_vhost->send_now += send;
	c->of_stream->recv_now += recv;
	c->of_stream->send_now += send;
	stat->recv_bytes += recv;
	stat->send_bytes += send;
	c->counted = now;
}

static void sum_all(struct stats *stat)
{
	struct client *c;
	DL_FOREACH (stat->clients, c)
		stat_count(stat, c);
	stat->summed_ms = clock_ms();
}

/* They stand at the end: clients are in the order in which they came. */
static void sum_newest(struct stats *stat)
{
	struct client *c = stat->clients ? stat->clients->prev : NULL;
	for (; c && c->since_ms >= stat->summed_ms; c = c == stat->clients ? NULL : c->prev)
		stat_count(stat, c);
}

void stat_sum(struct stats *stat)
{
	if (clock_ms() < stat->summed_ms + SUM_FRESH_MS)
		sum_newest(stat);
	else
		sum_all(stat);
}

int64_t stat_stream_recv(const struct stat_id *id, const struct source *source)
{
	return source && source->recv_bytes > id->recv_now ? source->recv_bytes : id->recv_now;
}

static void sample_vhosts(struct stats *stat)
{
	for (struct map_iter it = map_begin(stat->vhosts); map_next(&it);) {
		struct stat_id *s = it.value;
		rate_add(&s->rate, s->recv_now, s->send_now);
	}
}

static void sample_streams(struct stats *stat)
{
	for (struct map_iter it = map_begin(stat->streams); map_next(&it);) {
		struct stat_id *s = it.value;
		const struct source *source = registry_find(stat->registry, it.key);
		rate_add(&s->rate, stat_stream_recv(s, source), s->send_now);
	}
}

static void on_sample(struct timer *timer)
{
	struct stats *stat = container_of(timer, struct stats, sampler);
	struct client *c;
	sum_all(stat);
	sample_vhosts(stat);
	sample_streams(stat);
	DL_FOREACH (stat->clients, c)
		rate_add(&c->rate, c->counted.recv, c->counted.send);
	timer_set(timer, clock_ms() + RATE_STEP_MS);
}

void stat_init(struct stats *stat, const struct registry *registry)
{
	stat->registry = registry;
	stat->vhosts = map_new();
	stat->streams = map_new();
	stat->sampler.fn = on_sample;
	timer_set(&stat->sampler, clock_ms() + RATE_STEP_MS);
}

void stat_fini(struct stats *stat)
{
	timer_cancel(&stat->sampler);
	map_free_values(&stat->vhosts);
	map_free_values(&stat->streams);
}

void stat_observe(struct stats *stat, struct client_observer *observer)
{
	DL_APPEND(stat->observers, observer);
}

void stat_unobserve(struct stats *stat, struct client_observer *observer)
{
	DL_DELETE(stat->observers, observer);
}

void stat_enter(struct stats *stat, struct client *c)
{
	struct client_observer *o;
	snprintf(c->id, sizeof(c->id), "%s", co_id());
	c->since_ms = clock_ms();
	c->rate = (struct rate){0};
	rate_add(&c->rate, 0, 0);
	c->counted = (struct traffic){0};
	c->of_vhost = stat_vhost(stat, c->source->vhost);
	c->of_stream = stat_stream(stat, c->source->key);
	c->of_vhost->clients++;
	c->of_stream->clients++;
	DL_APPEND(stat->clients, c);
	stat->client_count++;
	DL_FOREACH (stat->observers, o)
		if (o->on_enter)
			o->on_enter(o, c);
}

void stat_leave(struct stats *stat, struct client *c)
{
	struct client_observer *o;
	if (!c->source)
		return;
	DL_FOREACH (stat->observers, o)
		if (o->on_leave)
			o->on_leave(o, c);
	stat_count(stat, c);
	c->of_vhost->clients--;
	/* A stream nobody publishes or plays any more is forgotten, as its source is. */
	if (--c->of_stream->clients == 0)
		free(map_remove(stat->streams, c->source->key));
	c->of_vhost = c->of_stream = NULL;
	struct client_cursor *cursor;
	DL_FOREACH (stat->cursors, cursor)
		if (cursor->at == c)
			cursor->at = c->next;
	DL_DELETE(stat->clients, c);
	stat->client_count--;
	c->source = NULL;
	c->cursor = NULL;
}

struct client *stat_find(struct stats *stat, const char *id)
{
	struct client *c;
	DL_FOREACH (stat->clients, c)
		if (strcmp(c->id, id) == 0)
			return c;
	return NULL;
}

void stat_first(struct stats *stat, struct client *c)
{
	struct client_observer *o;
	c->first_ms = clock_ms();
	DL_FOREACH (stat->observers, o)
		if (o->on_first)
			o->on_first(o, c);
}

void stat_refuse(struct stats *stat, struct client *c)
{
	struct client_observer *o;
	DL_FOREACH (stat->observers, o)
		if (o->on_refuse)
			o->on_refuse(o, c);
}

void client_cursor_begin(struct client_cursor *cursor, struct stats *stat)
{
	cursor->at = stat->clients;
	DL_APPEND(stat->cursors, cursor);
}

struct client *client_cursor_next(struct client_cursor *cursor)
{
	struct client *c = cursor->at;
	if (c)
		cursor->at = c->next;
	return c;
}

void client_cursor_end(struct client_cursor *cursor, struct stats *stat)
{
	DL_DELETE(stat->cursors, cursor);
}
