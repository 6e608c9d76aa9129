/* A conversation of mutated messages with the server's side: connect, what the client wants, what it says
 * while it has it, again and again. Nothing is left of it, and it ends. */
#include "base/check.h"
#include "base/log.h"
#include "fuzz/rtmp/script_peer.h"
#include "rtmp/server.h"
#include "support/fake_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Until what is published or played is closed. */
static err follow(struct rtmp_conn *conn, const struct rtmp_identify *at)
{
	for (bool closed = false; !closed;) {
		struct rtmp_event event = {0};
		struct rtmp_msg m;
		TRY(rtmp_recv(conn, &m));
		if (m.type == RTMP_COMMAND)
			rtmp_take_command(conn, at, &m, &event);
		else
			(void)rtmp_is_media_of(conn, at, &m);
		closed = event.kind == RTMP_EVENT_CLOSED;
		rtmp_event_fini(&event);
		rtmp_msg_fini(&m);
	}
	return OK;
}

static err serve(struct rtmp_conn *conn, struct rtmp_connect *connect)
{
	const struct rtmp_server_opts opts = {.chunk_size = 60000, .server_id = "x"};
	TRY(rtmp_recv_connect(conn, connect));
	check(connect->tc_url && connect->app);
	TRY(rtmp_accept(conn, connect, &opts));
	for (;;) {
		struct rtmp_identify want = {0};
		TRY(rtmp_identify(conn, &want));
		check(want.stream && want.stream_id > 0);
		rtmp_conn_allow_media(conn);
		err e = follow(conn, &want);
		rtmp_identify_fini(&want);
		TRY(e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool ready;
	struct pair pair;
	struct rtmp_connect connect = {0};
	if (!ready) {
		log_set_level(LOG_OFF); /* writing them would take most of the time */
		check(co_init() == OK);
		fake_time_begin();
		ready = true;
	}
	check(pair_open(&pair, 1935, 50000) == OK);
	struct peer peer = {.sock = pair.far, .script = cur_of(data, n)};
	struct co *co = co_start("peer", peer_main, &peer);
	check(co);
	struct rtmp_conn *conn = rtmp_conn_new(pair.near);
	sock_set_deadline(conn->sock, clock_after(500));
	check(serve(conn, &connect) != OK);
	rtmp_connect_fini(&connect);
	rtmp_conn_free(&conn);
	co_join(&co);
	check(msg_live() == 0);
	return 0;
}
