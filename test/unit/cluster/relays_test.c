/* Which pull or push of a source is shown. */
#include "cluster/cluster.h"
#include "cluster/inside.h"
#include "cluster/pull.h"
#include "cluster/push.h"
#include "cluster/relays.h"

#include "support/co_unit.h"
#include "support/unit.h"

static struct server server;
static struct conf conf = {.refs = 1};
static struct conf_vhost vhost;
static struct source *source;

static int set_up(void **state)
{
	static char name[] = "v";
	vhost.name = name;
	server = (struct server){.conf = &conf};
	registry_init(&server.registry);
	server.cluster = cluster_new(&server);
	source = source_new("v/live/s", "v", "live", "s", &(struct source_opts){0});
	return co_setup(state);
}

static int tear_down(void **state)
{
	source_unref(&source);
	cluster_free(&server.cluster);
	registry_fini(&server.registry);
	return co_teardown(state);
}

static struct push *push(void)
{
	static char stream[] = "s", param[] = "";
	static const struct target target = {.stream = stream, .param = param};
	return push_start(server.cluster, source, &vhost, &target, "", "", "", co_self());
}

static void a_source_may_have_neither(void **state)
{
	(void)state;
	assert_null(relays_facts(server.cluster, source));
}

/* The pull rests meanwhile. */
static void a_push_is_shown_before_a_pull(void **state)
{
	struct pull pull = {.facts.kind = "pull"};
	(void)state;
	map_set(server.cluster->pulls, source->key, &pull);
	assert_ptr_equal(relays_facts(server.cluster, source), &pull.facts);
	struct push *p = push();
	assert_string_equal(relays_facts(server.cluster, source)->kind, "push");
	push_stop(&p);
	assert_ptr_equal(relays_facts(server.cluster, source), &pull.facts);
}

static void of_two_pushes_the_later_is_shown(void **state)
{
	struct push *first = push(), *second = push();
	(void)state;
	assert_ptr_equal(relays_facts(server.cluster, source), push_facts(second));
	push_stop(&first);
	assert_ptr_equal(relays_facts(server.cluster, source), push_facts(second));
	push_stop(&second);
	assert_null(relays_facts(server.cluster, source));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_may_have_neither),
		TEST(a_push_is_shown_before_a_pull),
		TEST(of_two_pushes_the_later_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
