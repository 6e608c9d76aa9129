#include "api/api_proc.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024, SAMPLE_MIN_MS = 1000 };

const char *proc_text(const char *path)
{
	static char text[TEXT_MAX];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

int64_t proc_number(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, n) == 0 && p[n] == ':')
			return strtoll(p + n + 1, NULL, 10);
	}
	return 0;
}

void proc_memory(struct proc_memory *m)
{
	const char *text = proc_text("/proc/meminfo");
	m->total = proc_number(text, "MemTotal");
	m->free = proc_number(text, "MemFree");
	m->buffers = proc_number(text, "Buffers");
	m->cached = proc_number(text, "Cached");
	m->swap_total = proc_number(text, "SwapTotal");
	m->swap_free = proc_number(text, "SwapFree");
	m->active = m->total - m->free;
	m->in_use = m->active - m->buffers - m->cached;
	m->not_in_use = m->total - m->in_use;
	m->percent_ram = m->total > 0 ? (double)m->in_use / (double)m->total : 0;
	m->percent_swap = m->swap_total > 0
				  ? (double)(m->swap_total - m->swap_free) / (double)m->swap_total
				  : 0;
}

/* A share of something that grows, between two questions. Asked again at once, it is the same. */
struct share {
	int64_t at_ms, part, whole;
	double value;
};

static double share_of(struct share *s, int64_t part, int64_t whole)
{
	int64_t now = clock_ms();
	if (s->at_ms && now - s->at_ms < SAMPLE_MIN_MS)
		return s->value;
	s->value = whole > s->whole ? (double)(part - s->part) / (double)(whole - s->whole) : 0;
	s->at_ms = now;
	s->part = part;
	s->whole = whole;
	return s->value;
}

void proc_cpu(struct proc_cpu *cpu)
{
	enum { IDLE = 3, IOWAIT = 4, COUNTED = 8 }; /* guests are counted as user already */
	static struct share busy;
	const char *p = proc_text("/proc/stat");
	int64_t total = 0;
	*cpu = (struct proc_cpu){0};
	p += strncmp(p, "cpu ", 4) == 0 ? 4 : strlen(p);
	for (int i = 0; i < PROC_CPU_FIELDS; i++) {
		char *end;
		cpu->v[i] = strtoll(p, &end, 10);
		p = end;
		total += i < COUNTED ? cpu->v[i] : 0;
	}
	cpu->percent = share_of(&busy, total - cpu->v[IDLE] - cpu->v[IOWAIT], total);
}

static int64_t milliseconds(struct timeval tv)
{
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

double proc_self_percent(int64_t uptime_ms)
{
	static struct share busy;
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return share_of(&busy, milliseconds(r.ru_utime) + milliseconds(r.ru_stime), uptime_ms);
}

int64_t proc_self_kbyte(void)
{
	const char *text = proc_text("/proc/self/statm");
	char *rest;
	strtoll(text, &rest, 10);
	return strtoll(rest, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A line "  eth0: 1 2 3 …": the first number is bytes received, the ninth bytes sent. */
static void add_interface(struct proc_net *net, const char *line)
{
	const char *name = line + strspn(line, " "), *colon = strchr(line, ':');
	int64_t v[9] = {0};
	if (!colon)
		return;
	char *p = (char *)(uintptr_t)colon + 1;
	for (int i = 0; i < 9; i++)
		v[i] = strtoll(p, &p, 10);
	bool local = strncmp(name, "lo:", 3) == 0;
	*(local ? &net->local_recv : &net->recv) += v[0];
	*(local ? &net->local_send : &net->send) += v[8];
}

/* "TCP: inuse 5 orphan 0 tw 2 …" */
static int socket_count(const char *text, const char *protocol, const char *word)
{
	const char *line = strstr(text, protocol);
	const char *end = line ? strchr(line, '\n') : NULL;
	const char *p = line ? strstr(line, word) : NULL;
	return p && (!end || p < end) ? (int)strtol(p + strlen(word), NULL, 10) : 0;
}

void proc_net(struct proc_net *net)
{
	*net = (struct proc_net){0};
	const char *text = proc_text("/proc/net/dev");
	for (const char *p = strchr(text, '\n'); p; p = strchr(p + 1, '\n'))
		if (p[1])
			add_interface(net, p + 1);
	text = proc_text("/proc/net/sockstat");
	net->tcp = socket_count(text, "TCP:", " inuse ");
	net->tcp_waiting = socket_count(text, "TCP:", " tw ");
	net->udp = socket_count(text, "UDP:", " inuse ");
}
