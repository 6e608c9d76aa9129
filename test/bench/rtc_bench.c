/* The WebRTC load generator: options, the clients' lives, the measuring and what it has found. */
#include "rtc_bench.h"
#include "base/check.h"
#include "http/client.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	JOIN_MS = 15000,
	PICTURE_MS = 10000,
	FULL_ONES = 100,
	POLL_MS = 200,
	JOINERS = 2,
	BUFFER = 1 << 20
};

struct options opt = {.count = 1,
		      .ramp = 200,
		      .seconds = 10,
		      .warm = 2,
		      .kbps = 1000,
		      .fps = 30,
		      .gop = 2,
		      .name = "rtc"};
enum rtc_mode rtc_mode;
struct rtc_client *clients;
struct rtc_figures rtc_fig;
int64_t window_us;
int running, ended;
static int joined;
static volatile sig_atomic_t stopping;
static char first_reason[200];

static const char usage[] =
	"Usage: rtc_bench -m play|publish|join|sink -u URL [-n COUNT] [-t SECONDS] [OPTION]...\n"
	"play:    COUNT players by WHEP, e.g. http://127.0.0.1:1985/rtc/v1/whep/?stream=x\n"
	"publish: one publisher by WHIP, until a signal with -t 0\n"
	"join:    COUNT players one after the other, each until its first picture\n"
	"sink:    COUNT receivers of objs/floor -m rtc at udp://127.0.0.1:PORT\n"
	"  -r, --ramp=N      new ones a second (200)     -w, --warm=S   before the measuring (2)\n"
	"  -p, --watch=PID   a process of the server     -s, --sample=N every so many decrypt all\n"
	"  -k, --kbps=N --fps=N --gop=S   of the publisher     -j, --json\n";

void reason_add(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!*first_reason)
		vsnprintf(first_reason, sizeof(first_reason), fmt, ap);
	va_end(ap);
}

/* ---- options ---- */

static bool take_mode(const char *text)
{
	static const char *const names[] = {"play", "publish", "join", "sink"};
	for (int i = 0; i < 4; i++)
		if (strcmp(text, names[i]) == 0) {
			rtc_mode = (enum rtc_mode)i;
			return true;
		}
	return false;
}

static const struct option longs[] = {
	{"ramp", 1, NULL, 'r'},   {"warm", 1, NULL, 'w'}, {"watch", 1, NULL, 'p'},
	{"sample", 1, NULL, 's'}, {"kbps", 1, NULL, 'k'}, {"fps", 1, NULL, 'f'},
	{"gop", 1, NULL, 'g'},    {"json", 0, NULL, 'j'}, {0}};

static void take_number(int c, double v)
{
	switch (c) {
	case 'n':
		opt.count = (int)v;
		break;
	case 't':
		opt.seconds = v;
		break;
	case 'r':
		opt.ramp = v;
		break;
	case 'w':
		opt.warm = v;
		break;
	case 's':
		opt.sample = (int)v;
		break;
	case 'k':
		opt.kbps = (int)v;
		break;
	case 'f':
		opt.fps = (int)v;
		break;
	case 'g':
		opt.gop = v;
		break;
	case 'p':
		if (opt.watch_count < 8)
			opt.watch[opt.watch_count++] = (int)v;
		break;
	}
}

bool options_read(int argc, char **argv)
{
	bool ok = true;
	for (int c; (c = getopt_long(argc, argv, "m:u:n:t:r:w:p:s:k:f:g:j", longs, NULL)) != -1;) {
		if (c == 'm')
			ok &= take_mode(optarg);
		else if (c == 'u')
			opt.url = optarg;
		else if (c == 'j')
			opt.json = true;
		else if (c == '?')
			ok = false;
		else
			take_number(c, strtod(optarg, NULL));
	}
	if (!opt.sample)
		opt.sample = opt.count / FULL_ONES + 1;
	return ok && opt.url && opt.count > 0 && opt.ramp > 0 && opt.fps > 0 && opt.gop > 0;
}

/* ---- lives ---- */

static void on_rtp(struct rtc_peer *peer, uint8_t *packet, size_t n)
{
	rtc_player_take(container_of(peer, struct rtc_client, peer), packet, n);
}

static void fail(const char *what)
{
	reason_add("%s", what);
	fig.failures++;
	ended++;
}

/* Receives until it is stopped or the server leaves; with `until_picture` no longer than that takes. */
static err receive(struct rtc_client *c, bool until_picture)
{
	int64_t deadline = until_picture ? clock_after(PICTURE_MS) : CLOCK_NEVER;
	for (;;) {
		rtc_peer_poll(&c->peer);
		if (until_picture && c->has_picture)
			return OK;
		if (dtls_state(c->peer.dtls) >= DTLS_LEFT)
			return err_fail(ERR_CLOSED, "the server has ended it");
		if (clock_ms() >= deadline)
			return err_fail(ERR_TIMEOUT, "no picture has come");
		rtc_player_talk(c, now_us());
		err e = udp_wait(c->peer.udp, clock_after(POLL_MS));
		if (e && e != ERR_TIMEOUT)
			return e;
	}
}

static void live(struct rtc_client *c)
{
	err e = rtc_client_join(c, rtc_mode == RTC_PUBLISH, JOIN_MS);
	if (e) {
		fail(err_trail(e));
		return;
	}
	c->runs = true;
	running++;
	e = rtc_mode == RTC_PUBLISH ? rtc_publisher_run(c) : receive(c, false);
	c->runs = false;
	running--;
	ended++;
	if (e != ERR_STOPPED) {
		fig.disconnects++;
		reason_add("%s", err_trail(e));
	}
}

static void client_main(void *arg)
{
	struct rtc_client *c = arg;
	c->peer.on_rtp = rtc_mode == RTC_PUBLISH ? NULL : on_rtp;
	live(c);
	rtc_client_leave(c, false);
}

/* One after the other, half of whom say goodbye by HTTP. */
static void joiner_main(void *arg)
{
	struct rtc_client *c = arg;
	while (joined < opt.count && !co_stopping()) {
		int number = joined++;
		*c = (struct rtc_client){.index = c->index,
					 .peer = {.on_rtp = on_rtp, .recv_buffer = BUFFER}};
		err e = rtc_client_join(c, false, JOIN_MS);
		if (!e)
			e = receive(c, true);
		if (e && e != ERR_STOPPED)
			fail(err_trail(e));
		rtc_client_leave(c, number % 2);
	}
	ended++;
}

static void sink_main(void *arg)
{
	struct rtc_client *c = arg;
	int port = (int)strtol(strrchr(opt.url, ':') + 1, NULL, 10);
	rtc_peer_open(&c->peer);
	check(addr_literal(&c->peer.server, "127.0.0.1", port));
	udp_attach(c->peer.udp);
	c->peer.on_rtp = on_rtp;
	c->begin_us = now_us();
	c->runs = true;
	running++;
	while (!co_stopping()) {
		if (now_us() - c->checked_us > 1000000) {
			c->checked_us = now_us();
			rtc_peer_send(&c->peer, span_of(&c->index, sizeof(c->index)));
		}
		rtc_peer_poll(&c->peer);
		(void)udp_wait(c->peer.udp, clock_after(POLL_MS));
	}
	rtc_peer_close(&c->peer);
}

/* ---- the measuring ---- */

static void on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static struct result result;

static void begin_window(void)
{
	window_us = now_us();
	result.server_cpu = -watch_cpu();
	result.own_cpu = -own_cpu();
	for (int i = 0; i < opt.count; i++)
		clients[i].window_bytes = clients[i].bytes;
}

static void end_window(void)
{
	result.seconds = window_us ? (double)(now_us() - window_us) / 1e6 : 0;
	result.server_cpu += watch_cpu();
	result.own_cpu += own_cpu();
	result.rss_after = watch_rss();
}

static void start_all(struct co_group *group)
{
	int64_t begin = now_us();
	int workers = rtc_mode == RTC_JOIN ? JOINERS : opt.count;
	for (int i = 0; i < workers && !stopping; i++) {
		struct rtc_client *c = &clients[i];
		c->index = i;
		c->peer.recv_buffer = BUFFER;
		c->is_full = rtc_mode != RTC_SINK && i % opt.sample == 0;
		check(co_start_in(group, "client",
				  rtc_mode == RTC_JOIN   ? joiner_main
				  : rtc_mode == RTC_SINK ? sink_main
							 : client_main,
				  c) != NULL);
		while (now_us() - begin < (int64_t)((i + 1) * 1e6 / opt.ramp) && !stopping)
			(void)co_sleep(1);
	}
}

static void wait_for_all(void)
{
	int64_t deadline = clock_after(2 * JOIN_MS);
	while (!stopping && running + ended < opt.count && clock_ms() < deadline)
		(void)co_sleep(5);
	fprintf(stderr, "ready: %d of %d run\n", running, opt.count);
}

/* True while it is to go on. */
static bool measure_on(int64_t end_ms)
{
	if (stopping)
		return false;
	if (rtc_mode == RTC_JOIN)
		return ended < JOINERS;
	return clock_ms() < end_ms && ended < opt.count;
}

static void measure(struct co_group *group)
{
	result.rss_before = watch_rss();
	start_all(group);
	if (rtc_mode != RTC_JOIN) {
		wait_for_all();
		(void)co_sleep((int64_t)(opt.warm * 1000));
	}
	begin_window();
	int64_t end_ms = opt.seconds > 0 ? clock_after((int64_t)(opt.seconds * 1000)) : CLOCK_NEVER;
	while (measure_on(end_ms))
		(void)co_sleep(10);
	end_window();
}

/* ---- the report ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void json_rates(void)
{
	double *v = mem_alloc(sizeof(*v) * (size_t)(opt.count + 1)), sum = 0;
	int n = 0;
	for (int i = 0; i < opt.count && result.seconds > 0; i++)
		if (clients[i].runs)
			sum += v[n++] = (double)(clients[i].bytes - clients[i].window_bytes) * 8 /
					1000 / result.seconds;
	qsort(v, (size_t)n, sizeof(*v), by_value);
	printf(",\"mbps\":%.3f,\"kbps_low\":%.2f,\"kbps_median\":%.2f,\"kbps_high\":%.2f",
	       sum / 1000, n ? v[0] : 0, n ? v[n / 2] : 0, n ? v[n - 1] : 0);
	free(v);
}

static void json_hist(const char *name, const struct hist *h)
{
	printf(",\"%s\":{\"n\":%llu,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}", name,
	       (unsigned long long)h->n, hist_at(h, 0.5), hist_at(h, 0.99), h->max);
}

static void gather(void)
{
	for (int i = 0; i < opt.count; i++) {
		int64_t worst = 0;
		for (int k = 0; k < RTC_TRACKS; k++) {
			const struct rtc_track_seen *t = &clients[i].tracks[k];
			rtc_fig.missing += (uint64_t)t->missing;
			rtc_fig.out_of_order += (uint64_t)t->out_of_order;
			worst = t->worst_gap_us > worst ? t->worst_gap_us : worst;
		}
		if (worst)
			hist_add(&fig.gap, worst);
	}
}

static void tell(int still_run)
{
	gather();
	printf("{\"name\":\"%s\",\"count\":%d,\"seconds\":%.3f,\"running\":%d,\"failures\":%llu,"
	       "\"disconnects\":%llu",
	       opt.name, opt.count, result.seconds, still_run, (unsigned long long)fig.failures,
	       (unsigned long long)fig.disconnects);
	json_rates();
	json_hist("first_frame_ms", &fig.first_frame);
	json_hist("first_picture_ms", &rtc_fig.first_picture);
	json_hist("latency_ms", &rtc_fig.delta);
	json_hist("key_latency_ms", &rtc_fig.key);
	json_hist("sound_latency_ms", &rtc_fig.sound);
	json_hist("gap_ms", &fig.gap);
	printf(",\"packets\":%llu,\"missing\":%llu,\"out_of_order\":%llu,\"jumps\":%lld,\"stalls\":"
	       "0,"
	       "\"skipped\":0,\"own_cpu\":%.3f",
	       (unsigned long long)rtc_fig.packets, (unsigned long long)rtc_fig.missing,
	       (unsigned long long)rtc_fig.out_of_order, (long long)rtc_fig.jumps, result.own_cpu);
	if (opt.watch_count)
		printf(",\"server_cpu\":%.5f,\"rss_before_kb\":%.0f,\"rss_after_kb\":%.0f",
		       result.server_cpu, result.rss_before, result.rss_after);
	printf(",\"reasons\":{");
	if (*first_reason) {
		printf("\"");
		for (const char *p = first_reason; *p; p++)
			if (*p >= ' ' && *p != '"' && *p != '\\')
				putchar(*p);
		printf("\":%llu", (unsigned long long)(fig.failures + fig.disconnects));
	}
	printf("}}\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct co_group group = {0};
	struct rlimit limit;
	if (!options_read(argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGPIPE, SIG_IGN);
	check(co_init() == OK);
	clients = mem_zalloc(sizeof(*clients) * (size_t)opt.count);
	measure(&group);
	int still_run = rtc_mode == RTC_JOIN ? joined - (int)fig.failures : running;
	tell(still_run);
	co_group_stop(&group);
	http_client_pool_close();
	co_fini();
	free(clients);
	return still_run > 0 && !fig.failures ? 0 : 1;
}
