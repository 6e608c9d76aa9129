/* SRT sessions of a test server, called by real callers over loopback: how they begin, and each way in which they
 * end. */
#include "base/mem.h"
#include "codec/ts.h"
#include "service/srt_session.h"
#include "session/srt_options.h"
#include "support/co_unit.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static struct server *server;
static struct addr at;
static struct test_stream stream;
static bool has_stream;

static void start(const char *top, const char *vhost)
{
	struct udp *udp = NULL;
	char *block = test_server_vhost(vhost);
	char *conf = mem_printf("srt_server { enabled on; latency 20; %s }\n%s", top, block);
	server = test_server_new(conf);
	server->srt = srt_hub_new(server);
	struct udp_opts opts = {.at = {.host = "127.0.0.1"}, .what = "SRT"};
	assert_int_equal(udp_open(&udp, &opts), OK);
	(void)addr_literal(&at, "127.0.0.1", udp_port(udp));
	assert_int_equal(srt_hub_listen(server->srt, &udp), OK);
	assert_int_equal(srt_hub_port(server->srt, 0), addr_port(&at));
	assert_int_equal(srt_hub_port(server->srt, 1), 0);
	free(conf);
	free(block);
}

static int setup(void **state)
{
	has_stream = false;
	server = NULL;
	return co_setup(state);
}

static int teardown(void **state)
{
	if (server) {
		if (has_stream)
			test_stream_end(&stream);
		co_group_stop(&server->sessions);
		srt_hub_unlisten(server->srt, addr_port(&at));
		srt_hub_free(&server->srt);
		assert_int_equal(server->places.count, 0);
		test_server_free(&server);
	}
	return co_teardown(state);
}

static struct srt_link *call_with(const char *stream_id, const char *passphrase)
{
	struct srt_link *link = NULL;
	struct srt_options options = srt_options_of(server->conf, NULL);
	options.passphrase = passphrase;
	options.connect_timeout_ms = 10000;
	return srt_link_connect(&link, &at, stream_id, &options) == OK ? link : NULL;
}

static struct srt_link *call(const char *stream_id)
{
	return call_with(stream_id, "");
}

static void publish_stream(const char *name)
{
	test_stream_begin(&stream, server, name);
	has_stream = true;
}

static int clients(const char *type)
{
	int n = 0;
	const struct client *c;
	DL_FOREACH (server->stat.clients, c)
		n += strcmp(c->type, type) == 0;
	return n;
}

static bool is_over(struct srt_link *link)
{
	uint8_t in[SRT_PAYLOAD_MAX];
	size_t n;
	err e;
	while ((e = srt_link_recv(link, in, sizeof(in), &n)) == OK)
		;
	return e != ERR_AGAIN;
}

/* ---- cases ---- */

static const char plain[] = "srt { enabled on; }";

static void what_is_played_can_be_published(void **state)
{
	static uint8_t in[64][SRT_PAYLOAD_MAX];
	size_t size[64], n = 0;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	publish_stream("a");
	struct srt_link *player = call("live/a"), *publisher = call("#!::r=live/b,m=publish");
	assert_non_null(player);
	assert_non_null(publisher);
	wait_until(clients("srt-play") == 1 && clients("srt-publish") == 1);
	wait_until(srt_link_recv(player, in[0], sizeof(in[0]), &size[0]) == OK);
	for (n = 1; n < 64 && srt_link_recv(player, in[n], sizeof(in[n]), &size[n]) == OK;)
		n++;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(size[i] % TS_PACKET, 0);
		assert_int_equal(in[i][0], 0x47);
		assert_int_equal(srt_link_send(publisher, in[i], size[i]), OK);
	}
	wait_until(srt_link_recv_bytes(server->srt->sessions->link) > 0 ||
		   srt_link_recv_bytes(server->srt->sessions->next->link) > 0);
	struct srt_figures f;
	wait_until((srt_hub_figures(server->srt, &f), f.send_packets > 0));
	srt_link_close(&publisher);
	srt_link_close(&player);
	wait_until(server->srt->count == 0);
	assert_int_equal(server->srt->opened, 2);
}

/* Each has its turn, and none is looked at once it has gone. */
static void lines_are_looked_at_one_after_the_other(void **state)
{
	enum { PLAYERS = 3 };
	struct srt_link *players[PLAYERS];
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	publish_stream("a");
	struct srt_hub *h = server->srt;
	assert_false(h->look.armed);
	for (int i = 0; i < PLAYERS; i++)
		assert_non_null(players[i] = call("live/a"));
	wait_until(clients("srt-play") == PLAYERS);
	for (int i = 0; i < 2 * PLAYERS; i++) {
		struct srt_session *s = h->looked ? h->looked : h->sessions;
		struct srt_figures other = s->next ? s->next->figures : (struct srt_figures){0};
		h->look.fn(&h->look);
		assert_ptr_equal(h->looked, s->next);
		assert_true(s->figures.send_latency_ms > 0);
		if (s->next)
			assert_memory_equal(&other, &s->next->figures, sizeof(other));
	}
	while (!h->looked)
		h->look.fn(&h->look);
	struct srt_session *next = h->looked->next;
	co_stop(h->looked->co);
	wait_until(h->count == PLAYERS - 1);
	assert_true(h->looked != NULL || next == NULL);
	h->look.fn(&h->look);
	for (int i = 0; i < PLAYERS; i++)
		srt_link_close(&players[i]);
	wait_until(h->count == 0);
	assert_null(h->looked);
	wait_until(!h->look.armed);
}

/* The sums never go back, though they are not asked for all at once. */
static void figures_of_sessions_stay_when_they_leave(void **state)
{
	struct srt_figures f, sum;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	publish_stream("a");
	struct srt_link *player = call("live/a");
	assert_non_null(player);
	wait_until(server->srt->count == 1);
	struct srt_session *s = server->srt->sessions;
	assert_ptr_equal(srt_session_find(server->srt, s->id), s);
	assert_null(srt_session_find(server->srt, "nobody"));
	wait_until((srt_hub_figures(server->srt, &sum), sum.send_packets > 0));
	assert_int_equal(sum.send_packets, s->figures.send_packets);
	srt_link_close(&player);
	wait_until(server->srt->count == 0);
	srt_hub_figures(server->srt, &f);
	assert_true(f.send_packets >= sum.send_packets);
	assert_int_equal(map_count(server->srt->by_id), 0);
}

static void the_gate_says_why(void **state)
{
	static const struct {
		const char *stream_id;
		int reason;
	} rows[] = {
		{"#!::m=publish", SRT_REFUSE_SYNTAX},
		{"#!::r=live/a,m=publish,program=two", SRT_REFUSE_SYNTAX},
		{"#!::r=live/a,m=file", SRT_REFUSE_MODE},
		{"#!::r=live/a,h=off.example", SRT_REFUSE_FORBIDDEN},
		{"#!::r=live/a,h=gone.example", SRT_REFUSE_HOST},
		{"#!::r=live/a,m=publish", SRT_REFUSE_FORBIDDEN},
		{"live/a", 0},
	};
	struct addr peer;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("",
	      "srt { enabled on; } security { enabled on; deny publish all; allow play all; } }\n"
	      "vhost off.example { } vhost gone.example { enabled off; ");
	(void)addr_literal(&peer, "192.0.2.1", 5000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srt_verdict verdict = {0};
		srt_gate_judge(server->srt->gate, &(struct srt_caller){&peer, rows[i].stream_id},
			       &verdict);
		assert_int_equal(verdict.refusal, rows[i].reason);
	}
	assert_int_equal(srt_gate_refused(server->srt->gate), 6);
}

static int judge(const char *ip, int port)
{
	struct srt_verdict verdict = {0};
	struct addr peer;
	(void)addr_literal(&peer, ip, port);
	srt_gate_judge(server->srt->gate, &(struct srt_caller){&peer, "live/a"}, &verdict);
	return verdict.refusal;
}

static void those_under_way_are_counted(void **state)
{
	struct addr peer;
	char ip[32];
	int taken = 0;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	for (int i = 0; i < SRT_WAITING_PER_ADDRESS; i++)
		assert_int_equal(judge("192.0.2.1", 5000 + i), 0);
	assert_int_equal(judge("192.0.2.1", 6000), SRT_REFUSE_OVERLOAD);
	(void)addr_literal(&peer, "192.0.2.1", 5000);
	srt_gate_taken(server->srt->gate, &peer);
	assert_int_equal(judge("192.0.2.1", 6000), 0);
	for (int i = 0; i < 2 * SRT_WAITING_MAX; i++) {
		snprintf(ip, sizeof(ip), "198.51.%d.%d", i / 200, i % 200 + 1);
		taken += judge(ip, 1) == 0;
	}
	assert_int_equal(taken, SRT_WAITING_MAX - SRT_WAITING_PER_ADDRESS);
}

/* What another process would have to leave to this one. */
static void the_numbers_of_connections_are_known(void **state)
{
	(void)state;
	struct steer_range none, range;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	srt_hub_numbers(server->srt, &none);
	assert_true(none.count > 0 && none.first > 0);
	publish_stream("a");
	struct srt_link *player = call("live/a");
	assert_non_null(player);
	wait_until(clients("srt-play") == 1);
	const struct srt_session *s = server->srt->sessions;
	assert_non_null(s);
	srt_hub_numbers(server->srt, &range);
	assert_true(srt_link_number(s->link) - range.first < range.count);
	assert_true(range.count <= SRT_BACKLOG + 1);
	srt_hub_share(server->srt, true);
	srt_hub_share(server->srt, false);
	struct udp *udp;
	struct udp_opts opts = {.at = {.host = "127.0.0.1", .port = addr_port(&at)},
				.reuse_port = true,
				.what = "test"};
	assert_int_equal(udp_open(&udp, &opts), ERR_SYSTEM);
	srt_hub_share(server->srt, true);
	assert_int_equal(udp_open(&udp, &opts), OK);
	udp_close(&udp);
	srt_link_close(&player);
}

static void a_full_server_says_so(void **state)
{
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	srt_gate_set_full(server->srt->gate);
	assert_null(call("live/a"));
	assert_non_null(strstr(err_trail(ERR_DENIED), "1402"));
}

static void a_client_is_kicked(void **state)
{
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	publish_stream("a");
	struct srt_link *player = call("live/a"), *publisher = call("#!::r=live/b,m=publish");
	wait_until(clients("srt-play") == 1 && clients("srt-publish") == 1);
	struct client *c;
	DL_FOREACH (server->stat.clients, c)
		if (strncmp(c->type, "srt", 3) == 0)
			client_stop(c, ERR_KICKED);
	wait_until(server->srt->count == 0);
	wait_until(is_over(player) && is_over(publisher));
	srt_link_close(&player);
	srt_link_close(&publisher);
}

static void a_taken_name_ends_the_second_one(void **state)
{
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	struct srt_link *first = call("#!::r=live/b,m=publish");
	wait_until(clients("srt-publish") == 1);
	struct srt_link *second = call("#!::r=live/b,m=publish");
	assert_non_null(second);
	uint8_t none[TS_PACKET] = {0x47, 0x1f, 0xff, 0x10};
	wait_until(srt_link_send(first, none, sizeof(none)) == OK && is_over(second));
	assert_int_equal(clients("srt-publish"), 1);
	srt_link_close(&first);
	srt_link_close(&second);
}

static void what_is_no_transport_stream_is_ended(void **state)
{
	static uint8_t noise[1316];
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("", plain);
	memset(noise, 0x55, sizeof(noise));
	struct srt_link *publisher = call("#!::r=live/b,m=publish");
	err e = OK;
	srt_link_attach(publisher);
	for (int i = 0; i < 8000 && (e == OK || e == ERR_AGAIN); i++) {
		e = srt_link_send(publisher, noise, sizeof(noise));
		if (e == ERR_AGAIN || i % 64 == 0)
			(void)co_wait(clock_after(20));
	}
	wait_until(server->srt->count == 0);
	srt_link_close(&publisher);
}

static void a_reload_changes_the_passphrase(void **state)
{
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	start("passphrase first-passphrase;", plain);
	assert_null(call("live/a"));
	struct srt_link *one = call_with("live/a", "first-passphrase");
	assert_non_null(one);
	struct server *other =
		test_server_new("srt_server { enabled on; passphrase second-passphrase; }\n"
				"vhost __defaultVhost__ { srt { enabled on; } }");
	struct conf *before = server->conf;
	server->conf = conf_ref(other->conf);
	conf_unref(&before);
	test_server_free(&other);
	srt_hub_reload(server->srt);
	assert_null(call_with("live/a", "first-passphrase"));
	struct srt_link *two = call_with("live/a", "second-passphrase");
	assert_non_null(two);
	srt_link_close(&one);
	srt_link_close(&two);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_played_can_be_published),
		CASE(lines_are_looked_at_one_after_the_other),
		CASE(figures_of_sessions_stay_when_they_leave),
		CASE(the_gate_says_why),
		CASE(those_under_way_are_counted),
		CASE(the_numbers_of_connections_are_known),
		CASE(a_full_server_says_so),
		CASE(a_client_is_kicked),
		CASE(a_taken_name_ends_the_second_one),
		CASE(what_is_no_transport_stream_is_ended),
		CASE(a_reload_changes_the_passphrase),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
