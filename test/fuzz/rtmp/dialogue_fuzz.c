/* A conversation of mutated messages with the server's side: connect, what the client wants, what it says
 * while it has it, again and again. Nothing is left of it, and it ends. */
#include "base/check.h"
#include "base/log.h"
#include "rtmp/server.h"
#include "support/fake_time.h"
#include "support/pair.h"
#include "support/rtmp_script.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct peer {
	struct sock *sock;
	struct cur script;
};

static err send_script(struct peer *peer)
{
	static const uint8_t chunk_size[] = "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\x02\0\0";
	struct script_step step;
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
	struct peer peer = {pair.far, cur_of(data, n)};
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
