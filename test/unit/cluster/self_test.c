/* Which members are this server itself. */
#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/self.h"
#include "support/unit.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char api[] = "1985", everywhere[] = "1935", at_home[] = "127.0.0.1:1936",
	    at_home_v6[] = "[::]:1937";
static char *listeners[] = {everywhere, at_home, at_home_v6};
static struct conf conf = {
	.listen = {.count = 3, .v = listeners},
	.http_api = {.enabled = true, .listen = api},
};
static struct server server = {.conf = &conf};

static const struct {
	enum member_kind kind;
	const char *name;
	bool is_self;
} members[] = {
	/* everywhere on this host, if this host has the address */
	{MEMBER_API, "127.0.0.1:1985", true},
	{MEMBER_API, "localhost:1985", true},
	{MEMBER_API, "127.0.0.9:1985", true},
	{MEMBER_API, "192.0.2.1:1985", false},
	{MEMBER_API, "127.0.0.1:1986", false},
	/* each kind has its own listeners */
	{MEMBER_API, "127.0.0.1:1935", false},
	{MEMBER_RTMP, "127.0.0.1:1935", true},
	{MEMBER_RTMP, "127.0.0.1:1985", false},
	/* at one address */
	{MEMBER_RTMP, "127.0.0.1:1936", true},
	{MEMBER_RTMP, "127.0.0.9:1936", false},
	{MEMBER_RTMP, "127.0.0.1:1937", true},
	/* what a name stands for is not asked here */
	{MEMBER_API, "o.test:1985", false},
	{MEMBER_API, "", false},
};

static void where_we_listen_we_are(void **state)
{
	(void)state;
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (self_is(server.cluster, members[i].kind, members[i].name) != members[i].is_self)
			fail_msg("%s", members[i].name);
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
}

static void without_an_api_we_are_nobodys_coworker(void **state)
{
	(void)state;
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	conf.http_api.enabled = false;
	assert_false(self_is(server.cluster, MEMBER_API, "127.0.0.1:1985"));
	conf.http_api.enabled = true;
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
}

static void who_has_met_itself_remembers_the_name(void **state)
{
	(void)state;
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	assert_false(self_is(server.cluster, MEMBER_API, "o.test:1985"));
	own_address_add(server.cluster, "o.test:1985");
	own_address_add(server.cluster, "o.test:1985");
	assert_true(self_is(server.cluster, MEMBER_API, "o.test:1985"));
	assert_false(self_is(server.cluster, MEMBER_API, "o.test:1986"));
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
}

/* In a network of its own, which has nothing but loopback and 10.9.9.8, and where a socket can be bound
 * to any address. */
static bool enter_network(void)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	struct ifreq alias = {.ifr_name = "lo:1"};
	struct addr addr;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	addr_literal(&addr, "10.9.9.8", 0);
	memcpy(&alias.ifr_addr, &addr.sa, sizeof(alias.ifr_addr));
	bool ready = ioctl(fd, SIOCSIFFLAGS, &up) == 0 && ioctl(fd, SIOCSIFADDR, &alias) == 0;
	close(fd);
	FILE *setting = fopen("/proc/sys/net/ipv4/ip_nonlocal_bind", "w");
	ready = ready && setting && fputs("1", setting) >= 0;
	return setting && fclose(setting) == 0 && ready;
}

enum { NO_NETWORK = 77 };

static int who_is_self_there(void)
{
	if (!enter_network())
		return NO_NETWORK;
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	bool good = self_is(server.cluster, MEMBER_API, "10.9.9.8:1985") &&
		    self_is(server.cluster, MEMBER_API, "127.0.0.9:1985") &&
		    !self_is(server.cluster, MEMBER_API, "10.9.9.9:1985") &&
		    !self_is(server.cluster, MEMBER_API, "192.0.2.1:1985");
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
	return good ? 0 : 1;
}

static void an_address_that_could_be_bound_need_not_be_ours(void **state)
{
	int status = 0;
	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(who_is_self_there());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NETWORK)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_we_listen_we_are),
		cmocka_unit_test(an_address_that_could_be_bound_need_not_be_ours),
		cmocka_unit_test(without_an_api_we_are_nobodys_coworker),
		cmocka_unit_test(who_has_met_itself_remembers_the_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
