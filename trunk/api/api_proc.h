/* api_proc - figures of the process and the machine, from /proc. Layer: api, for api_system.c.
 * Reading /proc never waits for a disk. Nothing is sampled in advance: percentages are those since
 * the last time somebody asked. */
#pragma once
#include "co/co.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list;

/* The whole text of a file of /proc; "" when it cannot be read. Valid until the next call. */
const char *proc_text(const char *path);
/* The number behind "\n<name>:" or at the start of the text; 0 when it is not there. */
int64_t proc_number(const char *text, const char *name);

struct proc_memory { /* kilobytes */
	int64_t total, free, buffers, cached, swap_total, swap_free;
	int64_t active, in_use, not_in_use;
	double percent_ram, percent_swap; /* 0 to 1 */
};
void proc_memory(struct proc_memory *m);

enum { PROC_CPU_FIELDS = 10 };
struct proc_cpu { /* ticks: user nice sys idle iowait irq softirq steal guest guest_nice */
	int64_t v[PROC_CPU_FIELDS];
	double percent; /* busy, 0 to 1 */
};
void proc_cpu(struct proc_cpu *cpu);
/* Of one processor, 0 to 1 and more. The first time it is that since the start. */
double proc_self_percent(int64_t uptime_ms);
int64_t proc_self_kbyte(void);
/* Descriptors that are open. Where the kernel does not know their number they are counted, in slices. */
int proc_self_descriptors(void) BLOCKS;
/* Names in a folder, those with a dot in front left out; 0 when it cannot be read. In slices: others run in between. */
int proc_count_names(const char *folder) BLOCKS;

struct proc_net {
	int64_t recv, send;             /* bytes of all interfaces but the loopback */
	int64_t local_recv, local_send; /* of the loopback */
	int tcp, tcp_waiting, udp;      /* sockets */
};
void proc_net(struct proc_net *net);
/* Adds the interfaces of a text like /proc/net/dev. */
void proc_net_read(struct proc_net *net, const char *dev);

struct proc_disk {
	int64_t read_kbps, write_kbps; /* kilobytes per second of all disks */
	double busy;                   /* of the busiest one, 0 to 1 */
};
struct proc_disk_total { /* since boot */
	int64_t read_kbyte, written_kbyte, busy_ms;
};
/* `names`: of the disks whose load counts; empty: all. */
void proc_disk(struct proc_disk *disk, const struct text_list *names);
/* Texts like /proc/vmstat and /proc/diskstats. */
void proc_disk_read(struct proc_disk_total *total, const char *vmstat, const char *diskstats,
		    const struct text_list *names);
/* Changes during the last so many milliseconds. */
void proc_disk_share(struct proc_disk *out, const struct proc_disk_total *from,
		     const struct proc_disk_total *to, int64_t ms);

/* Takes the first samples, so that the first question is answered for the time since the start. */
void proc_begin(void);
