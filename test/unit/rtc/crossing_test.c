/* Datagrams that cross between two processes: the records, the local socket, and a port that both have. */
#include "rtc/crossing.h"
#include "rtc/port.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the records ---- */

static struct rtc_path path_of(const char *peer, const char *local)
{
	struct rtc_path path = {0};
	assert_true(addr_literal(&path.peer, peer, 5000));
	assert_true(addr_literal(&path.local, local, 8000));
	return path;
}

static void what_is_packed_is_unpacked(void **state)
{
	(void)state;
	static const struct {
		const char *peer, *local, *text;
	} cases[] = {
		{"192.0.2.1", "127.0.0.1", "one"},
		{"2001:db8::1", "::1", ""},
		{"fe80::1%1", "::ffff:127.0.0.1", "a longer one"},
	};
	struct buf out = {.max = CROSSING_MESSAGE_MAX};
	struct span datagram;
	size_t n = sizeof(cases) / sizeof(cases[0]), bytes = 0;
	for (size_t i = 0; i < n; i++) {
		struct rtc_path path = path_of(cases[i].peer, cases[i].local);
		bytes += crossing_record_size(span_str(cases[i].text), &path);
		crossing_pack(&out, span_str(cases[i].text), &path);
	}
	assert_int_equal(out.n, bytes);
	struct span message = buf_span(&out);
	for (size_t i = 0; i < n; i++) {
		struct rtc_path path, want = path_of(cases[i].peer, cases[i].local);
		assert_true(crossing_unpack(&message, &datagram, &path));
		assert_true(span_is(datagram, cases[i].text));
		assert_true(rtc_path_same(&path, &want));
	}
	assert_int_equal(message.n, 0);
	buf_free(&out);
}

static void what_is_no_record_is_not_taken(void **state)
{
	(void)state;
	struct rtc_path path = path_of("192.0.2.1", "127.0.0.1"), unused;
	struct buf out = {.max = CROSSING_MESSAGE_MAX};
	struct span datagram;
	crossing_pack(&out, span_str("data"), &path);
	for (size_t n = 0; n < out.n; n++) { /* cut off */
		struct span message = span_of(out.p, n);
		assert_false(crossing_unpack(&message, &datagram, &unused));
	}
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {{1, 5}, {2, 15}, {2, 0}, {3, 28}, {3, 255}, {4, 77}, {4 + 16, 1}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t kept = out.p[wrong[i].at];
		struct span message = buf_span(&out);
		out.p[wrong[i].at] = wrong[i].value;
		assert_false(crossing_unpack(&message, &datagram, &unused));
		out.p[wrong[i].at] = kept;
	}
	buf_free(&out);
}

/* ---- the local socket ---- */

struct side {
	struct crossing *crossing;
	struct co *co;
	int count;
	size_t bytes;
	char last[64];
	err end;
};
static struct side a, b;

static void see(void *ctx, uint8_t *p, size_t n, const struct rtc_path *path)
{
	struct side *s = ctx;
	assert_int_equal(addr_port(&path->local), 8000);
	s->count++;
	s->bytes += n;
	snprintf(s->last, sizeof(s->last), "%.*s", (int)(n < 60 ? n : 60), (const char *)p);
}

static void run(void *arg)
{
	struct side *s = arg;
	s->end = crossing_run(s->crossing, see, s);
}

static void open_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void begin(struct side *s, int fd)
{
	*s = (struct side){0};
	assert_int_equal(crossing_open(&s->crossing, fd), OK);
	s->co = co_start("side", run, s);
}

static void end(struct side *s)
{
	co_stop(s->co);
	co_join(&s->co);
	crossing_close(&s->crossing);
}

static void datagrams_cross_both_ways(void **state)
{
	(void)state;
	int fds[2];
	struct rtc_path path = path_of("192.0.2.1", "127.0.0.1");
	open_pair(fds);
	begin(&a, fds[0]);
	begin(&b, fds[1]);
	crossing_put(a.crossing, span_str("to b"), &path);
	crossing_put(b.crossing, span_str("to a"), &path);
	wait_until(a.count == 1 && b.count == 1);
	assert_string_equal(a.last, "to a");
	assert_string_equal(b.last, "to b");
	for (int i = 0; i < 500; i++)
		crossing_put(a.crossing, span_str("one of many"), &path);
	wait_until(b.count == 501);
	const struct crossing_counts *c = crossing_counts(a.crossing);
	assert_int_equal(c->handed, 501);
	assert_int_equal(c->taken, 1);
	assert_int_equal(c->dropped, 0);
	assert_int_equal(crossing_waiting(a.crossing), 0);
	end(&a);
	wait_until(b.end == ERR_CLOSED);
	end(&b);
}

/* Nobody reads: the queue has an end, what came too late is counted, and the rest arrives whole when somebody does. */
static int came;
static char was_read[64];

static void see_stream(void *ctx, int fd, struct span read)
{
	assert_ptr_equal(ctx, &b);
	came = fd;
	snprintf(was_read, sizeof(was_read), "%.*s", (int)read.n, (const char *)read.p);
}

static void a_connection_goes_over_with_what_was_read(void **state)
{
	(void)state;
	int fds[2], line[2];
	char text[8] = "";
	struct rtc_path path = path_of("192.0.2.1", "127.0.0.1");
	open_pair(fds);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line), 0);
	begin(&a, fds[0]);
	begin(&b, fds[1]);
	came = -1;
	crossing_on_stream(b.crossing, see_stream);
	assert_true(crossing_put_stream(a.crossing, line[0], span_str("begun"), &path));
	wait_until(came >= 0);
	assert_string_equal(was_read, "begun");
	assert_int_equal(b.count, 0);
	close(line[0]);
	assert_int_equal(send(came, "on", 2, 0), 2);
	assert_int_equal(recv(line[1], text, sizeof(text), MSG_DONTWAIT), 2);
	/* Where nobody takes it, it is closed. */
	assert_true(crossing_put_stream(b.crossing, came, span_str("back"), &path));
	close(came);
	wait_until(crossing_counts(a.crossing)->taken == 1);
	assert_int_equal(recv(line[1], text, sizeof(text), MSG_DONTWAIT), 0);
	close(line[1]);
	end(&a);
	end(&b);
}

static void the_queue_has_an_end(void **state)
{
	(void)state;
	int fds[2], count = 0;
	static char text[1200];
	struct rtc_path path = path_of("192.0.2.1", "127.0.0.1");
	memset(text, 'x', sizeof(text));
	open_pair(fds);
	begin(&a, fds[0]);
	const struct crossing_counts *c = crossing_counts(a.crossing);
	for (; c->dropped < 10; count++) {
		assert_true(count < 100000);
		crossing_put(a.crossing, span_of(text, sizeof(text)), &path);
		if (count % 100 == 0)
			co_yield ();
	}
	assert_true(crossing_waiting(a.crossing) <= CROSSING_QUEUE_MAX);
	assert_true(crossing_waiting(a.crossing) > CROSSING_QUEUE_MAX - 2000);
	begin(&b, fds[1]);
	wait_until(b.count == count - 10);
	assert_int_equal(b.bytes, (size_t)b.count * sizeof(text));
	assert_int_equal(c->handed, b.count);
	crossing_put(a.crossing, span_str("later"), &path);
	wait_until(strcmp(b.last, "later") == 0);
	end(&b);
	wait_until(a.end == ERR_CLOSED);
	crossing_put(a.crossing, span_str("to nobody"), &path);
	end(&a);
}

static void nonsense_is_counted(void **state)
{
	(void)state;
	int fds[2];
	struct rtc_path path = path_of("192.0.2.1", "127.0.0.1");
	struct buf out = {.max = CROSSING_MESSAGE_MAX};
	open_pair(fds);
	begin(&a, fds[0]);
	crossing_pack(&out, span_str("good"), &path);
	buf_u32(&out, 0);
	assert_int_equal(send(fds[1], out.p, out.n, 0), (ssize_t)out.n);
	wait_until(crossing_counts(a.crossing)->malformed == 1);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.last, "good");
	buf_free(&out);
	close(fds[1]);
	end(&a);
}

/* ---- a port that two have ---- */

static struct rtc_port *ports[2];
static struct side shores[2];

static void serve(void *arg)
{
	(void)rtc_port_run(arg);
}

/* The first one is the process that is replaced. */
static void take(void *ctx, uint8_t *p, size_t n, const struct rtc_path *path)
{
	struct side *s = ctx;
	s->count++;
	bool first = s == &shores[0];
	rtc_port_take_from(ports[first ? 0 : 1], first ? RTC_NEXT : RTC_FORMER, p, n, path);
}

static void cross(void *arg)
{
	struct side *s = arg;
	s->end = crossing_run(s->crossing, take, s);
}

static void one_of_two_reads_and_hands_on_what_it_does_not_know(void **state)
{
	(void)state;
	int fds[2], sent;
	struct udp *udp[2], *stranger;
	struct co *cos[2];
	struct addr to;
	struct hostport at = {.host = "127.0.0.1"};
	struct udp_opts opts = {.at = at, .what = "test"};
	assert_int_equal(udp_open(&udp[0], &opts), OK);
	assert_int_equal(udp_open(&stranger, &opts), OK);
	opts.fd = dup(udp_fd(udp[0]));
	assert_int_equal(udp_open(&udp[1], &opts), OK);
	assert_true(addr_literal(&to, "127.0.0.1", udp_port(udp[0])));
	open_pair(fds);
	for (int i = 0; i < 2; i++) {
		ports[i] = rtc_port_new(udp[i]);
		shores[i] = (struct side){0};
		assert_int_equal(crossing_open(&shores[i].crossing, fds[i]), OK);
		cos[i] = co_start("port", serve, ports[i]);
	}
	assert_int_equal(rtc_port_receive(ports[1], false), OK);
	rtc_port_share(ports[0], RTC_NEXT, shores[0].crossing);
	rtc_port_share(ports[1], RTC_FORMER, shores[1].crossing);
	for (int i = 0; i < 2; i++)
		shores[i].co = co_start("cross", cross, &shores[i]);
	struct udp_out media = {.data = span_of("\x80\x60media", 7), .to = &to};
	assert_int_equal(udp_send(stranger, &media, 1, &sent), OK);
	wait_until(rtc_port_counts(ports[1])->unknown_peer == 1);
	assert_int_equal(rtc_port_counts(ports[0])->unknown_peer, 0);
	assert_int_equal(rtc_port_udp_counts(ports[1])->recv_packets, 0);
	/* The other way about. */
	assert_int_equal(rtc_port_receive(ports[0], false), OK);
	assert_int_equal(udp_send(stranger, &media, 1, &sent), OK);
	(void)co_sleep(30);
	assert_int_equal(rtc_port_udp_counts(ports[0])->recv_packets, 1); /* it waits */
	assert_int_equal(rtc_port_receive(ports[1], true), OK);
	wait_until(rtc_port_counts(ports[0])->unknown_peer == 1);
	assert_int_equal(rtc_port_udp_counts(ports[1])->recv_packets, 1);
	/* What is no packet of WebRTC is not worth its way. */
	struct udp_out other = {.data = span_str("Hello"), .to = &to};
	assert_int_equal(udp_send(stranger, &other, 1, &sent), OK);
	wait_until(rtc_port_counts(ports[1])->other == 1);
	for (int i = 0; i < 2; i++) {
		end(&shores[i]);
		rtc_port_share(ports[i], i ? RTC_FORMER : RTC_NEXT, NULL);
	}
	for (int i = 0; i < 2; i++) {
		co_stop(cos[i]);
		co_join(&cos[i]);
		rtc_port_unref(&ports[i]);
	}
	udp_close(&stranger);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, co_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(what_is_no_record_is_not_taken),
		T(datagrams_cross_both_ways),
		T(a_connection_goes_over_with_what_was_read),
		T(the_queue_has_an_end),
		T(nonsense_is_counted),
		T(one_of_two_reads_and_hands_on_what_it_does_not_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
