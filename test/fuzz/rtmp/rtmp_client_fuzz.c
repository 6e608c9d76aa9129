/* Any answers of a server to a client that plays or publishes, by the first byte: what it says of a refusal is text, and
 * the conversation ends. */
#include "base/check.h"
#include "base/log.h"
#include "rtmp/client.h"
#include "support/fake_time.h"
#include "support/pair.h"
#include "support/rtmp_script.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { HANDSHAKE = 1 + 2 * 1536 };

struct peer {
	struct sock *sock;
	struct cur script;
};

static err send_script(struct peer *peer)
{
	static const uint8_t chunk_size[] = "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\x02\0\0";
	static uint8_t hello[HANDSHAKE] = {3};
	struct script_step step;
	TRY(sock_send(peer->sock, hello, sizeof(hello)));
	TRY(sock_send(peer->sock, chunk_size, sizeof(chunk_size) - 1));
	while (script_next(&peer->script, &step)) {
		err e = sock_send(peer->sock, step.bytes.p, step.bytes.n);
		script_step_fini(&step);
		TRY(e);
		if (step.who)
			co_yield ();
	}
	return OK;
}

static void peer_main(void *arg)
{
	struct peer *peer = arg;
	uint8_t part[4096];
	size_t n;
	sock_set_deadline(peer->sock, clock_after(1000));
	if (send_script(peer) == OK)
		shutdown(peer->sock->rfd.fd, SHUT_WR);
	while (sock_recv(peer->sock, part, sizeof(part), &n) == OK)
		continue;
	sock_close(&peer->sock);
}

static err play(struct rtmp_conn *conn, uint32_t stream_id, struct rtmp_refusal *refusal)
{
	TRY(rtmp_client_play(conn, stream_id, "x", NULL));
	for (;;) {
		struct rtmp_msg m;
		TRY(rtmp_recv(conn, &m));
		err e = m.type == RTMP_COMMAND ? rtmp_client_status(conn, &m, refusal) : OK;
		rtmp_msg_fini(&m);
		check(e != ERR_REDIRECT || *refusal->redirect);
		TRY(e);
	}
}

static void converse(struct sock *near, bool publish)
{
	static struct rtmp_refusal refusal;
	struct rtmp_conn *conn = NULL;
	struct rtmp_peer said = {0};
	uint32_t stream_id = 0;
	const struct rtmp_client_opts opts = {
		.app = "live",
		.tc_url = "rtmp://h/live",
		.page_url = "",
		.swf_url = "",
		.chunk_size = 60000,
		.deadline = clock_after(500),
		.peer = &said,
	};
	err e = rtmp_client_connect(&conn, &near, &opts, &stream_id, &refusal);
	if (!e)
		e = publish ? rtmp_client_publish(conn, stream_id, "x", NULL, &refusal)
			    : play(conn, stream_id, &refusal);
	check(publish || e != OK);
	check(said.api_port >= 0 && said.api_port <= 65535 &&
	      strlen(said.node) < sizeof(said.node));
	check(strlen(refusal.code) < sizeof(refusal.code));
	check(strlen(refusal.redirect) < sizeof(refusal.redirect));
	rtmp_conn_free(&conn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;
	struct pair pair;
	if (n == 0)
		return 0;
	if (!ready) {
		log_set_level(LOG_OFF); /* writing them would take most of the time */
		check(co_init() == OK);
		fake_time_begin();
		ready = true;
	}
	check(pair_open(&pair, 50000, 1935) == OK);
	struct peer peer = {pair.far, cur_of(data + 1, n - 1)};
	struct co *co = co_start("peer", peer_main, &peer);
	check(co);
	converse(pair.near, data[0] & 1);
	co_join(&co);
	check(msg_live() == 0);
	return 0;
}
