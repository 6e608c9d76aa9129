/* Two servers that have one WebRTC port, as the processes of an upgrade in place: who reads, and who is reached. */
#include "base/mem.h"
#include "rtc/stream.h"
#include "service/rtc_sharing.h"
#include "support/co_unit.h"
#include "support/rtc_guest.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server *first, *second;
static struct rtc_guest publisher, newcomer;

static struct server *start(void)
{
	char *block = test_server_vhost("rtc { enabled on; rtmp_to_rtc on; }");
	char *conf = mem_printf("rtc_server { enabled on; candidate 127.0.0.1; }\n%s", block);
	struct server *server = test_server_new(conf);
	free(conf);
	free(block);
	return server;
}

/* The second one has the port, too, and leaves it to the first one. */
static int setup(void **state)
{
	int code = co_setup(state), fds[2];
	struct udp *udp;
	publisher = newcomer = (struct rtc_guest){0};
	first = start();
	second = start();
	rtc_guest_open_hub(first);
	int fd = dup(rtc_sharing_fd(first->rtc));
	struct udp_opts opts = {.at = {.host = "127.0.0.1"}, .fd = fd, .what = "test"};
	assert_int_equal(udp_open(&udp, &opts), OK);
	second->rtc = rtc_hub_new(second);
	assert_int_equal(rtc_sharing_fd(second->rtc), -1);
	rtc_hub_listen(second->rtc, &udp);
	rtc_hub_read(second->rtc, false);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_true(rtc_sharing_begin(first->rtc, RTC_NEXT, fds[0]));
	assert_true(rtc_sharing_begin(second->rtc, RTC_FORMER, fds[1]));
	return code;
}

static void end(struct server **server)
{
	if (!*server)
		return;
	co_group_stop(&(*server)->sessions);
	co_group_stop(&(*server)->services);
	rtc_guest_close_hub(*server);
	test_server_free(server);
}

static int teardown(void **state)
{
	rtc_guest_close(&publisher);
	rtc_guest_close(&newcomer);
	end(&second);
	end(&first);
	return co_teardown(state);
}

static int port_number(const struct server *server)
{
	const struct rtc_port *port = rtc_hub_port(server->rtc);
	return port ? rtc_port_number(port) : 0;
}

static void hand_over(void)
{
	rtc_hub_read(first->rtc, false);
	rtc_hub_unlisten(first->rtc, port_number(first));
	rtc_hub_read(second->rtc, true);
}

static int64_t crossed_to(const struct server *server)
{
	struct crossing_counts c;
	size_t waiting;
	rtc_sharing_counts(server->rtc, &c, &waiting);
	assert_int_equal(c.dropped, 0);
	return c.taken;
}

static bool is_heard(struct rtc_guest *guest)
{
	int64_t before = rtc_session_traffic(guest->session).recv;
	rtc_peer_check(&guest->peer, 0);
	for (int64_t until = clock_after(2000);
	     rtc_session_traffic(guest->session).recv == before && clock_ms() < until;)
		(void)co_sleep(2);
	return rtc_session_traffic(guest->session).recv > before;
}

static void a_newcomer_of_the_next_one_is_reached_before_it_reads(void **state)
{
	(void)state;
	assert_true(rtc_guest_join(&newcomer, second, "b", true));
	assert_true(crossed_to(second) > 0);
	assert_int_equal(crossed_to(first), 0);
}

static void a_session_goes_on_when_the_next_one_reads(void **state)
{
	(void)state;
	assert_true(rtc_guest_join(&publisher, first, "a", true));
	int port = port_number(first);
	hand_over();
	assert_int_equal(port_number(first), port); /* kept for its session */
	assert_true(is_heard(&publisher));
	assert_true(crossed_to(first) > 0);
	assert_true(rtc_guest_join(&newcomer, second, "b", true));
	assert_true(is_heard(&newcomer));
	/* The last one of the first server leaves: the port is the second one's alone. */
	dtls_free(&publisher.peer.dtls);
	assert_true(rtc_guest_is_over(&publisher, 2000));
	assert_int_equal(port_number(first), 0);
	wait_until(!rtc_sharing_is_of(second->rtc, RTC_FORMER, rtc_hub_port(second->rtc)));
	assert_true(is_heard(&newcomer));
}

static void without_sessions_the_port_is_left_at_once(void **state)
{
	(void)state;
	hand_over();
	assert_int_equal(port_number(first), 0);
	assert_true(rtc_guest_join(&newcomer, second, "b", true));
}

static void the_former_one_reads_again_when_the_next_one_has_gone(void **state)
{
	(void)state;
	assert_true(rtc_guest_join(&publisher, first, "a", true));
	hand_over();
	end(&second);
	rtc_hub_read(first->rtc, true);
	rtc_sharing_end(first->rtc, RTC_NEXT);
	assert_true(is_heard(&publisher));
	dtls_free(&publisher.peer.dtls);
	assert_true(rtc_guest_is_over(&publisher, 2000));
	assert_int_equal(port_number(first), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_newcomer_of_the_next_one_is_reached_before_it_reads),
		T(a_session_goes_on_when_the_next_one_reads),
		T(without_sessions_the_port_is_left_at_once),
		T(the_former_one_reads_again_when_the_next_one_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
