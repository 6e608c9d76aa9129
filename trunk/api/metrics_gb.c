/* Families of GB28181: devices, calls, and what strangers have tried. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "service/gb_totals.h"

static void put_counter(struct buf *out, const char *name, const char *help, const char *label,
			const char *const *values, const int64_t *counts, int n)
{
	metric_family(out, name, METRIC_COUNTER, help);
	for (int i = 0; i < n; i++)
		metric_sample(out, name, &(struct metric_label){label, values[i]}, 1,
			      (double)counts[i]);
}

static void put_devices(struct buf *out, const struct gb_totals *t)
{
	metric_family(out, "srs_gb28181_devices", METRIC_GAUGE,
		      "Devices of GB28181 that are known, by whether they are on line.");
	metric_sample(out, "srs_gb28181_devices", &(struct metric_label){"state", "online"}, 1,
		      (double)t->online);
	metric_sample(out, "srs_gb28181_devices", &(struct metric_label){"state", "offline"}, 1,
		      (double)(t->devices - t->online));
	metric_gauge(out, "srs_gb28181_calls", (double)t->calls,
		     "Cameras that are called, or send.");
}

void metrics_put_gb(struct buf *out, const struct server *server)
{
	const struct gb_totals totals = gb_totals_of(server), *h = &totals;
	const struct sip_counts *sip = &totals.sip;
	const struct gb_registrar_counts *r = &totals.registrar;
	if (!totals.has_sip)
		return;
	put_devices(out, h);
	put_counter(out, "srs_gb28181_invitations_total",
		    "Invitations of cameras, by what came of them.", "result",
		    (const char *const[]){"sent", "refused", "unanswered"},
		    (const int64_t[]){h->invited, h->refused, h->unanswered}, 3);
	put_counter(out, "srs_gb28181_registrations_total", "Registrations of devices.", "result",
		    (const char *const[]){"accepted", "refused"},
		    (const int64_t[]){r->registrations, r->refused}, 2);
	put_counter(
		out, "srs_sip_messages_total", "Messages of SIP that came, by what they were.",
		"kind",
		(const char *const[]){"request", "response", "malformed", "repeated", "unknown"},
		(const int64_t[]){sip->requests, sip->responses, sip->malformed, sip->repeated,
				  r->unknown},
		5);
	metric_counter(out, "srs_gb28181_unknown_media_total", (double)h->unknown_media,
		       "Media connections and datagrams that nobody had asked for.");
}
