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

static void zero_sums(struct map *map)
{
	for (struct map_iter it = map_begin(map); map_next(&it);) {
		struct stat_id *s = it.value;
		s->recv_now = s->recv_bytes;
		s->send_now = s->send_bytes;
	}
}

static void add_to(struct stat_id *s, const struct client *c)
{
	struct traffic t = client_traffic(c);
	s->recv_now += t.recv;
	s->send_now += t.send;
}

/* A stream that is pulled comes in without a client. */
static void add_pulled(struct stats *stat)
{
	for (struct map_iter it = map_begin(stat->streams); map_next(&it);) {
		struct stat_id *s = it.value;
		const struct source *source = registry_find(stat->registry, it.key);
		if (source && source->recv_bytes > s->recv_now)
			s->recv_now = source->recv_bytes;
	}
}

void stat_sum(struct stats *stat)
{
	struct client *c;
	zero_sums(stat->vhosts);
	zero_sums(stat->streams);
	DL_FOREACH (stat->clients, c) {
		add_to(stat_vhost(stat, c->source->vhost), c);
		add_to(stat_stream(stat, c->source->key), c);
	}
	add_pulled(stat);
}

static void sample_all(struct map *map)
{
	for (struct map_iter it = map_begin(map); map_next(&it);) {
		struct stat_id *s = it.value;
		rate_add(&s->rate, s->recv_now, s->send_now);
	}
}

static void on_sample(struct timer *timer)
{
	struct stats *stat = container_of(timer, struct stats, sampler);
	struct client *c;
	stat_sum(stat);
	sample_all(stat->vhosts);
	sample_all(stat->streams);
	DL_FOREACH (stat->clients, c) {
		struct traffic t = client_traffic(c);
		rate_add(&c->rate, t.recv, t.send);
	}
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
	DL_APPEND(stat->clients, c);
	stat->client_count++;
	stat_vhost(stat, c->source->vhost)->clients++;
	stat_stream(stat, c->source->key)->clients++;
	DL_FOREACH (stat->observers, o)
		if (o->on_enter)
			o->on_enter(o, c);
}

static void keep(struct stat_id *s, struct traffic t)
{
	s->recv_bytes += t.recv;
	s->send_bytes += t.send;
	s->clients--;
}

void stat_leave(struct stats *stat, struct client *c)
{
	struct client_observer *o;
	if (!c->source)
		return;
	DL_FOREACH (stat->observers, o)
		if (o->on_leave)
			o->on_leave(o, c);
	struct traffic t = client_traffic(c);
	struct stat_id *stream = stat_stream(stat, c->source->key);
	keep(stat_vhost(stat, c->source->vhost), t);
	keep(stream, t);
	stat->recv_bytes += t.recv;
	stat->send_bytes += t.send;
	/* A stream nobody publishes or plays any more is forgotten, as its source is. */
	if (stream->clients == 0)
		free(map_remove(stat->streams, c->source->key));
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
