/* SRT over loopback, by the real library: a port, callers and the bridge between its threads and the reactor. */
#include "base/asan.h"
#include "net/udp.h"
#include "srt/guard.h"
#include "srt/port.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGE = 1316, STACK_ROOM = 48 * 1024, STACK_BOUND = 16 * 1024, MANY = 40 };

static struct srt_options options = {
	.maxbw = -1,
	.mss = 1500,
	.payload_size = MESSAGE,
	.connect_timeout_ms = 10000,
	.peer_idle_timeout_ms = 5000,
	.recv_latency_ms = 20,
	.peer_latency_ms = 20,
	.tsbpd = true,
	.tlpktdrop = true,
	.send_buffer = 1 << 20,
	.recv_buffer = 1 << 20,
	.passphrase = "",
};

static struct srt_port *port;
static struct addr at;
static int judged;

static void judge(void *ctx, const struct srt_caller *caller, struct srt_verdict *out)
{
	(void)ctx;
	judged++;
	out->options = options;
	snprintf(out->passphrase, sizeof(out->passphrase), "%s", options.passphrase);
	out->options.passphrase = out->passphrase;
	if (strcmp(caller->stream_id, "no") == 0)
		out->refusal = SRT_REFUSE_FORBIDDEN;
}

static int setup(void **state)
{
	struct udp *udp;
	if (!srt_bridge_is_built())
		return 0;
	if (co_setup(state) != 0 ||
	    udp_open(&udp, &(struct udp_opts){.at = {.host = "127.0.0.1"}, .what = "SRT"}) != OK)
		return -1;
	(void)addr_literal(&at, "127.0.0.1", udp_port(udp));
	options.passphrase = "";
	judged = 0;
	return srt_port_open(&port, &(struct srt_port_opts){.fd = udp_release(&udp),
							    .options = &options,
							    .judge = judge,
							    .backlog = MANY}) == OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	if (!srt_bridge_is_built())
		return 0;
	srt_port_close(&port);
	srt_bridge_stop();
	return co_teardown(state);
}

static struct srt_link *call(const char *stream_id)
{
	struct srt_link *link = NULL;
	err e = srt_link_connect(&link, &at, stream_id, &options);
	assert_int_equal(e, OK);
	return link;
}

static struct srt_link *accept_one(void)
{
	struct srt_link *link = NULL;
	wait_until(srt_port_accept(port, &link) == OK);
	return link;
}

static size_t receive(struct srt_link *link, void *out, size_t room)
{
	size_t n = 0;
	srt_link_attach(link);
	wait_until(srt_link_recv(link, out, room, &n) == OK);
	return n;
}

/* ---- cases ---- */

static void a_caller_is_taken_and_heard(void **state)
{
	uint8_t out[MESSAGE], in[SRT_PAYLOAD_MAX];
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	struct srt_link *caller = call("live/a"), *link = accept_one();
	assert_string_equal(srt_link_stream_id(link), "live/a");
	assert_true(addr_is_loopback(srt_link_peer(link)));
	assert_false(srt_link_is_encrypted(link));
	assert_int_equal(srt_link_payload_size(link), MESSAGE);
	memset(out, 7, sizeof(out));
	assert_int_equal(srt_link_recv(link, in, sizeof(in), &(size_t){0}), ERR_AGAIN);
	assert_int_equal(srt_link_send(caller, out, sizeof(out)), OK);
	assert_int_equal(receive(link, in, sizeof(in)), MESSAGE);
	assert_memory_equal(in, out, MESSAGE);
	assert_int_equal(srt_link_send(link, out, 188), OK);
	assert_int_equal(receive(caller, in, sizeof(in)), 188);
	assert_int_equal(srt_link_recv_bytes(link), MESSAGE);
	assert_int_equal(srt_link_send_bytes(link), 188);
	struct srt_figures f;
	srt_link_figures(link, &f);
	assert_int_equal(f.recv_packets, 1);
	assert_int_equal(f.recv_latency_ms, 20);
	assert_int_equal(f.recv_dropped, 0);
	srt_link_close(&caller);
	srt_link_close(&link);
}

static void one_that_leaves_is_noticed(void **state)
{
	uint8_t in[SRT_PAYLOAD_MAX];
	size_t n;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	struct srt_link *caller = call("live/a"), *link = accept_one();
	srt_link_attach(link);
	srt_link_figures(link, &(struct srt_figures){0});
	srt_link_close(&caller);
	err e = OK;
	wait_until((e = srt_link_recv(link, in, sizeof(in), &n)) != ERR_AGAIN);
	assert_int_equal(e, ERR_CLOSED);
	assert_true(srt_link_is_gone(link));
	struct srt_figures f; /* as they were before */
	srt_link_figures(link, &f);
	assert_int_equal(f.recv_latency_ms, 20);
	assert_int_equal(srt_link_send(link, in, 188), ERR_CLOSED);
	srt_link_close(&link);
}

/* The same from this end. */
static void one_that_is_sent_away_notices(void **state)
{
	uint8_t in[SRT_PAYLOAD_MAX];
	size_t n;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	struct srt_link *caller = call("live/a"), *link = accept_one();
	srt_link_attach(caller);
	srt_link_close(&link);
	err e = OK;
	wait_until((e = srt_link_recv(caller, in, sizeof(in), &n)) != ERR_AGAIN);
	assert_int_equal(e, ERR_CLOSED);
	srt_link_close(&caller);
}

static void one_that_is_refused_is_told_why(void **state)
{
	struct srt_link *link = NULL;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	assert_int_equal(srt_link_connect(&link, &at, "no", &options), ERR_DENIED);
	assert_non_null(strstr(err_trail(ERR_DENIED), "1403"));
	assert_null(link);
	assert_true(judged > 0);
	assert_int_equal(srt_port_accept(port, &link), ERR_AGAIN);
}

static void passphrases_have_to_be_the_same(void **state)
{
	struct srt_link *link = NULL;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	options.passphrase = "ten characters and more";
	struct srt_link *caller = call("live/a"), *accepted = accept_one();
	assert_true(srt_link_is_encrypted(accepted));
	struct srt_options other = options;
	other.passphrase = "others than those";
	assert_int_equal(srt_link_connect(&link, &at, "live/a", &other), ERR_DENIED);
	other.passphrase = "";
	assert_int_equal(srt_link_connect(&link, &at, "live/a", &other), ERR_DENIED);
	other.passphrase = "short";
	assert_int_equal(srt_link_connect(&link, &at, "live/a", &other), ERR_CONFIG);
	srt_link_close(&caller);
	srt_link_close(&accepted);
}

static void nobody_answers_where_nobody_is(void **state)
{
	struct srt_link *link = NULL;
	struct srt_options hurried = options;
	struct addr nowhere;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	hurried.connect_timeout_ms = 300;
	(void)addr_literal(&nowhere, "127.0.0.1", 9);
	assert_int_equal(srt_link_connect(&link, &nowhere, "", &hurried), ERR_TIMEOUT);
}

/* Sends until there is no room, and goes on when there is some. */
static void a_full_window_is_waited_for(void **state)
{
	static uint8_t message[MESSAGE], in[SRT_PAYLOAD_MAX];
	int sent = 0, received = 0, waits = 0;
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	options.send_buffer = 64 * 1024;
	options.tlpktdrop = false;
	struct srt_link *caller = call("live/a"), *link = accept_one();
	srt_link_attach(caller);
	while (sent < 600) {
		err e = srt_link_send(caller, message, sizeof(message));
		if (e == OK) {
			sent++;
			continue;
		}
		assert_int_equal(e, ERR_AGAIN);
		assert_false(srt_link_is_writable(caller));
		waits++;
		assert_int_equal(co_wait(clock_after(UNTIL_MS)), OK);
	}
	srt_link_attach(link);
	for (size_t n; received < sent;) {
		if (srt_link_recv(link, in, sizeof(in), &n) == OK)
			received++;
		else
			assert_int_equal(co_wait(clock_after(UNTIL_MS)), OK);
	}
	assert_true(waits > 0);
	srt_link_close(&caller);
	srt_link_close(&link);
	options.send_buffer = 1 << 20;
	options.tlpktdrop = true;
}

static void many_share_one_port(void **state)
{
	struct srt_link *callers[MANY], *links[MANY];
	uint8_t out[188] = {0}, in[SRT_PAYLOAD_MAX];
	(void)state;
	if (!srt_bridge_is_built())
		skip();
	for (int i = 0; i < MANY; i++) {
		callers[i] = call("live/a");
		links[i] = accept_one();
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(srt_link_send(links[i], out, sizeof(out)), OK);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(receive(callers[i], in, sizeof(in)), sizeof(out));
	for (int i = 0; i < MANY; i++) {
		srt_link_close(&callers[i]);
		srt_link_close(&links[i]);
	}
}

/* ---- what its calls take of a coroutine's stack ---- */

static __attribute__((noinline)) void paint(void)
{
	volatile uint8_t area[STACK_ROOM];
	for (size_t i = 0; i < sizeof(area); i++)
		area[i] = 0xa5;
}

/* Bytes below the caller that are not as they were painted. */
static __attribute__((noinline)) size_t depth(void)
{
	volatile uint8_t area[STACK_ROOM];
	size_t i = 0;
	__asm__ volatile("" : : "r"(area) : "memory");
	while (i < sizeof(area) && area[i] == 0xa5)
		i++;
	return sizeof(area) - i;
}

static size_t deepest;

static void converse_measured(void *arg)
{
	uint8_t message[188] = {0}, in[SRT_PAYLOAD_MAX];
	struct srt_figures f;
	(void)arg;
	paint();
	struct srt_link *caller = call("live/a"), *link = accept_one();
	(void)srt_link_send(caller, message, sizeof(message));
	(void)receive(link, in, sizeof(in));
	srt_link_figures(link, &f);
	struct srt_link *none = NULL;
	err e = srt_link_connect(&none, &at, "no", &options);
	srt_link_close(&link);
	srt_link_close(&caller);
	deepest = e == ERR_DENIED ? depth() : SIZE_MAX;
}

static void calls_leave_most_of_a_stack(void **state)
{
	(void)state;
	if (!srt_bridge_is_built() || HAVE_ASAN)
		skip();
	struct co *co = co_start("measured", converse_measured, NULL);
	co_join(&co);
	print_message("libsrt takes %zu bytes of a coroutine's stack\n", deepest);
	assert_in_range(deepest, 1000, STACK_BOUND);
}

enum { ANSWER_MS = 5000, SILENCE_MS = 200 };

/* The front of a handshake: a caller's first packet. Whether it is answered so soon. */
static bool is_answered(uint32_t mss, uint32_t window, int64_t within_ms)
{
	const uint32_t words[16] = {0x80000000, 0,      0, 0,    4, 2,         1,
				    mss,        window, 1, 4711, 0, 0x7F000001};
	uint8_t packet[64], answer[128];
	for (int i = 0; i < 64; i++)
		packet[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at.sa, at.len), 0);
	assert_int_equal(send(fd, packet, sizeof(packet), 0), sizeof(packet));
	bool is = false;
	for (int64_t end = clock_after(within_ms); !is && clock_ms() < end;) {
		(void)co_sleep(10);
		is = recv(fd, answer, sizeof(answer), 0) > 0;
	}
	close(fd);
	return is;
}

static void handshakes_that_ask_for_too_much_are_dropped(void **state)
{
	(void)state;
	if (!srt_bridge_is_built())
		return;
	assert_true(is_answered(1500, 8192, ANSWER_MS));
	assert_true(is_answered(1500, SRT_WINDOW_MAX, ANSWER_MS));
	assert_false(is_answered(1500, SRT_WINDOW_MAX + 1, SILENCE_MS));
	assert_false(is_answered(1500, 0x7FFFFFFF, SILENCE_MS));
	assert_false(is_answered(1500, 0xFFFFFFFF, SILENCE_MS));
	assert_false(is_answered(SRT_MSS_MIN - 1, 8192, SILENCE_MS));
	assert_true(is_answered(1500, 8192, ANSWER_MS));
}

static int started;

static void start_main(void *arg)
{
	err *e = arg;
	*e = srt_bridge_start();
	started++;
}

static void several_may_want_the_library_first(void **state)
{
	err results[3] = {ERR_SYSTEM, ERR_SYSTEM, ERR_SYSTEM};
	struct co_group group = {0};
	if (!srt_bridge_is_built())
		return;
	assert_int_equal(co_setup(state), 0);
	started = 0;
	for (int i = 0; i < 3; i++)
		assert_non_null(co_start_in(&group, "start", start_main, &results[i]));
	wait_until(started == 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(results[i], OK);
	assert_true(srt_bridge_is_on());
	srt_bridge_stop();
	assert_false(srt_bridge_is_on());
	co_group_stop(&group);
	assert_int_equal(co_teardown(state), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_caller_is_taken_and_heard),
		CASE(one_that_leaves_is_noticed),
		CASE(one_that_is_sent_away_notices),
		CASE(one_that_is_refused_is_told_why),
		CASE(passphrases_have_to_be_the_same),
		CASE(nobody_answers_where_nobody_is),
		CASE(a_full_window_is_waited_for),
		CASE(many_share_one_port),
		CASE(handshakes_that_ask_for_too_much_are_dropped),
		CASE(calls_leave_most_of_a_stack),
		cmocka_unit_test(several_may_want_the_library_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
