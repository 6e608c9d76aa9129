#include "service/gb_totals.h"

#include <utlist.h>

static void add_sip(struct gb_totals *t, const struct gb_hub *h)
{
	const struct sip_counts *c = sip_endpoint_counts(h->endpoint);
	const struct gb_registrar_counts *r = &h->registrar.counts;
	t->has_sip = true;
	t->sip.requests += c->requests;
	t->sip.responses += c->responses;
	t->sip.malformed += c->malformed;
	t->sip.repeated += c->repeated;
	t->sip.dropped += c->dropped;
	t->sip.timeouts += c->timeouts;
	t->sip.connections += c->connections;
	t->sip.strangers += c->strangers;
	t->sip.refused += c->refused;
	t->registrar.registrations += r->registrations;
	t->registrar.refused += r->refused;
	t->registrar.keepalives += r->keepalives;
	t->registrar.unknown += r->unknown;
}

void gb_totals_add(struct gb_totals *t, const struct gb_hub *h)
{
	const struct gb_devices *devices = &h->registrar.devices;
	t->calls += h->call_count;
	t->streams += h->stream_count;
	t->invited += h->invited;
	t->refused += h->refused;
	t->unanswered += h->unanswered;
	t->unknown_media += h->unknown_media;
	if (!h->endpoint)
		return;
	add_sip(t, h);
	t->devices += (int64_t)map_count(devices->by_id);
	t->channels += (int64_t)devices->channel_count;
	for (struct map_iter it = map_begin(devices->by_id); map_next(&it);)
		t->online += ((const struct gb_device *)it.value)->is_online;
}

struct gb_totals gb_totals_of(const struct server *server)
{
	struct gb_totals totals = {0};
	const struct gb_hub *h;
	DL_FOREACH (server->gb, h)
		gb_totals_add(&totals, h);
	return totals;
}
