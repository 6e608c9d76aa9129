/* The SRT load generator: its clients' lives, and what they have found. */
#include "srt_bench.h"
#include "base/addr.h"
#include "base/check.h"
#include "srt/bridge.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, PORT_SRT = 10080 };

static const char *const modes[] = {"play", "publish", NULL};
static struct srt_client *clients;
static struct addr server;

static const char usage[] =
	"Usage: srt_bench -m play|publish -u URL [option ...]\n"
	"Callers of an SRT server: players, or publishers of a synthetic stream, in a coroutine "
	"each.\n"
	"\n"
	"  -u, --url=URL      srt://IP:PORT?streamid=ID, where %d in the id becomes the number of\n"
	"                     the caller, e.g. "
	"'srt://127.0.0.1:10080?streamid=#!::r=live/s%d,m=publish'\n"
	"  -n, --count=N      callers (1); --first=K and --streams=N as in srs_bench\n"
	"  -r, --ramp=N       new ones a second (100)\n"
	"  -w, --warm=S       before the measuring (2); USR1 ends it\n"
	"  -t, --seconds=S    how long to measure (10; 0: until a signal)\n"
	"      --latency=MS   of SRT (120)\n"
	"  -k, --kbps=N -f, --fps=N --audio=N -g, --gop=S   of each publisher's stream (500, 25, "
	"43, 2)\n"
	"      --stall=MS     a longer gap between two arrivals is a stall (1000)\n"
	"  -s, --sample=N     each N-th player reads all, and measures latency\n"
	"  -p, --watch=PID    a process of the server     -j, --json   (there is no other form)\n"
	"\n"
	"Latency is from the moment a publisher hands a picture to SRT to the moment a player has "
	"it:\n"
	"that of both lines and of the server between.\n";

/* ---- whom to call ---- */

static bool read_server(void)
{
	char at[HOST_MAX + 8];
	struct hostport hp;
	if (strncmp(opt.url, "srt://", 6) != 0)
		return false;
	snprintf(at, sizeof(at), "%.*s", (int)strcspn(opt.url + 6, "/?"), opt.url + 6);
	return hostport_parse(&hp, at, PORT_SRT) == OK && addr_literal(&server, hp.host, hp.port);
}

static err call(struct srt_client *c)
{
	static const char key[] = "streamid=";
	char url[1024];
	struct srt_options options = {
		.maxbw = -1,
		.mss = 1500,
		.payload_size = 1316,
		.connect_timeout_ms = CONNECT_MS,
		.peer_idle_timeout_ms = 10000,
		.recv_latency_ms = opt.latency_ms,
		.peer_latency_ms = opt.latency_ms,
		.tsbpd = true,
		.tlpktdrop = true,
		.send_buffer = 1 << 20,
		.recv_buffer = 1 << 20,
		.passphrase = "",
	};
	url_numbered(url, sizeof(url), c->life.index);
	char *id = strstr(url, key);
	if (id)
		id[strcspn(id, "&")] = '\0';
	return srt_link_connect(&c->link, &server, id ? id + sizeof(key) - 1 : "", &options);
}

/* ---- lives ---- */

static err live(struct srt_client *c)
{
	c->begin_us = now_us();
	TRY(call(c));
	c->run_us = c->last_us = now_us();
	hist_add(&fig.connect, c->run_us - c->begin_us);
	life_begins(&c->life);
	return opt.mode == SRT_PUBLISH ? srt_publisher_run(c) : srt_player_run(c);
}

static void client_main(void *life)
{
	struct srt_client *c = container_of((struct life *)life, struct srt_client, life);
	life_ends(life, live(c));
	if (co_stopping())
		return; /* what its line was like is still to be told */
	srt_link_close(&c->link);
}

static struct life *life_at(int index)
{
	return &clients[index].life;
}

/* ---- the report ---- */

static void tell(const struct lives *lives, const struct result *result)
{
	struct srt_figures f;
	int64_t packets = 0, lost = 0, dropped = 0;
	for (int i = 0; i < opt.count; i++) {
		if (!clients[i].link)
			continue;
		srt_link_figures(clients[i].link, &f);
		packets += f.recv_packets + f.send_packets;
		lost += f.recv_lost + f.send_lost;
		dropped += f.recv_dropped + f.send_dropped;
	}
	struct rates rates = lives_rates(lives, result);
	json_begin(result, &rates, modes[opt.mode], running);
	json_hist("connect_ms", &fig.connect);
	json_hist("first_frame_ms", &fig.first_frame);
	json_hist("latency_ms", &fig.latency);
	json_hist("gap_ms", &fig.gap);
	printf(",\"packets\":%lld,\"lost\":%lld,\"dropped\":%lld", (long long)packets,
	       (long long)lost, (long long)dropped);
	json_end(result);
}

static bool read_options(int argc, char **argv)
{
	static const struct tool tool = {"srt_bench", usage, modes, FOR_SRT};
	opt.ramp = 100;
	opt.kbps = 500;
	opt.fps = 25;
	opt.latency_ms = 120;
	opt.name = "srt";
	if (!options_read(argc, argv, &tool))
		return false;
	if (read_server() && opt.fps > 0)
		return true;
	fprintf(stderr,
		"srt_bench: a URL is srt://IP:PORT?streamid=ID, and a stream has pictures\n");
	return false;
}

int main(int argc, char **argv)
{
	struct co_group group = {0};
	struct result result = {0};
	if (!read_options(argc, argv))
		return 2;
	struct lives lives = {
		.at = life_at,
		.main = client_main,
		.workers = opt.count,
		.patience_ms = 2 * CONNECT_MS,
	};
	process_prepare();
	check(co_init() == OK);
	clients = mem_zalloc(sizeof(*clients) * (size_t)opt.count);
	lives_run(&lives, &group, &result);
	tell(&lives, &result);
	int failed = running == 0 || fig.failures > 0;
	co_group_stop(&group);
	for (int i = 0; i < opt.count; i++)
		srt_link_close(&clients[i].link);
	srt_bridge_stop();
	co_fini();
	free(clients);
	return failed;
}
