/* Against a scripted DNS server: a coroutine with a UDP socket on loopback. */
#include "base/buf.h"
#include "base/cur.h"
#include "net/dns.h"
#include "support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_SRV = 33, MANY_V4 = 27, MANY_V6 = 16 };

static struct {
	struct reactor_fd rfd;
	struct co *co;
	int port;
	bool silent;
	bool broken; /* answers end in the middle */
	int asked_a, asked_srv;
	uint32_t ttl, alias_ttl;
	uint8_t last_byte; /* of the address of a.test */
} server;

static struct dns_answer got;
static struct dns_srv_answer got_srv;

static void put_name(struct buf *b, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		buf_u8(b, (uint8_t)n);
		buf_put(b, name, n);
		name += n + (name[n] == '.');
	}
	buf_u8(b, 0);
}

/* The rest of a record, behind its name. */
static void put_fixed(struct buf *b, unsigned type, uint32_t ttl, size_t size)
{
	buf_u16(b, (uint16_t)type);
	buf_u16(b, 1);
	buf_u32(b, ttl);
	buf_u16(b, (uint16_t)size);
}

static const char *owner; /* of the records; NULL: the name of the question */

static void put_record(struct buf *b, unsigned type, size_t size)
{
	if (owner)
		put_name(b, owner);
	else
		buf_u16(b, 0xc00c);
	put_fixed(b, type, server.ttl, size);
}

/* The name of the question is another one's alias, to whom all further records belong. */
static unsigned put_alias(struct buf *b, const char *target)
{
	buf_u16(b, 0xc00c);
	put_fixed(b, TYPE_CNAME, server.alias_ttl, strlen(target) + 2);
	put_name(b, target);
	owner = target;
	return 1;
}

static unsigned put_srv(struct buf *b, unsigned priority, unsigned port, const char *target)
{
	put_record(b, TYPE_SRV, 6 + strlen(target) + (*target ? 2 : 1));
	buf_u16(b, (uint16_t)priority);
	buf_u16(b, 5);
	buf_u16(b, (uint16_t)port);
	put_name(b, target);
	return 1;
}

static unsigned put_addrs(struct buf *b, unsigned type, unsigned count)
{
	if (type != TYPE_A && type != TYPE_AAAA)
		return 0;
	for (unsigned n = 0; n < count; n++) {
		put_record(b, type, type == TYPE_A ? 4 : 16);
		for (int i = 0; type == TYPE_AAAA && i < 12; i++)
			buf_u8(b, 0xfd);
		buf_u32(b, (type == TYPE_A ? 0x0a000000u : 0xfdfd0000u) + server.last_byte + n);
	}
	return count;
}

/* The number of records, or -1 when there is no such name. */
static int put_records(struct buf *b, const char *name, unsigned type)
{
	unsigned n = 0;
	owner = NULL;
	if (type == TYPE_SRV && strcmp(name, "_alias._tcp.test") == 0) {
		n += put_alias(b, "_rtmp._tcp.test");
		n += put_srv(b, 10, 1935, "b.test");
	} else if (type == TYPE_SRV && strcmp(name, "_rtmp._tcp.test") == 0) {
		n += put_srv(b, 10, 1935, "b.test");
		n += put_srv(b, 20, 19350, "c.test");
		n += put_srv(b, 30, 1, "");
	} else if (strcmp(name, "a.test") == 0) {
		n = put_addrs(b, type, 1);
	} else if (strcmp(name, "alias.test") == 0) {
		n = put_alias(b, "a.test");
		n += put_addrs(b, type, 1);
	} else if (strcmp(name, "many.test") == 0) {
		n = put_addrs(b, type, type == TYPE_A ? MANY_V4 : MANY_V6);
	} else {
		return -1;
	}
	return (int)n;
}

static void answer(const uint8_t *p, size_t size, const struct sockaddr_in *to)
{
	struct buf head = {.max = 4096}, records = {.max = 4096};
	struct cur cur = cur_of(p, size);
	char name[256] = "";
	size_t at = 0;
	unsigned id = cur_u16(&cur);
	cur_skip(&cur, 10);
	for (unsigned n; (n = cur_u8(&cur)) > 0 && cur_ok(&cur);) {
		struct span label = cur_bytes(&cur, n);
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%s%.*s", at ? "." : "",
				       (int)label.n, (const char *)label.p);
	}
	unsigned type = cur_u16(&cur);
	server.asked_a += type == TYPE_A && strcmp(name, "a.test") == 0;
	server.asked_srv += type == TYPE_SRV;
	int count = put_records(&records, name, type);
	buf_u16(&head, (uint16_t)id);
	buf_u16(&head, count < 0 ? 0x8183 : 0x8180);
	buf_u16(&head, 1);
	buf_u16(&head, count < 0 ? 0 : (uint16_t)count);
	buf_u32(&head, 0);
	put_name(&head, name);
	buf_u16(&head, (uint16_t)type);
	buf_u16(&head, 1);
	buf_put(&head, records.p, records.n);
	size_t cut = server.broken && count > 0 ? 5 : 0;
	if (!server.silent)
		(void)!sendto(server.rfd.fd, head.p, head.n - cut, 0, (const struct sockaddr *)to,
			      sizeof(*to));
	buf_free(&head);
	buf_free(&records);
}

static void serve(void *arg)
{
	static uint8_t packet[2048];
	(void)arg;
	server.rfd.waiter = co_self();
	while (!co_stopping()) {
		struct sockaddr_in from = {0};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(server.rfd.fd, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &len);
		if (n >= 0) {
			answer(packet, (size_t)n, &from);
			continue;
		}
		server.rfd.ready = 0;
		(void)!co_wait(CLOCK_NEVER);
	}
}

static int setup(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	char text[32];
	(void)state;
	memset(&server, 0, sizeof(server));
	server.ttl = 60;
	server.last_byte = 1;
	if (co_init() != OK)
		return -1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&sa, len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) != 0 ||
	    reactor_add(&server.rfd, fd) != OK)
		return -1;
	server.port = ntohs(sa.sin_port);
	server.co = co_start("server", serve, NULL);
	snprintf(text, sizeof(text), "127.0.0.1:%d", server.port);
	return dns_init(text) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	dns_fini();
	dns_fini();
	co_stop(server.co);
	co_join(&server.co);
	reactor_remove(&server.rfd);
	close(server.rfd.fd);
	co_fini();
	return 0;
}

static err lookup(const char *name)
{
	return dns_lookup(&got, name, 1935, clock_ms() + 5000);
}

static void until_it_expires(void)
{
	while (clock_ms() < got.expires_ms)
		assert_int_equal(co_wait(got.expires_ms), ERR_TIMEOUT);
}

/* Whether the answer has this address. */
static bool has(const char *text)
{
	for (int i = 0; i < got.count; i++) {
		char is[ADDR_TEXT_MAX];
		addr_text(is, &got.addrs[i]);
		if (strcmp(is, text) == 0)
			return true;
	}
	return false;
}

static void a_literal_is_its_own_answer(void **state)
{
	(void)state;
	assert_int_equal(lookup("10.1.2.3"), OK);
	assert_true(got.count == 1 && has("10.1.2.3:1935"));
	assert_true(got.expires_ms == CLOCK_NEVER);
	assert_int_equal(lookup("::1"), OK);
	assert_true(got.count == 1 && has("[::1]:1935"));
}

static void the_hosts_file_is_honoured(void **state)
{
	(void)state;
	assert_int_equal(lookup("localhost"), OK);
	assert_true(has("127.0.0.1:1935") || has("[::1]:1935"));
	assert_true(got.expires_ms > clock_ms() + 30000);
}

static void both_kinds_of_addresses_are_asked_for_and_kept(void **state)
{
	(void)state;
	assert_int_equal(lookup("a.test"), OK);
	assert_int_equal(got.count, 2);
	assert_true(has("10.0.0.1:1935") && has("[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:1]:1935"));
	assert_in_range(got.expires_ms, clock_ms() + 55000, clock_ms() + 60000);
	assert_int_equal(dns_lookup(&got, "A.Test", 80, clock_ms()), OK);
	assert_true(has("10.0.0.1:80"));
	assert_int_equal(server.asked_a, 1);
}

static void a_name_may_stand_for_many_servers(void **state)
{
	(void)state;
	assert_int_equal(lookup("many.test"), OK);
	assert_int_equal(got.count, MANY_V4 + MANY_V6);
}

struct asking {
	err e;
	int64_t deadline;
};

static void asks(void *arg)
{
	static struct dns_answer unused;
	struct asking *asking = arg;
	asking->e = dns_lookup(&unused, "a.test", 1, asking->deadline);
}

static void many_askers_share_one_question(void **state)
{
	(void)state;
	struct asking asking[20];
	struct co *children[20];
	for (int i = 0; i < 20; i++) {
		asking[i] = (struct asking){.deadline = clock_ms() + 5000};
		children[i] = co_start("asks", asks, &asking[i]);
	}
	for (int i = 0; i < 20; i++) {
		co_join(&children[i]);
		assert_int_equal(asking[i].e, OK);
	}
	assert_int_equal(server.asked_a, 1);
}

static void an_answer_ends_with_its_lifetime(void **state)
{
	(void)state;
	server.ttl = 0; /* taken as one second */
	int64_t before = clock_ms();
	assert_int_equal(lookup("a.test"), OK);
	assert_in_range(got.expires_ms, before + 1000, clock_ms() + 1000);
	server.last_byte = 7;
	until_it_expires();
	assert_int_equal(lookup("a.test"), OK);
	assert_true(has("10.0.0.7:1935"));
	assert_int_equal(server.asked_a, 2);
}

static void an_old_answer_is_better_than_none(void **state)
{
	(void)state;
	server.ttl = 1;
	assert_int_equal(lookup("a.test"), OK);
	server.silent = true;
	until_it_expires();
	int64_t start = clock_ms();
	assert_int_equal(lookup("a.test"), OK);
	assert_true(has("10.0.0.1:1935"));
	assert_true(got.expires_ms > start);
	/* The next ones do not wait again, while the question is still open. */
	int64_t least = CLOCK_NEVER;
	for (int i = 0; i < 5; i++) {
		start = clock_ms();
		assert_int_equal(lookup("a.test"), OK);
		least = clock_ms() - start < least ? clock_ms() - start : least;
	}
	assert_true(least < 400);
}

static void a_silent_server_costs_each_asker_no_more_than_its_deadline(void **state)
{
	(void)state;
	server.silent = true;
	struct asking first = {.deadline = clock_ms() + 30},
		      second = {.e = ERR_AGAIN, .deadline = clock_ms() + 10000};
	struct co *a = co_start("asks", asks, &first), *b = co_start("asks", asks, &second);
	co_join(&a);
	assert_int_equal(first.e, ERR_NAME);
	assert_true(clock_ms() >= first.deadline);
	assert_int_equal(second.e, ERR_AGAIN);
	server.silent = false; /* the second try of the same question is answered */
	co_join(&b);
	assert_int_equal(second.e, OK);
}

static void a_stop_ends_the_wait(void **state)
{
	(void)state;
	server.silent = true;
	struct asking asking = {.deadline = CLOCK_NEVER};
	struct co *child = co_start("asks", asks, &asking);
	assert_int_equal(co_sleep(5), OK);
	co_stop(child);
	co_join(&child);
	assert_int_equal(asking.e, ERR_STOPPED);
}

static void the_end_of_the_module_ends_all_waits(void **state)
{
	(void)state;
	server.silent = true;
	struct asking asking = {.deadline = CLOCK_NEVER};
	struct co *child = co_start("asks", asks, &asking);
	assert_int_equal(co_sleep(5), OK);
	dns_fini();
	co_join(&child);
	assert_int_equal(asking.e, ERR_NAME);
}

static void a_name_that_does_not_exist_is_an_error_with_words(void **state)
{
	(void)state;
	assert_int_equal(lookup("nobody.test"), ERR_NAME);
	assert_non_null(strstr(err_trail(ERR_NAME), "resolve nobody.test: "));
	assert_int_equal(lookup("nobody.test"), ERR_NAME); /* from the cache */
	assert_int_equal(lookup(""), ERR_NAME);
	assert_int_equal(dns_lookup_srv(&got_srv, "nobody.test", clock_ms() + 5000), ERR_NAME);
}

static void srv_records_come_with_their_lifetime(void **state)
{
	(void)state;
	server.ttl = 30;
	assert_int_equal(dns_lookup_srv(&got_srv, "_rtmp._tcp.test", clock_ms() + 5000), OK);
	assert_int_equal(got_srv.count, 2); /* "." is no target */
	assert_string_equal(got_srv.targets[0].host, "b.test");
	assert_int_equal(got_srv.targets[0].priority, 10);
	assert_int_equal(got_srv.targets[0].weight, 5);
	assert_int_equal(got_srv.targets[0].port, 1935);
	assert_string_equal(got_srv.targets[1].host, "c.test");
	assert_int_equal(got_srv.targets[1].port, 19350);
	assert_in_range(got_srv.expires_ms, clock_ms() + 25000, clock_ms() + 30000);
	assert_int_equal(dns_lookup_srv(&got_srv, "_rtmp._tcp.test", clock_ms()), OK);
	assert_int_equal(server.asked_srv, 1);
}

/* Either record may be pointed elsewhere when its time has come. */
static void an_alias_lives_no_longer_than_its_own_record(void **state)
{
	static const uint32_t ttls[][2] = {{3600, 30}, {30, 3600}};
	(void)state;
	for (int i = 0; i < 2; i++) {
		server.ttl = ttls[i][0];
		server.alias_ttl = ttls[i][1];
		assert_int_equal(lookup("alias.test"), OK);
		assert_true(has("10.0.0.1:1935"));
		assert_in_range(got.expires_ms, clock_ms() + 25000, clock_ms() + 30000);
		assert_int_equal(dns_lookup_srv(&got_srv, "_alias._tcp.test", clock_ms() + 5000),
				 OK);
		assert_string_equal(got_srv.targets[0].host, "b.test");
		assert_in_range(got_srv.expires_ms, clock_ms() + 25000, clock_ms() + 30000);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void a_broken_answer_is_no_answer(void **state)
{
	(void)state;
	server.broken = true;
	assert_int_equal(dns_lookup_srv(&got_srv, "_rtmp._tcp.test", clock_ms() + 5000), ERR_NAME);
}

static void a_resolver_must_be_an_address(void **state)
{
	(void)state;
	assert_int_equal(co_init(), OK);
	assert_int_equal(dns_init("resolver.test:53"), ERR_CONFIG);
	assert_non_null(strstr(err_trail(ERR_CONFIG), "not an IP address"));
	assert_int_equal(dns_init("127.0.0.1:x"), ERR_CONFIG);
	assert_int_equal(dns_init("[::1]:5353"), OK);
	dns_fini();
	assert_int_equal(dns_init(NULL), OK);
	dns_fini();
	co_fini();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_literal_is_its_own_answer),
		T(the_hosts_file_is_honoured),
		T(both_kinds_of_addresses_are_asked_for_and_kept),
		T(a_name_may_stand_for_many_servers),
		T(many_askers_share_one_question),
		T(an_answer_ends_with_its_lifetime),
		T(an_old_answer_is_better_than_none),
		T(a_silent_server_costs_each_asker_no_more_than_its_deadline),
		T(a_stop_ends_the_wait),
		T(the_end_of_the_module_ends_all_waits),
		T(a_name_that_does_not_exist_is_an_error_with_words),
		T(srv_records_come_with_their_lifetime),
		T(an_alias_lives_no_longer_than_its_own_record),
		T(a_broken_answer_is_no_answer),
		cmocka_unit_test(a_resolver_must_be_an_address),
	};
	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
