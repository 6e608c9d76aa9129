/* Streams one by one. Their number is not ours to choose, so only the largest have series of their own; one that
 * has keeps it until it ends, and the bytes of the others are counted up in one series, which therefore
 * never goes back. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cluster/relays.h"

#include <stdio.h>
#include <stdlib.h>

enum { MS = 1000 };

/* ---- what is kept from one scrape to the next ---- */

enum { RECV, SEND, FRAMES, COUNTERS };

struct kept_stream {
	bool named; /* it has series of its own */
	uint64_t scrape;
	int64_t last[COUNTERS];
	int64_t lag_ms;        /* scratch of one scrape: the farthest of its players */
	struct source *source; /* while a scrape goes on; borrowed */
};

static struct {
	struct map *by_key;
	uint64_t scrape;
	int named;
	int64_t other[COUNTERS];
} kept;

static void counters_of(int64_t out[static COUNTERS], const struct source *s)
{
	out[RECV] = s->recv_bytes;
	out[SEND] = s->send_bytes;
	out[FRAMES] = (int64_t)s->video_frames;
}

static struct kept_stream *kept_of(const char *key)
{
	struct kept_stream *k = map_get(kept.by_key, key);
	if (!k) {
		k = mem_new(struct kept_stream);
		map_set(kept.by_key, key, k);
	}
	return k;
}

/* One scrape goes on at a time, so what is kept stays while others run. */
static void forget_gone(void)
{
	size_t i = 0;
	for (struct map_iter it = map_begin(kept.by_key); map_next(&it); i++) {
		struct kept_stream *k = it.value;
		metrics_slice(i);
		if (k->scrape == kept.scrape)
			continue;
		kept.named -= k->named;
		map_remove(kept.by_key, it.key);
		free(k);
	}
}

/* ---- one scrape ---- */

/* What decides the order, side by side: to look into the streams for each comparison costs ten times as much. */
struct rank {
	struct source *source; /* one reference */
	struct kept_stream *kept;
	bool named;
	int64_t players, bytes;
	size_t labels_at, labels_n; /* of one that is named, in scrape.labels */
};

struct scrape {
	struct server *server;
	struct rank *v;
	size_t count, room;
	struct buf labels;
	int others, others_players;
};

/* References are taken at once, since the registry may change with the first yield. */
static void take_all(struct scrape *s)
{
	for (struct map_iter it = map_begin(s->server->registry.sources); map_next(&it);) {
		if (!source_is_live(it.value))
			continue;
		vec_reserve(s->v, s->room, s->count + 1);
		s->v[s->count++] = (struct rank){.source = source_ref(it.value)};
	}
}

static void rank_all(struct scrape *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct rank *r = &s->v[i];
		r->kept = kept_of(r->source->key);
		r->kept->scrape = kept.scrape;
		r->kept->source = r->source;
		r->kept->lag_ms = 0;
		r->named = r->kept->named;
		r->players = source_players(r->source);
		r->bytes = r->source->recv_bytes;
		metrics_slice(i);
	}
}

static void note_lags(struct scrape *s)
{
	struct client_cursor cursor;
	const struct client *c;
	client_cursor_begin(&cursor, &s->server->stat);
	for (size_t i = 0; (c = client_cursor_next(&cursor)); i++) {
		struct kept_stream *k =
			c->cursor && c->cursor->wire ? map_get(kept.by_key, c->source->key) : NULL;
		int64_t lag = k ? cursor_lag(c->cursor) : 0;
		if (k && lag > k->lag_ms)
			k->lag_ms = lag;
		metrics_slice(i);
	}
	client_cursor_end(&cursor, &s->server->stat);
}

static int by_size(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;
	if (x->named != y->named)
		return x->named ? -1 : 1;
	if (x->players != y->players)
		return (x->players < y->players) - (x->players > y->players);
	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* Those that have series stand first, the largest of the others behind them. */
static void choose(struct scrape *s, int most)
{
	if (s->count)
		qsort(s->v, s->count, sizeof(s->v[0]), by_size);
	for (size_t i = 0; i < s->count; i++) {
		bool named = i < (size_t)most;
		kept.named += named - s->v[i].named;
		s->v[i].kept->named = s->v[i].named = named;
		metrics_slice(i);
	}
}

static void count_other(struct scrape *s, struct kept_stream *k, const int64_t now[static COUNTERS])
{
	s->others++;
	s->others_players += (int)source_players(k->source);
	for (int i = 0; i < COUNTERS; i++)
		kept.other[i] += now[i] >= k->last[i] ? now[i] - k->last[i] : now[i];
}

static void count_all(struct scrape *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct kept_stream *k = s->v[i].kept;
		int64_t now[COUNTERS];
		counters_of(now, k->source);
		if (!k->named)
			count_other(s, k, now);
		for (int n = 0; n < COUNTERS; n++)
			k->last[n] = now[n];
		metrics_slice(i);
	}
}

/* Once for all families. */
static void write_labels(struct scrape *s, size_t max)
{
	s->labels.max = max;
	for (size_t i = 0; i < s->count && s->v[i].named; i++) {
		struct rank *r = &s->v[i];
		r->labels_at = s->labels.n;
		metric_labels(&s->labels,
			      (struct metric_label[]){{"vhost", r->source->vhost},
						      {"app", r->source->app},
						      {"stream", r->source->stream}},
			      3);
		r->labels_n = s->labels.n - r->labels_at;
		metrics_slice(i);
	}
}

/* ---- families ---- */

static double of_counter(const struct kept_stream *k, int i)
{
	return (double)k->last[i];
}

static double of_recv(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return of_counter(k, RECV);
}

static double of_send(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return of_counter(k, SEND);
}

static double of_frames(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return of_counter(k, FRAMES);
}

static double of_players(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return (double)source_players(k->source);
}

static double of_gop(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return (double)k->source->starts.distance_ms / MS;
}

/* In the time of the stream up to its newest message, and on the clock since the last picture. */
static double of_key_age(const struct scrape *s, const struct kept_stream *k)
{
	const struct source *source = k->source;
	(void)s;
	if (!source->starts.has_start || !source->video_ms)
		return 0;
	return (double)(source->timeline.max - source->starts.since_ts + clock_ms() -
			source->video_ms) /
	       MS;
}

static double of_lag(const struct scrape *s, const struct kept_stream *k)
{
	(void)s;
	return (double)k->lag_ms / MS;
}

static double of_switches(const struct scrape *s, const struct kept_stream *k)
{
	const struct relay_facts *facts = relays_facts(s->server->cluster, k->source);
	return facts ? (double)facts->switches : 0;
}

static double of_lost(const struct scrape *s, const struct kept_stream *k)
{
	const struct relay_facts *facts = relays_facts(s->server->cluster, k->source);
	return facts && facts->loss.since_ms ? (double)(clock_ms() - facts->loss.since_ms) / MS : 0;
}

static const struct {
	const char *name;
	enum metric_type type;
	const char *help;
	double (*value)(const struct scrape *s, const struct kept_stream *k);
	int counter; /* of the sum of the others; -1: they have none */
} families[] = {
	{"srs_stream_receive_bytes_total", METRIC_COUNTER,
	 "Bytes of the stream that came in, by this hop.", of_recv, RECV},
	{"srs_stream_send_bytes_total", METRIC_COUNTER, "Bytes of the stream that this hop sent.",
	 of_send, SEND},
	{"srs_stream_frames_total", METRIC_COUNTER, "Pictures of the stream.", of_frames, FRAMES},
	{"srs_stream_players", METRIC_GAUGE, "Players of the stream, here and behind this server.",
	 of_players, COUNTERS},
	{"srs_stream_gop_seconds", METRIC_GAUGE, "Distance of the last two key frames.", of_gop,
	 -1},
	{"srs_stream_key_frame_age_seconds", METRIC_GAUGE, "Time since the last key frame.",
	 of_key_age, -1},
	{"srs_stream_lag_seconds", METRIC_GAUGE,
	 "How far the slowest player of the stream is behind what has come.", of_lag, -1},
	{"srs_stream_upstream_switches_total", METRIC_COUNTER,
	 "Changes of the server that the stream is fetched from or taken to.", of_switches, -1},
	{"srs_stream_lost_seconds", METRIC_GAUGE,
	 "For how long no other server has had the stream, or has taken it.", of_lost, -1},
};

static void put_named(struct buf *out, const struct scrape *s, size_t f)
{
	for (size_t i = 0; i < s->count && s->v[i].named; i++) {
		const struct rank *r = &s->v[i];
		metric_sample_of(out, families[f].name,
				 span_of(s->labels.p + r->labels_at, r->labels_n),
				 families[f].value(s, r->kept));
		metrics_slice(i);
	}
}

static void put_others(struct buf *out, const struct scrape *s, size_t f)
{
	const struct metric_label labels[] = {
		{"vhost", "other"}, {"app", "other"}, {"stream", "other"}};
	int counter = families[f].counter;
	double value = counter < 0          ? 0
		       : counter < COUNTERS ? (double)kept.other[counter]
					    : s->others_players;
	if (counter >= 0 && (s->others || kept.other[RECV]))
		metric_sample(out, families[f].name, labels, 3, value);
}

static void put_hops(struct buf *out, const struct scrape *s)
{
	metric_family(out, "srs_stream_hop_info", METRIC_GAUGE,
		      "The server that a stream is fetched from (pull) or taken to (push).");
	for (size_t i = 0; i < s->count && s->v[i].named; i++) {
		const struct source *source = s->v[i].source;
		const struct relay_facts *facts = relays_facts(s->server->cluster, source);
		if (facts && *facts->peer)
			metric_sample(out, "srs_stream_hop_info",
				      (struct metric_label[]){{"vhost", source->vhost},
							      {"app", source->app},
							      {"stream", source->stream},
							      {"kind", facts->kind},
							      {"peer", facts->peer}},
				      5, 1);
		metrics_slice(i);
	}
}

void metrics_put_streams(struct buf *out, struct server *server, int most)
{
	struct scrape s = {.server = server};
	if (!kept.by_key)
		kept.by_key = map_new();
	kept.scrape++;
	take_all(&s);
	co_yield ();
	rank_all(&s);
	note_lags(&s);
	co_yield ();
	choose(&s, most);
	count_all(&s);
	write_labels(&s, out->max);
	out->bad |= !buf_ok(&s.labels);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		metric_family(out, families[f].name, families[f].type, families[f].help);
		put_named(out, &s, f);
		put_others(out, &s, f);
	}
	put_hops(out, &s);
	metric_family(out, "srs_streams_other", METRIC_GAUGE,
		      "Streams that have no series of their own (exporter.streams).");
	metric_sample(out, "srs_streams_other", NULL, 0, s.others);
	for (size_t i = 0; i < s.count; i++) {
		s.v[i].kept->source = NULL;
		source_unref(&s.v[i].source);
		metrics_slice(i);
	}
	free(s.v);
	buf_free(&s.labels);
	forget_gone();
}
