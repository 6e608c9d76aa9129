/* Families of SRT: what the lines of its sessions have been like. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "service/srt_hub.h"

static void put_packets(struct buf *out, const char *direction, const int64_t counts[4])
{
	static const char *const kinds[] = {"media", "lost", "retransmitted", "dropped"};
	for (int i = 0; i < 4; i++)
		metric_sample(out, "srs_srt_packets_total",
			      (struct metric_label[]){{"direction", direction}, {"kind", kinds[i]}},
			      2, (double)counts[i]);
}

void metrics_put_srt(struct buf *out, const struct server *server)
{
	const struct srt_hub *h = server->srt;
	struct srt_figures f;
	if (!h || !h->gate)
		return;
	srt_hub_figures(h, &f);
	metric_family(out, "srs_srt_packets_total", METRIC_COUNTER,
		      "Packets of SRT: media, and of it what was lost at first, came or was sent "
		      "again, and "
		      "was given up.");
	put_packets(out, "recv",
		    (const int64_t[]){f.recv_packets, f.recv_lost, f.recv_retransmitted,
				      f.recv_dropped});
	put_packets(out, "send",
		    (const int64_t[]){f.send_packets, f.send_lost, f.send_retransmitted,
				      f.send_dropped});
	metric_family(out, "srs_srt_refused_total", METRIC_COUNTER,
		      "SRT callers that were refused, while they shook hands or afterwards.");
	metric_sample(out, "srs_srt_refused_total", &(struct metric_label){"when", "handshake"}, 1,
		      (double)srt_gate_refused(h->gate));
	metric_sample(out, "srs_srt_refused_total", &(struct metric_label){"when", "connected"}, 1,
		      (double)h->refused);
}
