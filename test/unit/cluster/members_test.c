/* What is known of the members' health, and what is told of it. */
#include "cluster/cluster.h"
#include "cluster/inside.h"
#include "cluster/members.h"
#include "cluster/peer.h"

#include "unit/http/peer.h"

static char one[] = "10.0.0.7:1985", two[] = "10.0.0.8:1985", vhost_name[] = "v";
static char *texts[] = {one, two};
static struct conf_vhost vhost = {
	.name = vhost_name,
	.cluster = {.coworkers = {.count = 1, .v = texts}},
};
static char listen_at[] = "1985";
static struct conf conf = {.vhost_count = 1, .vhosts = &vhost, .http_api.listen = listen_at};
static struct server server = {.conf = &conf};

static int set_up(void **state)
{
	if (co_setup(state) != 0)
		return -1;
	vhost.cluster.coworkers.count = 1;
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	members_follow(server.cluster);
	return 0;
}

static int tear_down(void **state)
{
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
	return co_teardown(state);
}

static const struct peer *health_of(int i)
{
	struct member_list members = {0};
	members_list(server.cluster, MEMBER_API, &vhost.cluster.coworkers, &members, CLOCK_NEVER);
	assert_int_equal(members.count, vhost.cluster.coworkers.count);
	const struct peer *peer = peer_get(server.cluster->peers, members.v[i].name);
	member_list_fini(&members);
	return peer;
}

static void what_we_lack_is_no_failure_of_the_member(void **state)
{
	static const struct {
		err e;
		bool is_its_own;
	} cases[] = {
		{ERR_TIMEOUT, true}, {ERR_CONNECT, true}, {ERR_PROTOCOL, true}, {ERR_NAME, true},
		{ERR_CLOSED, true},  {ERR_SYSTEM, false}, {ERR_FULL, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = health_of(0)->failures_total;
		members_answered(server.cluster, one);
		members_failed(server.cluster, one, cases[i].e, "why");
		assert_int_equal(health_of(0)->failures_total, before + cases[i].is_its_own);
		assert_int_equal(health_of(0)->failures == 0, !cases[i].is_its_own);
	}
}

static int woken;

static void hear(void *arg)
{
	struct members_hearer subscriber = {0};
	(void)arg;
	members_subscribe(server.cluster, &subscriber);
	while (co_wait(CLOCK_NEVER) == OK)
		woken++;
	members_unhear(server.cluster, &subscriber);
}

static void expect_news(uint64_t joined, uint64_t returned, int times)
{
	assert_int_equal(co_sleep(1), OK);
	assert_int_equal(members_news(server.cluster).joined, joined);
	assert_int_equal(members_news(server.cluster).returned, returned);
	assert_int_equal(woken, times);
}

static void who_joins_or_answers_again_is_news(void **state)
{
	(void)state;
	woken = 0;
	struct co *co = co_start("subscriber", hear, NULL);
	expect_news(1, 0, 0);
	members_answered(server.cluster, one);
	members_failed(server.cluster, one, ERR_TIMEOUT, "why");
	members_failed(server.cluster, one, ERR_TIMEOUT, "why");
	expect_news(1, 0, 0);
	members_answered(server.cluster, one);
	expect_news(1, 1, 1);
	members_answered(server.cluster, one);
	expect_news(1, 1, 1);
	vhost.cluster.coworkers.count = 2;
	members_follow(server.cluster);
	expect_news(2, 1, 2);
	vhost.cluster.coworkers.count = 1;
	members_follow(server.cluster); /* who goes is none */
	expect_news(2, 1, 2);
	co_stop(co);
	co_join(&co);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_we_lack_is_no_failure_of_the_member),
		TEST(who_joins_or_answers_again_is_news),
	};
	return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
