/* When a feeder's socket is read at once, and when it waits for the turn of its source. */
#include "node/read_pacing.h"
#include "support/unit.h"

#include <sys/socket.h>
#include <unistd.h>

static struct source *source;
static struct read_pacing in;
static struct sock *sock;
static int other_end, served;

static void consumer_send_slot(struct consumer *consumer)
{
	(void)consumer;
	served++;
}

static void join(struct consumer *c, bool relay)
{
	consumer_open(c, source,
		      &(struct consumer_opts){.kind = relay ? CONSUMER_RELAY : CONSUMER_PLAYER,
					      .co = co_self(),
					      .on_send_slot = consumer_send_slot});
}

static int setup(void **state)
{
	int ends[2];
	(void)state;
	served = 0;
	if (co_init() != OK || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0 ||
	    sock_wrap(&sock, ends[0]) != OK)
		return -1;
	other_end = ends[1];
	source = source_new("k", "v", "a", "s",
			    &(struct source_opts){.chunk_size = 4096, .batch_ms = 10000});
	read_pacing_init(&in, FEEDER_PUBLISHER, NULL);
	read_pacing_open(&in, sock);
	source_begin(source, &in.feeder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	read_pacing_close(&in);
	source_leave(source, &in.feeder, 0);
	source_unref(&source);
	sock_close(&sock);
	close(other_end);
	co_fini();
	return 0;
}

static void input_gathers_while_nobody_wants_it_before_a_turn(void **state)
{
	(void)state;
	read_pacing_pace(&in, source, false);
	assert_true(sock_has_rcvlowat(sock));
	read_pacing_pace(&in, source, true);
	assert_false(sock_has_rcvlowat(sock));
}

static void who_joins_has_it_read_at_once(void **state)
{
	struct consumer c = {0};
	(void)state;
	read_pacing_pace(&in, source, false);
	join(&c, false);
	assert_false(sock_has_rcvlowat(sock));
	read_pacing_pace(&in, source, false);
	assert_true(sock_has_rcvlowat(sock));
	consumer_close(&c);
}

static void a_relay_wants_each_message(void **state)
{
	struct consumer c = {0};
	(void)state;
	join(&c, true);
	read_pacing_pace(&in, source, false);
	assert_false(sock_has_rcvlowat(sock));
	consumer_close(&c);
}

static void a_turn_has_it_read(void **state)
{
	(void)state;
	sock->rfd.ready = 0;
	sock_attach(sock);
	in.feeder.on_read(&in.feeder);
	assert_true(sock_readable(sock));
	assert_int_equal(co_wait(clock_after(1000)), OK);
}

/* The turns are the other one's, and so is what they wait for. */
static void who_has_lost_the_slot_reads_at_once_and_ends_no_turn(void **state)
{
	struct read_pacing other;
	struct consumer c = {0};
	struct msg *m = msg_new(MSG_AUDIO, 0, 10);
	(void)state;
	join(&c, true);
	read_pacing_init(&other, FEEDER_PUBLISHER, NULL);
	source_begin(source, &other.feeder);
	source_publish(source, &other.feeder, &m, 0);
	read_pacing_caught_up(&in, source, true);
	assert_int_equal(served, 0);
	read_pacing_caught_up(&other, source, true);
	assert_int_equal(served, 1);
	consumer_close(&c);
	read_pacing_pace(&in, source, false);
	assert_false(sock_has_rcvlowat(sock));
	source_leave(source, &other.feeder, 0);
}

static void without_a_socket_a_turn_goes_on(void **state)
{
	(void)state;
	read_pacing_close(&in);
	source->fanout.catching_up = true;
	in.feeder.on_read(&in.feeder);
	assert_false(source->fanout.catching_up);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(input_gathers_while_nobody_wants_it_before_a_turn),
		T(who_joins_has_it_read_at_once),
		T(a_relay_wants_each_message),
		T(a_turn_has_it_read),
		T(who_has_lost_the_slot_reads_at_once_and_ends_no_turn),
		T(without_a_socket_a_turn_goes_on),
	};
	return cmocka_run_group_tests_name("read_pacing", tests, NULL, NULL);
}
