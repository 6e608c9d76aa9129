/* Whole conversations: two connections to a server, which publish and play what the input makes them say, in
 * any order. Whatever they said, in the end nothing of it is left. */
#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "cluster/cluster.h"
#include "node/notice.h"
#include "service/rtmp_service.h"
#include "support/fake_time.h"
#include "support/pair.h"
#include "support/rtmp_script.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { CLIENTS = 2, HANDSHAKE = 1 + 2 * 1536, STEP_MS = 20, END_MS = 120000 };

static struct server server;

static const char text[] = "listen 1935; max_connections 10; daemon off;\n"
			   "vhost __defaultVhost__ {\n"
			   "  http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }\n"
			   "}\n";

static void begin(void)
{
	struct conf_report report;
	log_set_level(LOG_OFF); /* writing them would take most of the time */
	check(co_init() == OK);
	fake_time_begin();
	conf_report_init(&report);
	check(conf_load_text(&server.conf, "fuzz.conf", text, &report) == OK);
	conf_report_fini(&report);
	memcpy(server.service_id, "abcdefgh", 9);
	memcpy(server.path_id, "hgfedcba", 9);
	server.server_id = "vid-fuzz";
	registry_init(&server.registry);
	stat_init(&server.stat, &server.registry);
	places_init(&server.places);
	server.cluster = cluster_new(&server);
	server.signer = signer_new(server.service_id);
	server.notices = notices_new();
	check(signer_load(server.signer, server.conf) == OK);
}

/* What the server answers is of no interest. */
static void reader_main(void *arg)
{
	struct sock *sock = arg;
	uint8_t part[4096];
	size_t n;
	while (sock_recv(sock, part, sizeof(part), &n) == OK)
		continue;
}

static err hello(struct sock *sock)
{
	static const uint8_t chunk_size[] = "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\x02\0\0";
	static uint8_t bytes[HANDSHAKE] = {3};
	TRY(sock_send(sock, bytes, sizeof(bytes)));
	return sock_send(sock, chunk_size, sizeof(chunk_size) - 1);
}

/* Steps go on although one of the two has been closed. Bit 1 of `who` lets time pass. */
static void speak(struct sock *far[CLIENTS], struct cur script)
{
	struct script_step step;
	for (int i = 0; i < CLIENTS; i++)
		(void)hello(far[i]);
	while (script_next(&script, &step)) {
		(void)sock_send(far[step.who & 1], step.bytes.p, step.bytes.n);
		script_step_fini(&step);
		if (step.who & 2)
			(void)co_sleep(STEP_MS);
	}
	(void)co_sleep(STEP_MS);
	for (int i = 0; i < CLIENTS; i++)
		shutdown(far[i]->rfd.fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;
	struct sock *far[CLIENTS];
	struct co *readers[CLIENTS];
	if (!ready)
		begin();
	ready = true;
	for (int i = 0; i < CLIENTS; i++) {
		struct pair pair;
		check(pair_open(&pair, 1935, 50000 + i) == OK);
		far[i] = pair.far;
		sock_set_deadline(far[i], clock_after(END_MS));
		readers[i] = co_start("reader", reader_main, far[i]);
		check(readers[i]);
		rtmp_service_accept(&server, pair.near);
	}
	speak(far, cur_of(data, n));
	for (int i = 0; i < CLIENTS; i++) {
		co_join(&readers[i]);
		sock_close(&far[i]);
	}
	(void)co_sleep(END_MS);
	check(server.places.count == 0 && map_count(server.registry.sources) == 0);
	check(msg_live() == 0);
	return 0;
}
