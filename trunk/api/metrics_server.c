/* What the process and its clients are doing. Rows where one number is all there is to say. */
#include "api/api_proc.h"
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "base/version.h"
#include "cluster/upstream.h"
#include "codec/media_memory.h"
#include "live/fanout.h"
#include "node/arrivals.h"
#include "node/certs.h"
#include "node/guesses.h"
#include "node/sign.h"
#include "session/hooks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utlist.h>

enum { MS = 1000, KBYTE = 1024 };

/* ---- who it is ---- */

static void put_names(struct buf *out, const struct server *server)
{
	struct utsname u = {0};
	char pid[16], major[8];
	const struct conf_exporter *conf = &server->conf->exporter;
	uname(&u);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	snprintf(major, sizeof(major), "%d", SRS_VERSION_MAJOR);
	const struct metric_label node[] = {{"sysname", u.sysname},
					    {"nodename", u.nodename},
					    {"release", u.release},
					    {"version", u.version},
					    {"machine", u.machine}};
	metric_family(out, "srs_node_uname_info", METRIC_GAUGE,
		      "Labeled system information as provided by the uname system call.");
	metric_sample(out, "srs_node_uname_info", node, 5, 1);
	struct metric_label build[10] = {
		{"server", server->server_id},
		{"service", server->service_id},
		{"pid", pid},
		{"build_date", version_date},
		{"major", major},
		{"version", SRS_VERSION},
		{"code", version_commit},
	};
	int n = 7;
	if (*conf->label)
		build[n++] = (struct metric_label){"label", conf->label};
	if (*conf->tag)
		build[n++] = (struct metric_label){"tag", conf->tag};
	metric_family(out, "srs_build_info", METRIC_GAUGE,
		      "A metric with a constant '1' value, labeled by what was built.");
	metric_sample(out, "srs_build_info", build, n, 1);
}

/* ---- single numbers ---- */

/* Sums that more than one row needs, made once for a scrape. */
struct sums {
	const struct server *server;
	int64_t recv, send;
	int streams;
	double cpu_s;
};

static double number_of_descriptors(const struct sums *s)
{
	int n = -1; /* the directory's own */
	DIR *dir = opendir("/proc/self/fd");
	(void)s;
	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static double most_descriptors(const struct sums *s)
{
	struct rlimit limit = {0};
	(void)s;
	getrlimit(RLIMIT_NOFILE, &limit);
	return (double)limit.rlim_cur;
}

/* clang-format off */
#define NUMBER(name, expression) static double name(const struct sums *s) { (void)s; return (double)(expression); }
NUMBER(cpu_percent, 100 * proc_self_percent(clock_ms() - s->server->started_ms))
NUMBER(memory_kbyte, proc_self_kbyte())
NUMBER(send_bytes, s->send)
NUMBER(recv_bytes, s->recv)
NUMBER(streams, s->streams)
NUMBER(clients, s->server->stat.client_count)
NUMBER(clients_total, s->server->figures.clients_total)
NUMBER(errors_total, s->server->figures.errors_total)
NUMBER(cpu_seconds, s->cpu_s)
NUMBER(memory_bytes, proc_self_kbyte() * KBYTE)
NUMBER(start_seconds, (double)(clock_wall_ms() - clock_ms() + s->server->started_ms) / MS)
NUMBER(draining, s->server->drain.state != DRAIN_OFF)
NUMBER(connections, s->server->places.count + s->server->api_places.count)
NUMBER(connections_max, s->server->conf->max_connections)
NUMBER(refused_places, s->server->places.refused)
NUMBER(refused_rate, arrivals_refused(s->server->arrivals))
NUMBER(media_bytes, media_memory_used())
NUMBER(media_max, media_memory_max())
NUMBER(skips, s->server->figures.skips_total)
NUMBER(streams_begun, s->server->figures.streams_begun)
NUMBER(stream_gaps, s->server->figures.stream_gaps)
NUMBER(pulls, s->server->stat.pulls)
NUMBER(switches, s->server->stat.switches)
NUMBER(upstream_failures, s->server->stat.upstream_failures)
NUMBER(upstreams_up, !upstreams_are_down(s->server->cluster))
NUMBER(reloads, s->server->reload.count)
NUMBER(reload_good, s->server->reload.code == OK)
NUMBER(hooks_waiting, hooks_facts(s->server->hooks).waiting)
NUMBER(tls_open, tls_counts()->open)
/* clang-format on */

static const struct {
	const char *name;
	enum metric_type type;
	const char *help;
	double (*value)(const struct sums *s);
} numbers[] = {
	{"srs_cpu_percent", METRIC_GAUGE, "SRS cpu used percent.", cpu_percent},
	{"srs_memory", METRIC_GAUGE, "SRS memory used, in kilobytes.", memory_kbyte},
	{"srs_send_bytes_total", METRIC_COUNTER, "SRS total sent bytes.", send_bytes},
	{"srs_receive_bytes_total", METRIC_COUNTER, "SRS total received bytes.", recv_bytes},
	{"srs_streams", METRIC_GAUGE, "The number of SRS concurrent streams.", streams},
	{"srs_clients", METRIC_GAUGE, "The number of SRS concurrent clients.", clients},
	{"srs_clients_total", METRIC_COUNTER, "The total counts of SRS clients.", clients_total},
	{"srs_clients_errs_total", METRIC_COUNTER,
	 "The total errors of SRS clients: those that broke the protocol, stalled, were refused or "
	 "lacked "
	 "something here.",
	 errors_total},
	{"process_cpu_seconds_total", METRIC_COUNTER, "Processor time used.", cpu_seconds},
	{"process_resident_memory_bytes", METRIC_GAUGE, "Resident memory.", memory_bytes},
	{"process_open_fds", METRIC_GAUGE, "Open file descriptors.", number_of_descriptors},
	{"process_max_fds", METRIC_GAUGE, "File descriptors that the process may have open.",
	 most_descriptors},
	{"process_start_time_seconds", METRIC_GAUGE, "Start of the process, since 1970.",
	 start_seconds},
	{"srs_draining", METRIC_GAUGE, "1 while nobody new is let in.", draining},
	{"srs_connections", METRIC_GAUGE, "Connections of all kinds.", connections},
	{"srs_connections_max", METRIC_GAUGE, "max_connections.", connections_max},
	{"srs_connections_refused_total", METRIC_COUNTER,
	 "Connections for which there was no place.", refused_places},
	{"srs_connections_too_fast_total", METRIC_COUNTER,
	 "Connections that came faster than they may (max_connection_rate).", refused_rate},
	{"srs_media_memory_bytes", METRIC_GAUGE, "Memory of streams.", media_bytes},
	{"srs_media_memory_max_bytes", METRIC_GAUGE, "What media may take of memory (max_memory).",
	 media_max},
	{"srs_player_skips_total", METRIC_COUNTER,
	 "How often players that have left were moved ahead, being too slow.", skips},
	{"srs_streams_begun_total", METRIC_COUNTER, "Streams that began here.", streams_begun},
	{"srs_stream_gaps_total", METRIC_COUNTER, "Times at which a stream lost its feeder.",
	 stream_gaps},
	{"srs_pulls_total", METRIC_COUNTER, "Streams fetched from another server.", pulls},
	{"srs_upstream_switches_total", METRIC_COUNTER, "Changes of the other server.", switches},
	{"srs_upstream_failures_total", METRIC_COUNTER, "Failures of other servers.",
	 upstream_failures},
	{"srs_upstreams_up", METRIC_GAUGE, "0 when each origin that was asked has failed.",
	 upstreams_up},
	{"srs_reloads_total", METRIC_COUNTER, "Reloads of the configuration.", reloads},
	{"srs_reload_last_good", METRIC_GAUGE, "0 when the last reload was refused.", reload_good},
	{"srs_hook_notices_waiting", METRIC_GAUGE, "Notices that wait for their web service.",
	 hooks_waiting},
	{"srs_tls_connections", METRIC_GAUGE, "Encrypted connections.", tls_open},
};

static struct sums sum_up(const struct server *server)
{
	struct sums s = {
		.server = server, .recv = server->stat.recv_bytes, .send = server->stat.send_bytes};
	struct rusage r;
	const struct client *c;
	DL_FOREACH (server->stat.clients, c) {
		struct traffic t = client_traffic(c);
		s.recv += t.recv;
		s.send += t.send;
	}
	for (struct map_iter it = map_begin(server->registry.sources); map_next(&it);)
		s.streams += source_is_live(it.value);
	getrusage(RUSAGE_SELF, &r);
	s.cpu_s = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
		  (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	return s;
}

void metrics_put_server(struct buf *out, const struct server *server)
{
	struct sums s = sum_up(server);
	put_names(out, server);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		metric_family(out, numbers[i].name, numbers[i].type, numbers[i].help);
		metric_sample(out, numbers[i].name, NULL, 0, numbers[i].value(&s));
	}
}
