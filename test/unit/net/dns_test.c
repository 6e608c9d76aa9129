/* Against a scripted DNS server: a coroutine with a UDP socket on loopback. */
#include "unit/net/dns_rig.h"

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
	int64_t again = clock_ms(), took;
	do { /* the old one is the answer while the server takes long */
		assert_int_equal(lookup("a.test"), OK);
		took = clock_ms() - again;
		assert_true(took < 8000);
	} while (!has("10.0.0.7:1935"));
	assert_in_range(server.asked_a, 2, 2 + took / 1000);
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
