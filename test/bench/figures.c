/* Histograms, reasons, and what processes cost. */
#include "bench.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct figures fig;

int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void hist_add(struct hist *h, int64_t us)
{
	int64_t step = us < 0 ? 0 : us / 100;
	h->n++;
	h->step[step > HIST_STEPS ? HIST_STEPS : step]++;
	if ((double)us / 1000 > h->max)
		h->max = (double)us / 1000;
}

double hist_at(const struct hist *h, double part)
{
	uint64_t rank = (uint64_t)((double)h->n * part), seen = 0;
	if (rank >= h->n)
		return h->max;
	for (int i = 0; i <= HIST_STEPS; i++) {
		seen += h->step[i];
		if (seen > rank)
			return i == HIST_STEPS ? h->max : (i + 0.5) / 10;
	}
	return h->max;
}

/* ---- processes ---- */

static bool read_text(char *out, size_t cap, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(out, 1, cap - 1, f) : 0;
	out[n] = '\0';
	if (f)
		fclose(f);
	return n > 0;
}

/* Nanoseconds of all threads, where the kernel says them. */
static double fine_cpu(int pid)
{
	char path[300], text[128];
	double sum = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		if (entry->d_name[0] != '.' && read_text(text, sizeof(text), path))
			sum += strtod(text, NULL) / 1e9;
	}
	if (dir)
		closedir(dir);
	return sum;
}

/* utime and stime, in ticks. */
static double coarse_cpu(int pid)
{
	enum { UTIME = 11 }; /* the number of the field behind the state */
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!read_text(text, sizeof(text), path))
		return 0;
	char *at = strrchr(text, ')');
	at = at ? at + 4 : text;
	double ticks = 0;
	for (int i = 1; i < UTIME + 2; i++) {
		double value = strtod(at, &at);
		if (i >= UTIME)
			ticks += value;
	}
	return ticks / (double)sysconf(_SC_CLK_TCK);
}

double watch_cpu(void)
{
	double sum = 0;
	for (int i = 0; i < opt.watch_count; i++) {
		double fine = fine_cpu(opt.watch[i]);
		sum += fine > 0 ? fine : coarse_cpu(opt.watch[i]);
	}
	return sum;
}

double watch_rss(void)
{
	double sum = 0;
	char path[64], text[128], *at;
	for (int i = 0; i < opt.watch_count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/statm", opt.watch[i]);
		if (!read_text(text, sizeof(text), path))
			continue;
		strtod(text, &at);
		sum += strtod(at, NULL) * (double)sysconf(_SC_PAGESIZE) / 1024;
	}
	return sum;
}

double own_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
