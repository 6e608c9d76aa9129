/* Reaching an origin: what a failure says of it. */
#include "cluster/cluster.h"
#include "cluster/inside.h"
#include "cluster/upstream_connect.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server server;
static char none[] = "";
static struct conf_vhost vhost = {.name = none, .cluster = {.tls_name = none, .vhost = none}};

static int set_up(void **state)
{
	server = (struct server){};
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	return co_setup(state);
}

static int tear_down(void **state)
{
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
	return co_teardown(state);
}

/* Nobody listens at any of these. */
static err reach(struct peer *list[static 2])
{
	struct target target = {0};
	struct upstream_request request = {
		.protocol = &link_rtmp, .server = &server, .vhost = &vhost, .target = &target};
	struct link *link = NULL;
	struct link_refusal said = {0};
	list[0] = peer_get(server.cluster->peers, "127.0.0.1:1");
	list[1] = peer_get(server.cluster->peers, "127.0.0.2:1");
	err e = upstream_connect(&link, &(struct upstreams){.count = 2, .v = list}, &request,
				 clock_after(5000), &said);
	assert_int_equal(said.why, OK);
	return e;
}

static void who_refuses_connections_has_failed(void **state)
{
	struct peer *list[2];
	(void)state;
	assert_int_equal(reach(list), ERR_UPSTREAM);
	for (int i = 0; i < 2; i++)
		assert_int_equal(list[i]->failures, 1);
}

static void without_descriptors_no_origin_has_failed(void **state)
{
	struct peer *list[2];
	struct rlimit was, zero;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	zero = was;
	zero.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &zero), 0);
	err e = reach(list);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(e, ERR_SYSTEM);
	assert_non_null(strstr(err_trail(e), "127.0.0.2:1"));
	for (int i = 0; i < 2; i++)
		assert_int_equal(list[i]->failures_total, 0);
}

struct wanting {
	const char *name;
	err e;
};

static void want(void *arg)
{
	struct wanting *w = arg;
	struct target target = {
		.host = none, .vhost = none, .app = none, .stream = none, .param = none};
	struct upstream_request request = {.protocol = &link_rtmp,
					   .server = &server,
					   .vhost = &vhost,
					   .target = &target,
					   .page_url = "",
					   .swf_url = "",
					   .path = "",
					   .via = ""};
	struct link *link = NULL;
	struct link_refusal said = {0};
	struct peer *one = peer_get(server.cluster->peers, w->name);
	w->e = upstream_connect(&link, &(struct upstreams){.count = 1, .v = &one}, &request,
				clock_after(60000), &said);
}

/* Who wanted the stream has left before the origin could answer: that says nothing of it. */
static void who_was_not_waited_for_has_not_failed(void **state)
{
	char name[32];
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(at);
	(void)state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	snprintf(name, sizeof(name), "127.0.0.1:%d", ntohs(at.sin_port));
	struct wanting wanting = {.name = name};
	struct co *co = co_start("wants", want, &wanting);
	assert_int_equal(co_sleep(50), OK);
	co_stop(co);
	co_join(&co);
	assert_int_equal(wanting.e, ERR_STOPPED);
	assert_int_equal(peer_get(server.cluster->peers, name)->failures_total, 0);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_refuses_connections_has_failed),
		TEST(without_descriptors_no_origin_has_failed),
		TEST(who_was_not_waited_for_has_not_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
