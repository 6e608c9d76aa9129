/* How the process and the machine are doing. */
#include "api/api_proc.h"
#include "api/api_route.h"
#include "base/version.h"
#include "node/arrivals.h"
#include "node/guesses.h"
#include "node/notice.h"
#include "node/sign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utlist.h>

static void put_real(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

static json_t *data_of(struct api_call *call)
{
	json_t *data = json_put_object(call->answer, "data");
	json_put_bool(data, "ok", true);
	return data;
}

static int64_t uptime_ms(const struct server *server)
{
	return clock_ms() - server->started_ms;
}

/* ---- summaries ---- */

static void put_argv(json_t *self)
{
	enum { ARGV_MAX = 1024 };
	char text[ARGV_MAX];
	FILE *f = fopen("/proc/self/cmdline", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	for (size_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	while (n && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	json_put_text(self, "argv", text);
}

static void put_self(json_t *data, const struct server *server, const struct proc_memory *m)
{
	json_t *self = json_put_object(data, "self");
	char *cwd = getcwd(NULL, 0);
	int64_t kbyte = proc_self_kbyte();
	json_put_text(self, "version", SRS_VERSION);
	json_put_int(self, "pid", getpid());
	json_put_int(self, "ppid", getppid());
	put_argv(self);
	json_put_text(self, "cwd", cwd ? cwd : "");
	json_put_int(self, "mem_kbyte", kbyte);
	put_real(self, "mem_percent", m->total ? (double)kbyte / (double)m->total : 0);
	put_real(self, "cpu_percent", proc_self_percent(uptime_ms(server)));
	json_put_int(self, "srs_uptime", uptime_ms(server) / 1000);
	free(cwd);
}

static void put_machine(json_t *system, const struct server *server, const struct proc_memory *m)
{
	static const char *const loads[] = {"load_1m", "load_5m", "load_15m"};
	struct proc_cpu cpu;
	struct proc_disk disk;
	double load[3] = {0};
	char *rest;
	proc_cpu(&cpu);
	proc_disk(&disk, &server->conf->stats.disk);
	if (getloadavg(load, 3) != 3)
		memset(load, 0, sizeof(load));
	put_real(system, "cpu_percent", cpu.percent);
	json_put_int(system, "disk_read_KBps", disk.read_kbps);
	json_put_int(system, "disk_write_KBps", disk.write_kbps);
	put_real(system, "disk_busy_percent", disk.busy);
	json_put_int(system, "mem_ram_kbyte", m->total);
	put_real(system, "mem_ram_percent", m->percent_ram);
	json_put_int(system, "mem_swap_kbyte", m->swap_total);
	put_real(system, "mem_swap_percent", m->percent_swap);
	json_put_int(system, "cpus", sysconf(_SC_NPROCESSORS_CONF));
	json_put_int(system, "cpus_online", sysconf(_SC_NPROCESSORS_ONLN));
	put_real(system, "uptime", strtod(proc_text("/proc/uptime"), &rest));
	put_real(system, "ilde_time", strtod(rest, NULL));
	for (int i = 0; i < 3; i++)
		put_real(system, loads[i], load[i]);
}

static void put_network(json_t *system, const struct server *server)
{
	const struct stats *stat = &server->stat;
	struct proc_net net;
	int64_t recv = stat->recv_bytes, send = stat->send_bytes;
	struct client *c;
	DL_FOREACH (stat->clients, c) {
		struct traffic traffic = client_traffic(c);
		recv += traffic.recv - c->counted.recv;
		send += traffic.send - c->counted.send;
	}
	proc_net(&net);
	json_put_int(system, "net_sample_time", clock_wall_ms());
	json_put_int(system, "net_recv_bytes", net.recv);
	json_put_int(system, "net_send_bytes", net.send);
	json_put_int(system, "net_recvi_bytes", net.local_recv);
	json_put_int(system, "net_sendi_bytes", net.local_send);
	json_put_int(system, "srs_sample_time", clock_wall_ms());
	json_put_int(system, "srs_recv_bytes", recv);
	json_put_int(system, "srs_send_bytes", send);
	json_put_int(system, "conn_sys", net.tcp + net.tcp_waiting + net.udp);
	json_put_int(system, "conn_sys_et", net.tcp);
	json_put_int(system, "conn_sys_tw", net.tcp_waiting);
	json_put_int(system, "conn_sys_udp", net.udp);
	json_put_int(system, "conn_srs", server->places.count + server->api_places.count);
}

/* Requests that were refused, by reason. */
static void put_refused(json_t *cluster, const struct server *server)
{
	const struct signer *signer = server->signer;
	json_t *refused = json_put_object(cluster, "refused");
	json_put_int(refused, "unsigned", (int64_t)sign_count(signer, SIGN_MISSING));
	json_put_int(refused, "forged", (int64_t)sign_count(signer, SIGN_FORGED));
	json_put_int(refused, "late", (int64_t)sign_count(signer, SIGN_LATE));
	json_put_int(refused, "replayed", (int64_t)sign_count(signer, SIGN_REPLAYED));
	json_put_int(refused, "misdirected", (int64_t)sign_count(signer, SIGN_MISDIRECTED));
	json_put_int(refused, "relays", (int64_t)server->stat.refused_relays);
	json_put_int(refused, "writes", (int64_t)server->stat.refused_writes);
	json_put_int(refused, "passwords", (int64_t)guesses_count(server->guesses));
	json_put_int(refused, "places", (int64_t)server->places.refused);
	json_put_int(refused, "too_fast", (int64_t)arrivals_refused(server->arrivals));
}

/* Of very many lines of a kind most are left out. */
static void put_left_out(json_t *data, const struct server *server)
{
	json_t *lines = json_put_object(data, "log_left_out");
	for (int i = 0; i < NOTICE_KINDS; i++)
		json_put_int(lines, notice_name((enum notice_kind)i),
			     (int64_t)notice_left_out(server->notices, (enum notice_kind)i));
}

void api_put_summaries(json_t *data, const struct server *server)
{
	const struct stats *stat = &server->stat;
	struct proc_memory m;
	json_put_bool(data, "ok", true);
	proc_memory(&m);
	json_put_int(data, "now_ms", clock_wall_ms());
	put_self(data, server, &m);
	json_t *system = json_put_object(data, "system");
	put_machine(system, server, &m);
	put_network(system, server);
	json_t *cluster = json_put_object(data, "cluster");
	json_put_int(cluster, "pulls", (int64_t)stat->pulls);
	json_put_int(cluster, "switches", (int64_t)stat->switches);
	json_put_int(cluster, "upstream_failures", (int64_t)stat->upstream_failures);
	put_refused(cluster, server);
	put_left_out(data, server);
}

enum api_code api_summaries(struct api_call *call)
{
	api_put_summaries(json_put_object(call->answer, "data"), call->server);
	return API_OK;
}

/* ---- the others ---- */

enum api_code api_rusages(struct api_call *call)
{
	struct rusage r;
	json_t *data = data_of(call);
	getrusage(RUSAGE_SELF, &r);
	json_put_int(data, "sample_time", clock_wall_ms());
	json_put_int(data, "ru_utime", r.ru_utime.tv_sec);
	json_put_int(data, "ru_stime", r.ru_stime.tv_sec);
	json_put_int(data, "ru_maxrss", r.ru_maxrss);
	json_put_int(data, "ru_ixrss", r.ru_ixrss);
	json_put_int(data, "ru_idrss", r.ru_idrss);
	json_put_int(data, "ru_isrss", r.ru_isrss);
	json_put_int(data, "ru_minflt", r.ru_minflt);
	json_put_int(data, "ru_majflt", r.ru_majflt);
	json_put_int(data, "ru_nswap", r.ru_nswap);
	json_put_int(data, "ru_inblock", r.ru_inblock);
	json_put_int(data, "ru_oublock", r.ru_oublock);
	json_put_int(data, "ru_msgsnd", r.ru_msgsnd);
	json_put_int(data, "ru_msgrcv", r.ru_msgrcv);
	json_put_int(data, "ru_nsignals", r.ru_nsignals);
	json_put_int(data, "ru_nvcsw", r.ru_nvcsw);
	json_put_int(data, "ru_nivcsw", r.ru_nivcsw);
	return API_OK;
}

enum api_code api_self_proc_stats(struct api_call *call)
{
	/* Fields behind "pid (comm) state", in the order of proc(5). */
	static const char *const names[] = {
		"ppid",        "pgrp",        "session",
		"tty_nr",      "tpgid",       "flags",
		"minflt",      "cminflt",     "majflt",
		"cmajflt",     "utime",       "stime",
		"cutime",      "cstime",      "priority",
		"nice",        "num_threads", "itrealvalue",
		"starttime",   "vsize",       "rss",
		"rsslim",      "startcode",   "endcode",
		"startstack",  "kstkesp",     "kstkeip",
		"signal",      "blocked",     "sigignore",
		"sigcatch",    "wchan",       "nswap",
		"cnswap",      "exit_signal", "processor",
		"rt_priority", "policy",      "delayacct_blkio_ticks",
		"guest_time",  "cguest_time",
	};
	json_t *data = data_of(call);
	const char *text = proc_text("/proc/self/stat"), *close = strrchr(text, ')');
	json_put_int(data, "sample_time", clock_wall_ms());
	put_real(data, "percent", proc_self_percent(uptime_ms(call->server)));
	json_put_int(data, "pid", getpid());
	json_put_text(data, "comm", program_invocation_short_name);
	if (!close || strlen(close) < 4)
		return API_OK;
	char state[2] = {close[2], '\0'};
	json_put_text(data, "state", state);
	char *p = (char *)(uintptr_t)close + 3;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_put_int(data, names[i], strtoll(p, &p, 10));
	return API_OK;
}

enum api_code api_system_proc_stats(struct api_call *call)
{
	static const char *const names[] = {"user", "nice",    "sys",   "idle", "iowait",
					    "irq",  "softirq", "steal", "guest"};
	json_t *data = data_of(call);
	struct proc_cpu cpu;
	proc_cpu(&cpu);
	json_put_int(data, "sample_time", clock_wall_ms());
	put_real(data, "percent", cpu.percent);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_put_int(data, names[i], cpu.v[i]);
	return API_OK;
}

enum api_code api_meminfos(struct api_call *call)
{
	struct proc_memory m;
	json_t *data = data_of(call);
	proc_memory(&m);
	json_put_int(data, "sample_time", clock_wall_ms());
	put_real(data, "percent_ram", m.percent_ram);
	put_real(data, "percent_swap", m.percent_swap);
	json_put_int(data, "MemActive", m.active);
	json_put_int(data, "RealInUse", m.in_use);
	json_put_int(data, "NotInUse", m.not_in_use);
	json_put_int(data, "MemTotal", m.total);
	json_put_int(data, "MemFree", m.free);
	json_put_int(data, "Buffers", m.buffers);
	json_put_int(data, "Cached", m.cached);
	json_put_int(data, "SwapTotal", m.swap_total);
	json_put_int(data, "SwapFree", m.swap_free);
	return API_OK;
}
