/* The WebRTC load generator: its clients, and what they have found. */
#include "rtc_bench.h"
#include "base/check.h"
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

enum { JOIN_MS = 15000, PICTURE_MS = 10000, POLL_MS = 200, JOINERS = 2, BUFFER = 1 << 20 };

static const char *const modes[] = {"play", "publish", "join", "sink", NULL};
static struct rtc_client *clients;
struct rtc_figures rtc_fig;
static int joined, all_joined;

static const char usage[] =
	"Usage: rtc_bench -m play|publish|join|sink -u URL [-n COUNT] [-t SECONDS] [OPTION]...\n"
	"play:    COUNT players by WHEP, e.g. http://127.0.0.1:1985/rtc/v1/whep/?stream=x\n"
	"publish: one publisher by WHIP, until a signal with -t 0\n"
	"join:    COUNT players one after the other, each until its first picture\n"
	"sink:    COUNT receivers of objs/floor -m rtc at udp://127.0.0.1:PORT\n"
	"  -r, --ramp=N      new ones a second (200)\n"
	"  -w, --warm=S      before the measuring (2); USR1 ends it\n"
	"  -p, --watch=PID   a process of the server     -s, --sample=N every so many decrypt all\n"
	"  -k, --kbps=N --fps=N --gop=S   of the publisher     -j, --json\n";

/* ---- lives ---- */

static void on_rtp(struct rtc_peer *peer, uint8_t *packet, size_t n)
{
	rtc_player_take(container_of(peer, struct rtc_client, peer), packet, n);
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

static err live(struct rtc_client *c)
{
	TRY(rtc_client_join(c, opt.mode == RTC_PUBLISH, JOIN_MS));
	life_begins(&c->life);
	return opt.mode == RTC_PUBLISH ? rtc_publisher_run(c) : receive(c, false);
}

static struct rtc_client *client_of(void *life)
{
	return container_of((struct life *)life, struct rtc_client, life);
}

static void client_main(void *life)
{
	struct rtc_client *c = client_of(life);
	c->peer.on_rtp = opt.mode == RTC_PUBLISH ? NULL : on_rtp;
	life_ends(life, live(c));
	rtc_client_leave(c, false);
}

/* One after the other, half of whom say goodbye by HTTP. */
static void joiner_main(void *life)
{
	struct rtc_client *c = client_of(life);
	while (joined < opt.count && !co_stopping()) {
		int number = joined++;
		*c = (struct rtc_client){.life = c->life,
					 .peer = {.on_rtp = on_rtp, .recv_buffer = BUFFER}};
		err e = rtc_client_join(c, false, JOIN_MS);
		if (!e)
			e = receive(c, true);
		if (e && e != ERR_STOPPED) {
			reason_add("%s", err_trail(e));
			fig.failures++;
		} else {
			all_joined++;
		}
		rtc_client_leave(c, number % 2);
	}
	life_ends(life, OK);
}

static void sink_main(void *life)
{
	struct rtc_client *c = client_of(life);
	int port = (int)strtol(strrchr(opt.url, ':') + 1, NULL, 10);
	rtc_peer_open(&c->peer);
	check(addr_literal(&c->peer.server, "127.0.0.1", port));
	udp_attach(c->peer.udp);
	c->peer.on_rtp = on_rtp;
	c->begin_us = now_us();
	life_begins(&c->life);
	while (!co_stopping()) {
		if (now_us() - c->checked_us > 1000000) {
			c->checked_us = now_us();
			rtc_peer_send(&c->peer, span_of(&c->life.index, sizeof(c->life.index)));
		}
		rtc_peer_poll(&c->peer);
		(void)udp_wait(c->peer.udp, clock_after(POLL_MS));
	}
	rtc_peer_close(&c->peer);
}

/* ---- the report ---- */

static void gather(void)
{
	for (int i = 0; i < opt.count; i++)
		for (int k = 0; k < RTC_TRACKS; k++) {
			const struct rtc_track_seen *t = &clients[i].tracks[k];
			struct life *l = &clients[i].life;
			rtc_fig.missing += (uint64_t)t->missing;
			rtc_fig.out_of_order += (uint64_t)t->out_of_order;
			l->worst_gap_us = t->worst_gap_us > l->worst_gap_us ? t->worst_gap_us
									    : l->worst_gap_us;
		}
}

static void tell(const struct lives *lives, const struct result *result, int still_run)
{
	gather();
	struct rates rates = lives_rates(lives, result);
	json_begin(result, &rates, modes[opt.mode], still_run);
	json_hist("first_frame_ms", &fig.first_frame);
	json_hist("first_picture_ms", &rtc_fig.first_picture);
	json_hist("latency_ms", &rtc_fig.delta);
	json_hist("key_latency_ms", &rtc_fig.key);
	json_hist("sound_latency_ms", &rtc_fig.sound);
	json_hist("gap_ms", &fig.gap);
	printf(",\"packets\":%llu,\"missing\":%llu,\"out_of_order\":%llu,\"jumps\":%lld",
	       (unsigned long long)rtc_fig.packets, (unsigned long long)rtc_fig.missing,
	       (unsigned long long)rtc_fig.out_of_order, (long long)rtc_fig.jumps);
	json_end(result);
}

static struct life *life_at(int index)
{
	clients[index].peer.recv_buffer = BUFFER;
	/* How late packets are is looked at for these, so that each needs its own time. */
	clients[index].peer.one_by_one = index % opt.sample == 0;
	return &clients[index].life;
}

static bool read_options(int argc, char **argv)
{
	static const struct tool tool = {"rtc_bench", usage, modes, FOR_RTC};
	opt.ramp = 200;
	opt.kbps = 1000;
	opt.audio = 0; /* sound is what a browser sends, and comes on top */
	opt.name = "rtc";
	if (!options_read(argc, argv, &tool))
		return false;
	if (opt.fps > 0 && opt.gop > 0)
		return true;
	fprintf(stderr, "rtc_bench: there is no stream without pictures\n");
	return false;
}

int main(int argc, char **argv)
{
	static void (*const mains[])(void *life) = {client_main, client_main, joiner_main,
						    sink_main};
	struct co_group group = {0};
	struct result result = {0};
	if (!read_options(argc, argv))
		return 2;
	bool joins = opt.mode == RTC_JOIN;
	struct lives lives = {
		.at = life_at,
		.main = mains[opt.mode],
		.workers = joins && opt.count > JOINERS ? JOINERS : opt.count,
		.patience_ms = 2 * JOIN_MS,
		.until_ended = joins,
	};
	process_prepare();
	check(co_init() == OK);
	clients = mem_zalloc(sizeof(*clients) * (size_t)opt.count);
	lives_run(&lives, &group, &result);
	int still_run = joins ? all_joined : running;
	tell(&lives, &result, still_run);
	co_group_stop(&group);
	http_client_pool_close();
	co_fini();
	free(clients);
	return still_run > 0 && !fig.failures ? 0 : 1;
}
