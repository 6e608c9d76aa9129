/* Any answers of a server to a client that plays or publishes, by the first byte: what it says of a refusal is text, and
 * the conversation ends. */
#include "base/check.h"
#include "base/log.h"
#include "fuzz/rtmp/script_peer.h"
#include "rtmp/client.h"
#include "support/fake_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { HANDSHAKE = 1 + 2 * 1536 };

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
	static const uint8_t hello[HANDSHAKE] = {3};
	struct peer peer = {.sock = pair.far,
			    .script = cur_of(data + 1, n - 1),
			    .hello = span_of(hello, sizeof(hello))};
	struct co *co = co_start("peer", peer_main, &peer);
	check(co);
	converse(pair.near, data[0] & 1);
	co_join(&co);
	check(msg_live() == 0);
	return 0;
}
