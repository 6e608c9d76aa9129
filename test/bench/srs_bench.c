/* srs_bench - load for a live-streaming server, and figures of what it delivers.
 *
 * First the connections are opened, so many a second. When all run (or have failed, or patience is
 * over) and the warm-up has passed, the measuring begins; at its end the report is printed. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

const char *const srs_modes[] = {"play-rtmp", "play-flv", "publish", "idle", "sink", "probe", NULL};

static const char usage[] =
	"Usage: srs_bench -m MODE -u URL [option ...]\n"
	"Puts load on a live-streaming server and reports what it delivers.\n"
	"\n"
	"  -m, --mode=MODE    play-rtmp, play-flv, publish, idle (connects and is silent; with an\n"
	"                     http URL it asks once), sink (tcp://, takes whatever comes), or "
	"probe\n"
	"                     (asks the http URL each 5 ms; latency is that of the answers)\n"
	"                     publish to a tcp:// URL sends the messages without a conversation\n"
	"  -u, --url=URL      rtmp://host/app/stream or http://host/app/stream.flv; %d in it "
	"becomes\n"
	"                     the number of the connection\n"
	"  -n, --count=N      connections (1)\n"
	"      --first=K      %d begins with K (0)\n"
	"      --streams=N    %d goes round after N\n"
	"  -r, --ramp=N       new connections a second (1000; 0: all at once)\n"
	"  -t, --seconds=S    how long to measure (10; 0: until a signal)\n"
	"  -w, --warm=S       between the last start and the measuring (2); USR1 ends it\n"
	"      --patience=S   how long to wait for those that do not start (30)\n"
	"      --edge         play-rtmp: says that it is an edge server\n"
	"      --kbps=N       publish: bit rate of each (880), sound included\n"
	"      --fps=N        publish: pictures a second (30), 0 for none\n"
	"      --audio=N      publish: sounds a second (43), 0 for none\n"
	"      --gop=S        publish: from one key frame to the next (2)\n"
	"      --chunk=N      publish: RTMP chunk size (4096)\n"
	"      --stall=MS     a longer gap between two arrivals is a stall (1000)\n"
	"      --nap=MS       look for arrivals so often (0: at once; from 100 connections on 1): "
	"a\n"
	"                     reader that sleeps in the kernel must be woken by each send, and on\n"
	"                     one machine the server pays for that\n"
	"      --sample=K     each K-th player reads all messages and measures latency, the "
	"others\n"
	"                     only count bytes (about a hundred read all; 1: everyone)\n"
	"  -p, --watch=PID    report CPU and memory of this process, too; may be repeated\n"
	"  -j, --json         one JSON object instead of text\n"
	"      --name=TEXT    its name in the JSON object\n"
	"\n"
	"Latency is from the moment a publisher of this program sends a message to the moment the\n"
	"last byte of it is read by a player: both must run on one machine.\n";

enum { EVENTS = 1024, HOUSEKEEPING_US = 50 * 1000 };

static struct result result;
static int64_t start_us, opened_us, ready_us, end_us;
static double server_cpu, my_cpu;

static void prepare(void)
{
	process_prepare();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	peers = mem_zalloc(sizeof(*peers) * (size_t)opt.count);
	for (int i = 0; i < opt.count; i++) {
		peers[i].fd = -1;
		peers[i].index = i;
	}
}

/* Returns when the next connection is due. */
static int64_t ramp_up(int64_t now)
{
	while (opened < opt.count) {
		int64_t due = opt.ramp > 0 ? start_us + (int64_t)(opened * 1e6 / opt.ramp) : now;
		if (due > now)
			return due;
		peer_open(&peers[opened]);
		opened_us = now;
	}
	return INT64_MAX;
}

static void begin_window(int64_t now)
{
	window_us = now;
	end_us = opt.seconds > 0 ? now + (int64_t)(opt.seconds * 1e6) : INT64_MAX;
	server_cpu = watch_cpu();
	my_cpu = own_cpu();
	for (int i = 0; i < opt.count; i++) {
		struct peer *peer = &peers[i];
		peer->window_bytes = opt.mode == MODE_PUBLISH ? peer->sent : peer->received;
		peer->last_us = now;
	}
}

static void end_window(int64_t now)
{
	if (window_us) {
		result.seconds = (double)(now - window_us) / 1e6;
		result.server_cpu = watch_cpu() - server_cpu;
		result.own_cpu = own_cpu() - my_cpu;
	}
	result.rss_after = watch_rss();
	for (int i = 0; window_us && i < opt.count; i++) {
		int64_t gap = now - peers[i].last_us;
		if (peers[i].state != PEER_RUNNING || opt.mode == MODE_IDLE ||
		    opt.mode == MODE_PUBLISH)
			continue;
		if (gap > peers[i].worst_gap_us && (double)gap > opt.stall_ms * 1000) {
			peers[i].worst_gap_us = gap;
			fig.stalls++;
		}
	}
}

static void housekeeping(int64_t now)
{
	static int64_t acked_us;
	if (!ready_us && opened == opt.count &&
	    (running + ended == opt.count || now - opened_us > (int64_t)(opt.patience * 1e6))) {
		ready_us = now;
		fprintf(stderr, "ready: %d of %d run\n", running, opt.count);
	}
	if (ready_us && !window_us &&
	    (process_beginning() || now - ready_us >= (int64_t)(opt.warm * 1e6)))
		begin_window(now);
	if (opt.mode != MODE_PLAY_RTMP || now - acked_us < 1000000)
		return;
	acked_us = now;
	for (int i = 0; i < opt.count; i++)
		if (peers[i].state == PEER_RUNNING)
			rtmp_ack(&peers[i], now);
}

static int timeout_ms(int64_t now, int64_t next)
{
	int64_t ms = (next - now + 999) / 1000;
	return ms < 0 ? 0 : ms > HOUSEKEEPING_US / 1000 ? HOUSEKEEPING_US / 1000 : (int)ms;
}

/* Waits for the next look at the descriptors: see --nap. */
static int wait_events(struct epoll_event *events, int64_t next)
{
	int64_t now = now_us(), nap = (int64_t)(opt.nap_ms * 1000);
	if (nap <= 0)
		return epoll_wait(epoll_fd, events, EVENTS, timeout_ms(now, next));
	static bool busy;
	struct timespec t = {.tv_sec = (time_t)(nap / 1000000),
			     .tv_nsec = (long)(nap % 1000000) * 1000};
	if (!busy)
		nanosleep(&t, NULL);
	int n = epoll_wait(epoll_fd, events, EVENTS, 0);
	busy = n == EVENTS;
	return n;
}

static void run(void)
{
	static struct epoll_event events[EVENTS];
	int64_t now = now_us(), kept = 0;
	start_us = now;
	end_us = INT64_MAX;
	while (!process_stopping() && now < end_us && ended < opt.count) {
		int64_t next = ramp_up(now), media = INT64_MAX;
		if (opt.mode == MODE_PUBLISH && running)
			media = stream_run(now);
		else if (opt.mode == MODE_PROBE)
			media = http_probe(now);
		if (now - kept >= HOUSEKEEPING_US) {
			housekeeping(now);
			kept = now;
		}
		next = media < next ? media : next;
		next = end_us < next ? end_us : next;
		int n = wait_events(events, next);
		for (int i = 0; i < n; i++)
			peer_event(events[i].data.ptr, events[i].events);
		now = now_us();
	}
	end_window(now);
}

int main(int argc, char **argv)
{
	static const struct tool tool = {"srs_bench", usage, srs_modes, FOR_SRS};
	if (!options_read(argc, argv, &tool))
		return 2;
	prepare();
	result.rss_before = watch_rss();
	run();
	report(&result);
	return running > 0 && fig.failures == 0 ? 0 : 1;
}
