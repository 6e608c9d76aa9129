#include "api/api_proc.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024, SAMPLE_MIN_MS = 1000, NAMES_PER_TURN = 256 };

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
	bool since_start; /* what it counts began with this process */
	double value;
};

static double share_of(struct share *s, int64_t part, int64_t whole)
{
	int64_t now = clock_ms();
	if (s->at_ms && now - s->at_ms < SAMPLE_MIN_MS)
		return s->value;
	/* The first one has nothing to be compared with: since boot is not what is asked. */
	bool first = !s->at_ms && !s->since_start;
	s->value = !first && whole > s->whole
			   ? (double)(part - s->part) / (double)(whole - s->whole)
			   : 0;
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
	static struct share busy = {.since_start = true};
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

int proc_count_names(const char *folder)
{
	int n = 0;
	DIR *dir = opendir(folder);
	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir));) {
		n += e->d_name[0] != '.';
		if (n % NAMES_PER_TURN == NAMES_PER_TURN - 1)
			co_yield ();
	}
	closedir(dir);
	return n;
}

/* The size of that folder is their number since Linux 6.2. Each name in it costs the kernel about a microsecond. A
 * helper thread would not do: that this server can be looked at must not depend on a disk that has both of them
 * waiting. */
int proc_self_descriptors(void)
{
	static const char folder[] = "/proc/self/fd";
	struct stat st;
	if (stat(folder, &st) == 0 && st.st_size > 0)
		return (int)st.st_size;
	int n = proc_count_names(folder);
	return n > 0 ? n - 1 : 0; /* the folder's own */
}

/* ---- network ---- */

/* A line "  eth0: 1 2 3 …": the first number is bytes received, the ninth bytes sent. Lines without a
 * colon are the heads of the table. */
static void add_interface(struct proc_net *net, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *name = line + strspn(line, " ");
	int64_t v[9] = {0};
	if (!colon)
		return;
	const char *p = colon + 1, *end = line + n;
	for (int i = 0; i < 9; i++) {
		p += strspn(p, " ");
		if (p >= end)
			return;
		char *next;
		v[i] = strtoll(p, &next, 10);
		p = next;
	}
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

void proc_net_read(struct proc_net *net, const char *dev)
{
	while (*dev) {
		size_t n = strcspn(dev, "\n");
		add_interface(net, dev, n);
		dev += n + (dev[n] == '\n');
	}
}

void proc_net(struct proc_net *net)
{
	*net = (struct proc_net){0};
	proc_net_read(net, proc_text("/proc/net/dev"));
	const char *text = proc_text("/proc/net/sockstat");
	net->tcp = socket_count(text, "TCP:", " inuse ");
	net->tcp_waiting = socket_count(text, "TCP:", " tw ");
	net->udp = socket_count(text, "UDP:", " inuse ");
}

/* ---- disks ---- */

/* The number behind "name " at the start of a line. */
static int64_t vmstat_number(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, name, n) == 0 && text[n] == ' ')
			return strtoll(text + n, NULL, 10);
	return 0;
}

/* "8 0 sda 1 2 3 …": the tenth number behind the name is the time in which it was busy. */
static int64_t busy_of(const char *line, size_t n)
{
	const char *end = line + n;
	for (int field = 0; field < 12; field++) {
		line += strspn(line, " ");
		line += strcspn(line, " \n");
		if (line >= end)
			return 0;
	}
	return strtoll(line, NULL, 10);
}

/* The third word of a line is the name. */
static bool is_counted(const char *line, const struct text_list *names)
{
	for (int field = 0; field < 2; field++) {
		line += strspn(line, " ");
		line += strcspn(line, " \n");
	}
	line += strspn(line, " ");
	size_t n = strcspn(line, " \n");
	for (int i = 0; i < names->count; i++)
		if (strlen(names->v[i]) == n && memcmp(names->v[i], line, n) == 0)
			return true;
	return names->count == 0;
}

void proc_disk_read(struct proc_disk_total *total, const char *vmstat, const char *diskstats,
		    const struct text_list *names)
{
	*total = (struct proc_disk_total){
		.read_kbyte = vmstat_number(vmstat, "pgpgin"),
		.written_kbyte = vmstat_number(vmstat, "pgpgout"),
	};
	while (*diskstats) {
		size_t n = strcspn(diskstats, "\n");
		int64_t busy = busy_of(diskstats, n);
		if (is_counted(diskstats, names) && busy > total->busy_ms)
			total->busy_ms = busy;
		diskstats += n + (diskstats[n] == '\n');
	}
}

void proc_disk_share(struct proc_disk *out, const struct proc_disk_total *from,
		     const struct proc_disk_total *to, int64_t ms)
{
	double seconds = (double)ms / 1000;
	*out = (struct proc_disk){0};
	if (ms <= 0)
		return;
	out->read_kbps = (int64_t)((double)(to->read_kbyte - from->read_kbyte) / seconds);
	out->write_kbps = (int64_t)((double)(to->written_kbyte - from->written_kbyte) / seconds);
	out->busy = (double)(to->busy_ms - from->busy_ms) / (double)ms;
	out->busy = out->busy < 0 ? 0 : out->busy > 1 ? 1 : out->busy;
}

void proc_disk(struct proc_disk *disk, const struct text_list *names)
{
	static struct proc_disk_total last;
	static struct proc_disk value;
	static int64_t at_ms;
	int64_t now = clock_ms();
	*disk = value;
	if (at_ms && now - at_ms < SAMPLE_MIN_MS)
		return;
	struct proc_disk_total total;
	char *vmstat = mem_strdup(proc_text("/proc/vmstat"));
	proc_disk_read(&total, vmstat, proc_text("/proc/diskstats"), names);
	free(vmstat);
	if (at_ms)
		proc_disk_share(&value, &last, &total, now - at_ms);
	last = total;
	at_ms = now;
	*disk = value;
}

void proc_begin(void)
{
	static const struct text_list all;
	struct proc_cpu cpu;
	struct proc_disk disk;
	proc_cpu(&cpu);
	proc_disk(&disk, &all);
}
