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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

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

static int live_streams(const struct server *server)
{
	int n = 0;
	for (struct map_iter it = map_begin(server->registry.sources); map_next(&it);)
		n += source_is_live(it.value);
	return n;
}

static double cpu_seconds(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static double descriptors_max(void)
{
	struct rlimit limit = {0};
	getrlimit(RLIMIT_NOFILE, &limit);
	return (double)limit.rlim_cur;
}

static void put_process(struct buf *out, const struct server *server)
{
	metric_gauge(out, "srs_cpu_percent",
		     100 * proc_self_percent(clock_ms() - server->started_ms),
		     "SRS cpu used percent.");
	metric_gauge(out, "srs_memory", (double)proc_self_kbyte(),
		     "SRS memory used, in kilobytes.");
	metric_counter(out, "srs_send_bytes_total", (double)server->stat.send_bytes,
		       "SRS total sent bytes.");
	metric_counter(out, "srs_receive_bytes_total", (double)server->stat.recv_bytes,
		       "SRS total received bytes.");
	metric_gauge(out, "srs_streams", live_streams(server),
		     "The number of SRS concurrent streams.");
	metric_gauge(out, "srs_clients", server->stat.client_count,
		     "The number of SRS concurrent clients.");
	metric_counter(out, "srs_clients_total", (double)server->figures.clients_total,
		       "The total counts of SRS clients.");
	metric_counter(out, "srs_clients_errs_total", (double)server->figures.errors_total,
		       "The total errors of SRS clients: those that broke the protocol, stalled, "
		       "were refused or lacked something here.");
	metric_counter(out, "process_cpu_seconds_total", cpu_seconds(), "Processor time used.");
	metric_gauge(out, "process_resident_memory_bytes", (double)(proc_self_kbyte() * KBYTE),
		     "Resident memory.");
	metric_gauge(out, "process_open_fds", proc_self_descriptors(), "Open file descriptors.");
	metric_gauge(out, "process_max_fds", descriptors_max(),
		     "File descriptors that the process may have open.");
	metric_gauge(out, "process_start_time_seconds",
		     (double)(clock_wall_ms() - clock_ms() + server->started_ms) / MS,
		     "Start of the process, since 1970.");
}

static void put_places(struct buf *out, const struct server *server)
{
	metric_gauge(out, "srs_draining", server->drain.state != DRAIN_OFF,
		     "1 while nobody new is let in.");
	metric_gauge(out, "srs_connections", server->places.count + server->api_places.count,
		     "Connections of all kinds.");
	metric_gauge(out, "srs_connections_max", server->conf->max_connections, "max_connections.");
	metric_counter(out, "srs_connections_refused_total", (double)server->places.refused,
		       "Connections for which there was no place.");
	metric_counter(out, "srs_connections_too_fast_total",
		       (double)arrivals_refused(server->arrivals),
		       "Connections that came faster than they may (max_connection_rate).");
	metric_gauge(out, "srs_media_memory_bytes", (double)media_memory_used(),
		     "Memory of streams.");
	metric_gauge(out, "srs_media_memory_max_bytes", (double)media_memory_max(),
		     "What media may take of memory (max_memory).");
	metric_counter(out, "srs_player_skips_total", (double)server->figures.skips_total,
		       "How often players that have left were moved ahead, being too slow.");
}

static void put_streams(struct buf *out, const struct server *server)
{
	metric_counter(out, "srs_streams_begun_total", (double)server->figures.streams_begun,
		       "Streams that began here.");
	metric_counter(out, "srs_stream_gaps_total", (double)server->figures.stream_gaps,
		       "Times at which a stream lost its feeder.");
	metric_counter(out, "srs_pulls_total", (double)server->stat.pulls,
		       "Streams fetched from another server.");
	metric_counter(out, "srs_upstream_switches_total", (double)server->stat.switches,
		       "Changes of the other server.");
	metric_counter(out, "srs_upstream_failures_total", (double)server->stat.upstream_failures,
		       "Failures of other servers.");
	metric_gauge(out, "srs_upstreams_up", !upstreams_are_down(server->cluster),
		     "0 when each origin that was asked has failed.");
}

static void put_settings(struct buf *out, const struct server *server)
{
	metric_counter(out, "srs_reloads_total", (double)server->reload.count,
		       "Reloads of the configuration.");
	metric_gauge(out, "srs_reload_last_good", server->reload.code == OK,
		     "0 when the last reload was refused.");
	metric_gauge(out, "srs_hook_notices_waiting", (double)hooks_facts(server->hooks).waiting,
		     "Notices that wait for their web service.");
	metric_gauge(out, "srs_tls_connections", (double)tls_counts()->open,
		     "Encrypted connections.");
}

void metrics_put_server(struct buf *out, const struct server *server)
{
	put_names(out, server);
	put_process(out, server);
	put_places(out, server);
	put_streams(out, server);
	put_settings(out, server);
}
