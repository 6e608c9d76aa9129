/* Families with one label: kinds of clients, ends, refusals, waits. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "live/fanout.h"
#include "net/tls.h"
#include "node/certs.h"
#include "node/guesses.h"
#include "node/hook.h"
#include "node/notice.h"
#include "node/sign.h"
#include "service/hls_serve.h"
#include "session/hooks.h"

static void put_one(struct buf *out, const char *name, const char *label, const char *value,
		    double n)
{
	metric_sample(out, name, &(struct metric_label){label, value}, 1, n);
}

/* ---- clients ---- */

static void put_types(struct buf *out, const struct figures *f)
{
	metric_family(out, "srs_clients_by_type", METRIC_GAUGE,
		      "Clients by what they do and by protocol.");
	for (int i = 0; i < FIGURES_TYPES && f->types[i].type; i++)
		put_one(out, "srs_clients_by_type", "type", f->types[i].type, f->types[i].now);
	metric_family(out, "srs_clients_by_type_total", METRIC_COUNTER,
		      "Clients since the start, by what they do and by protocol.");
	for (int i = 0; i < FIGURES_TYPES && f->types[i].type; i++)
		put_one(out, "srs_clients_by_type_total", "type", f->types[i].type,
			(double)f->types[i].total);
}

void metrics_count_clients(struct metrics_roles *out, struct server *server)
{
	struct client_cursor cursor;
	struct client *c;
	*out = (struct metrics_roles){0};
	client_cursor_begin(&cursor, &server->stat);
	for (size_t i = 0; (c = client_cursor_next(&cursor)); i++) {
		stat_count(&server->stat, c);
		out->publishers += c->publish;
		out->relays += !c->publish && c->relay;
		out->players += !c->publish && !c->relay;
		metrics_slice(i);
	}
	client_cursor_end(&cursor, &server->stat);
}

static void put_roles(struct buf *out, const struct metrics_roles *roles)
{
	metric_family(out, "srs_clients_by_role", METRIC_GAUGE,
		      "Publishers, players, and other servers that play.");
	put_one(out, "srs_clients_by_role", "role", "publisher", roles->publishers);
	put_one(out, "srs_clients_by_role", "role", "player", roles->players);
	put_one(out, "srs_clients_by_role", "role", "relay", roles->relays);
}

static void put_ends(struct buf *out, const struct figures *f)
{
	metric_family(
		out, "srs_sessions_ended_total", METRIC_COUNTER,
		"Publishes and plays that ended, were refused or sent elsewhere, by the reason.");
	for (int i = 0; i < FIGURES_ENDS && f->ends[i].role; i++)
		metric_sample(out, "srs_sessions_ended_total",
			      (struct metric_label[]){{"role", f->ends[i].role},
						      {"reason", f->ends[i].reason}},
			      2, (double)f->ends[i].count);
}

static void put_waits(struct buf *out, const struct figures *f)
{
	metric_family(out, "srs_first_frame_seconds", METRIC_HISTOGRAM,
		      "From a player's request to the first media that is sent to it.");
	for (int i = 0; i < FIGURES_TYPES && f->types[i].type; i++)
		if (histogram_count(&f->types[i].first_frame))
			metric_histogram(out, "srs_first_frame_seconds",
					 &(struct metric_label){"type", f->types[i].type},
					 &f->types[i].first_frame);
	metric_family(out, "srs_redirect_seconds", METRIC_HISTOGRAM,
		      "From a request to the answer that names another server.");
	metric_histogram(out, "srs_redirect_seconds", NULL, &f->redirect);
	metric_family(out, "srs_loop_lag_seconds", METRIC_HISTOGRAM,
		      "How late timers are: ten samples a second, fewer while nothing happens.");
	metric_histogram(out, "srs_loop_lag_seconds", NULL, &f->loop_lag);
	metric_family(out, "srs_send_slot_lateness_seconds", METRIC_HISTOGRAM,
		      "How late players are sent what is new.");
	metric_histogram(out, "srs_send_slot_lateness_seconds", NULL, fanout_lateness());
}

/* ---- what was refused ---- */

static void put_refused(struct buf *out, const struct server *server)
{
	static const struct {
		const char *reason;
		enum sign_verdict verdict;
	} verdicts[] = {{"unsigned", SIGN_MISSING},
			{"forged", SIGN_FORGED},
			{"late", SIGN_LATE},
			{"replayed", SIGN_REPLAYED},
			{"misdirected", SIGN_MISDIRECTED}};
	const char *name = "srs_requests_refused_total";
	metric_family(out, name, METRIC_COUNTER,
		      "Requests of other servers and of callers of the API that were refused.");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		put_one(out, name, "reason", verdicts[i].reason,
			(double)sign_count(server->signer, verdicts[i].verdict));
	put_one(out, name, "reason", "relay", (double)server->stat.refused_relays);
	put_one(out, name, "reason", "write", (double)server->stat.refused_writes);
	put_one(out, name, "reason", "password", (double)guesses_count(server->guesses));
}

static void put_left_out(struct buf *out, const struct server *server)
{
	const char *name = "srs_log_lines_left_out_total";
	metric_family(out, name, METRIC_COUNTER,
		      "Lines that the log has left out, since there were very many of the kind; of "
		      "connections, the connections without lines.");
	for (int i = 0; i < NOTICE_KINDS; i++)
		put_one(out, name, "kind", notice_name((enum notice_kind)i),
			(double)notice_left_out(server->notices, (enum notice_kind)i));
}

/* ---- TLS and hooks ---- */

static void put_handshakes(struct buf *out)
{
	const struct tls_counts *c = tls_counts();
	const struct {
		const char *result;
		uint64_t n;
	} rows[] = {{"accepted", (uint64_t)c->accepted},
		    {"resumed", (uint64_t)c->resumed},
		    {"refused", (uint64_t)c->refused},
		    {"timed_out", (uint64_t)c->timed_out},
		    {"plain", (uint64_t)c->plain}};
	metric_family(out, "srs_tls_handshakes_total", METRIC_COUNTER,
		      "Handshakes by their outcome; resumed ones are among the accepted.");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		put_one(out, "srs_tls_handshakes_total", "result", rows[i].result,
			(double)rows[i].n);
}

struct activity_listing {
	struct buf *out;
	const char *service;
};

static void put_cert(void *ctx, const struct tls_cert_facts *facts)
{
	const struct activity_listing *l = ctx;
	metric_sample(l->out, "srs_tls_cert_not_after_seconds",
		      (struct metric_label[]){{"service", l->service}, {"cert", facts->cert}}, 2,
		      (double)facts->ends_s);
}

static void put_certs(struct buf *out, const struct server *server)
{
	metric_family(out, "srs_tls_cert_not_after_seconds", METRIC_GAUGE,
		      "Until when a certificate is valid, since 1970.");
	for (int i = 0; i < CERTS_COUNT; i++) {
		struct activity_listing listing = {out, certs_name((enum certs_of)i)};
		tls_server_each(certs_server(server->certs, (enum certs_of)i), put_cert, &listing);
	}
}

static void put_hooks(struct buf *out, const struct server *server)
{
	struct hook_queue_facts f = hooks_facts(server->hooks);
	const char *name = "srs_hook_notices_total";
	metric_family(out, name, METRIC_COUNTER, "Notices to web services by what became of them.");
	put_one(out, name, "result", "delivered", (double)f.delivered);
	put_one(out, name, "result", "refused", (double)f.refused);
	put_one(out, name, "result", "retried", (double)f.retried);
	put_one(out, name, "result", "dropped", (double)f.dropped);
}

static void put_hook_requests(struct buf *out)
{
	static const char *const results[] = {"allowed", "refused", "no_answer"};
	const struct hook_count *counts = hook_counts();
	const char *name = "srs_hook_requests_total";
	metric_family(out, name, METRIC_COUNTER, "Requests to web services, by event and answer.");
	for (int i = 0; i < HOOK_COUNTS && counts[i].event; i++)
		for (int k = 0; k <= HOOK_NO_ANSWER; k++)
			metric_sample(out, name,
				      (struct metric_label[]){{"event", counts[i].event},
							      {"result", results[k]}},
				      2, (double)counts[i].verdicts[k]);
	metric_family(out, "srs_hook_request_seconds", METRIC_HISTOGRAM,
		      "Until a web service has answered, or was given up.");
	for (int i = 0; i < HOOK_COUNTS && counts[i].event; i++)
		metric_histogram(out, "srs_hook_request_seconds",
				 &(struct metric_label){"event", counts[i].event},
				 &counts[i].seconds);
}

/* ---- HLS ---- */

static void put_hls(struct buf *out)
{
	const struct hls_serve_counts *c = hls_serve_counts();
	const struct hls_segment_counts *s = hls_segment_counts();
	metric_family(out, "srs_hls_requests_total", METRIC_COUNTER,
		      "Requests of HLS for what is there, or is elsewhere in the cluster.");
	put_one(out, "srs_hls_requests_total", "kind", "playlist", (double)c->lists);
	put_one(out, "srs_hls_requests_total", "kind", "media", (double)c->media);
	put_one(out, "srs_hls_requests_total", "kind", "key", (double)c->keys);
	metric_gauge(out, "srs_hls_blocked_requests", c->waiting,
		     "Requests of HLS that wait for what comes next.");
	metric_family(out, "srs_hls_segments_total", METRIC_COUNTER,
		      "Segments that were made, and that were lost for want of memory.");
	put_one(out, "srs_hls_segments_total", "result", "made", (double)s->made);
	put_one(out, "srs_hls_segments_total", "result", "lost", (double)s->lost);
}

void metrics_put_activity(struct buf *out, const struct server *server,
			  const struct metrics_roles *roles)
{
	put_types(out, &server->figures);
	put_roles(out, roles);
	put_ends(out, &server->figures);
	put_waits(out, &server->figures);
	put_refused(out, server);
	put_left_out(out, server);
	put_handshakes(out);
	put_certs(out, server);
	put_hooks(out, server);
	put_hook_requests(out);
	put_hls(out);
}
