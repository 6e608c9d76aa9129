/* Whole conversations over HTTP: three connections to a server that has a live stream with HLS of low latency, all other
 * outputs, WebRTC, the page and the API on one port. What the clients send is the input, as it is; the byte 1 and the one
 * behind it say who goes on, whether time passes and whether one hangs up. Whatever they said, in the end all of them are
 * gone and the stream is there. */
#include "api/api.h"
#include "api/metrics.h"
#include "base/check.h"
#include "base/log.h"
#include "output/live_format.h"
#include "service/health.h"
#include "service/hls_serve.h"
#include "service/http_service.h"
#include "service/page.h"
#include "service/whip.h"
#include "support/fake_time.h"
#include "support/pair.h"
#include "support/parts.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
	CLIENTS = 3,
	TURN = 1,
	WHO = 3,
	WAITS = 4,
	HANGS_UP = 8,
	STEP_MS = 400,
	END_MS = 60000,
	MEDIA = 110
};

static struct server *server;
static struct http_router router;
static struct http_port port = {.router = &router};
static struct test_stream stream;

static const char text[] =
	"http_server { enabled on; listen 8080; dir /nonexistent; page_streams on; }\n"
	"http_api { enabled on; listen 1985; jsonp on; }\n"
	"vhost __defaultVhost__ {\n"
	"  min_latency on;\n"
	"  http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }\n"
	"  hls { enabled on; hls_fragment 1; hls_storage ram; hls_low_latency on; }\n"
	"  rtc { enabled on; }\n"
	"}\n";

static void publish(enum msg_type type, uint8_t first, uint32_t ts)
{
	struct msg *m = msg_new(type, 0, MEDIA);
	memset(m->payload, 0x55, MEDIA);
	memcpy(m->payload, "\0\1\0\0\0\0\0\0\x65\x41", 10);
	m->payload[0] = first;
	(void)source_publish(stream.source, &stream.feeder, &m, ts);
}

/* Some seconds of live/x. */
static void fill(void)
{
	test_stream_begin(&stream, server, "x");
	for (uint32_t t = 0; t < 4000; t += 40) {
		publish(MSG_VIDEO, t % 1000 ? 0x27 : 0x17, t);
		publish(MSG_AUDIO, 0xAF, t + 10);
		source_caught_up(stream.source, &stream.feeder, true);
		(void)co_sleep(40);
	}
}

/* What only main can do is not done. */
static void ignore(struct server *asked)
{
	asked->drain.wish = DRAIN_AS_IT_IS;
}

static void begin(void)
{
	log_set_level(LOG_OFF); /* writing them would take most of the time */
	check(co_init() == OK);
	fake_time_begin();
	server = parts_server(text);
	server->on_reload = server->on_drain = ignore;
	struct hls *hls = hls_new(server);
	health_mount(&router);
	page_mount(&router);
	metrics_mount(&router);
	whip_mount(&router, server->rtc);
	api_mount(&router);
	hls_serve_mount(&router, hls_serve_new(server, hls));
	http_service_mount(&router);
	port.server = server;
	port.ports = HTTP_PORT_API | HTTP_PORT_FILES | HTTP_PORT_METRICS;
	fill();
}

/* What the server answers is of no interest. */
static void reader_main(void *arg)
{
	struct sock *sock = arg;
	uint8_t part[16384];
	size_t n;
	while (sock_recv(sock, part, sizeof(part), &n) == OK)
		continue;
}

static void speak(struct sock *far[CLIENTS], struct span script)
{
	size_t who = 0;
	while (script.n) {
		const uint8_t *turn = memchr(script.p, TURN, script.n);
		size_t n = turn ? (size_t)(turn - script.p) : script.n;
		if (n)
			(void)sock_send(far[who], script.p, n);
		script = span_rest(script, n + 1);
		if (!script.n)
			break;
		uint8_t what = script.p[0];
		script = span_rest(script, 1);
		if (what & HANGS_UP)
			shutdown(far[who]->rfd.fd, SHUT_RDWR);
		if (what & WAITS)
			(void)co_sleep(STEP_MS);
		who = (what & WHO) % CLIENTS;
	}
	(void)co_sleep(STEP_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sock *far[CLIENTS];
	struct co *readers[CLIENTS];
	if (!server)
		begin();
	for (int i = 0; i < CLIENTS; i++) {
		struct pair pair;
		check(pair_open(&pair, 8080, 50000 + i) == OK);
		far[i] = pair.far;
		sock_set_deadline(far[i], clock_after(END_MS));
		readers[i] = co_start("reader", reader_main, far[i]);
		check(readers[i]);
		http_service_accept(&port, pair.near);
	}
	speak(far, span_of(data, n));
	for (int i = 0; i < CLIENTS; i++)
		shutdown(far[i]->rfd.fd, SHUT_WR);
	for (int i = 0; i < CLIENTS; i++) {
		co_join(&readers[i]);
		sock_close(&far[i]);
	}
	(void)co_sleep(END_MS);
	check(server->places.count == 0 && server->api_places.count == 0);
	check(map_count(server->registry.sources) == 1 && stream.feeder.source);
	return 0;
}
