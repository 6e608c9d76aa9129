/* Families of WebRTC: sessions, what comes to the port, and what crosses between two processes. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "service/rtc_sharing.h"

struct metric_row {
	const char *value;
	int64_t n;
};

static void put_rows(struct buf *out, const char *name, const char *label,
		     const struct metric_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		metric_sample(out, name, &(struct metric_label){label, rows[i].value}, 1,
			      (double)rows[i].n);
}

#define PUT(out, name, label, rows)                                                                \
	put_rows(out, name, label, rows, sizeof(rows) / sizeof((rows)[0]))

static void put_sessions(struct buf *out, const struct rtc_hub *h)
{
	const struct metric_row now[] = {{"half_open", h->half_open},
					 {"other", h->count - h->half_open}};
	const struct metric_row all[] = {{"opened", h->opened},
					 {"connected", h->connected},
					 {"never_connected", h->never_connected}};
	metric_family(out, "srs_rtc_sessions", METRIC_GAUGE,
		      "Sessions of WebRTC; half-open: answered, and not connected yet.");
	PUT(out, "srs_rtc_sessions", "state", now);
	metric_family(out, "srs_rtc_sessions_total", METRIC_COUNTER,
		      "Sessions of WebRTC since the start, by how far they came.");
	PUT(out, "srs_rtc_sessions_total", "result", all);
}

static void put_datagrams(struct buf *out, const struct rtc_hub *h)
{
	static const struct rtc_port_counts none;
	const struct rtc_port *port = rtc_hub_port(h);
	const struct rtc_port_counts *c = port ? rtc_port_counts(port) : &none;
	const struct metric_row rows[] = {
		{"stun", c->stun},
		{"dtls", c->dtls},
		{"media", c->media},
		{"unknown_name", c->unknown_name},
		{"unknown_peer", c->unknown_peer},
		{"malformed", c->malformed},
		{"other", c->other},
		{"send_dropped", c->send_dropped},
	};
	metric_family(out, "srs_rtc_datagrams_total", METRIC_COUNTER,
		      "Datagrams that came to the WebRTC port, and those that could not be sent.");
	PUT(out, "srs_rtc_datagrams_total", "kind", rows);
}

static void put_crossed(struct buf *out, const struct rtc_hub *h)
{
	struct crossing_counts c;
	size_t waiting;
	rtc_sharing_counts(h, &c, &waiting);
	const struct metric_row rows[] = {
		{"handed", c.handed}, {"taken", c.taken}, {"dropped", c.dropped}};
	metric_family(
		out, "srs_rtc_crossed_datagrams_total", METRIC_COUNTER,
		"Datagrams between the processes of an upgrade in place that share the port.");
	PUT(out, "srs_rtc_crossed_datagrams_total", "way", rows);
}

void metrics_put_rtc(struct buf *out, const struct server *server)
{
	const struct rtc_hub *h = server->rtc;
	if (!h || (h->opened == 0 && !rtc_hub_port(h)))
		return;
	put_sessions(out, h);
	put_datagrams(out, h);
	put_crossed(out, h);
}
