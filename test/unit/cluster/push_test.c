/* The life of a push over links that the test plays. */
#include "cluster/push.h"
#include "cluster/relays.h"
#include "unit/cluster/fake_link.h"

static struct server *server;
static struct test_stream publisher;
static struct push *push;

static int tear_down(void **state)
{
	push_stop(&push);
	test_stream_end(&publisher);
	test_server_free(&server);
	return co_teardown(state);
}

static void begin(const char *more)
{
	server = fake_edge(more);
	test_stream_begin(&publisher, server, fake_target.stream);
	push = push_start(server->cluster, publisher.source, &server->conf->vhosts[0], &fake_target,
			  "", "", "", co_self());
}

static void accept_it(void)
{
	assert_true(eventually(push_state(push) == PUSH_ACCEPTED));
	push_begin(push);
}

static struct fake_origin *used(void)
{
	for (int i = 0; i < ORIGINS; i++)
		if (origins[i].link && origins[i].publishes)
			return &origins[i];
	return NULL;
}

static void publish(void)
{
	struct msg *m = key_frame(100);
	(void)source_publish(publisher.source, &publisher.feeder, &m, (uint32_t)clock_ms());
	source_caught_up(publisher.source, &publisher.feeder, true);
}

static void what_is_published_here_goes_to_the_origin(void **state)
{
	(void)state;
	begin("");
	accept_it();
	publish();
	assert_true(eventually(origins[0].sent > 100));
	assert_string_equal(relays_facts(server->cluster, publisher.source)->kind, "push");
	push_stop(&push);
	assert_int_equal(origins[0].finishes, 1);
	assert_int_equal(origins[0].frees, 1);
}

static void the_first_origin_s_no_is_the_encoder_s(void **state)
{
	(void)state;
	origins[0].refuses = ERR_DENIED;
	begin("");
	assert_true(eventually(push_state(push) == PUSH_REFUSED));
	assert_true(push_is_over(push));
	assert_string_equal(push_refusal(push)->description, "it does not want it");
}

static void a_lost_origin_is_followed_by_the_next(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	begin("");
	accept_it();
	struct fake_origin *first = used();
	size_t before = first->sent;
	assert_true(before == 0 || first->sent >= before);
	first->down = true;
	origin_close(first);
	assert_true(eventually(used() && used() != first));
	assert_true(eventually(relays_facts(server->cluster, publisher.source)->switches == 1));
	publish();
	assert_true(eventually(used()->sent > 0));
	assert_int_equal(push_state(push), PUSH_ACCEPTED);
}

static const struct {
	const char *word;
	enum push_state state;
} ends[] = {{"x", PUSH_ENDED}, {"b", PUSH_SUPERSEDED}};

static void an_end_on_purpose_is_no_loss(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		origins[0].publishes = origins[1].publishes = 0;
		begin("");
		accept_it();
		origin_say(used(), ends[i].word);
		assert_true(eventually(push_is_over(push)));
		assert_int_equal(push_state(push), ends[i].state);
		assert_true(*push_refusal(push)->description != '\0');
		assert_int_equal(origins[0].publishes + origins[1].publishes, 1);
		push_stop(&push);
		test_stream_end(&publisher);
		test_server_free(&server);
	}
}

static void without_an_origin_it_fails_after_a_while(void **state)
{
	(void)state;
	origins[0].down = true;
	begin("upstream_start_timeout 0.2;");
	assert_true(eventually(push_state(push) == PUSH_FAILED));
	assert_non_null(strstr(push_refusal(push)->description, "no origin could be had"));
	assert_true(relays_facts(server->cluster, publisher.source)->loss.rounds > 0);
}

static void a_frozen_origin_is_lost(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	begin("");
	accept_it();
	struct fake_origin *first = used();
	first->frozen = true;
	publish();
	assert_true(eventually(used() && used() != first));
	assert_non_null(strstr(relays_facts(server->cluster, publisher.source)->reason, "ping"));
}

/* Nobody can know what it has passed on since its last pong. */
static void the_next_origin_gets_what_a_frozen_one_may_have_kept(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	begin("");
	accept_it();
	struct fake_origin *first = used();
	publish();
	assert_true(eventually(first->sent > 100));
	first->frozen = true;
	for (int i = 0; i < 3; i++) { /* each of them one could begin at */
		(void)co_sleep(300);
		publish();
	}
	assert_true(eventually(used() && used() != first));
	assert_true(eventually(used()->sent > 300));
}

static void a_redirect_is_followed(void **state)
{
	(void)state;
	begin("");
	origins[1].name = "127.0.0.1:13";
	accept_it();
	origins[0].moved = origins[1].name;
	origin_say(&origins[0], "r");
	assert_true(eventually(origins[1].publishes == 1));
	assert_int_equal(push_state(push), PUSH_ACCEPTED);
}

static void an_origin_that_asks_to_be_left_has_the_stream_until_another_one_takes_it(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	begin("");
	accept_it();
	struct fake_origin *first = used(), *second = first == origins ? origins + 1 : origins;
	first->refuses = second->refuses = ERR_DENIED; /* as a server that is being drained does */
	origin_say(first, "m");
	assert_true(eventually(second->publishes > 0));
	size_t before = first->sent;
	publish();
	assert_true(eventually(first->sent > before));
	second->refuses = OK;
	assert_true(eventually(first->finishes == 1));
	publish();
	assert_true(eventually(second->sent > 0));
	assert_int_equal(push_state(push), PUSH_ACCEPTED);
	assert_int_equal(relays_facts(server->cluster, publisher.source)->switches, 1);
	assert_true(eventually(first->opens == first->frees));
	/* And back, since one may be asked so more than once. */
	first->refuses = OK;
	second->moved = first->name;
	origin_say(second, "m");
	assert_true(eventually(second->finishes == 1));
	publish();
	push_stop(&push);
	assert_int_equal(first->finishes, 2);
}

static void an_origin_that_is_lost_while_it_is_left(void **state)
{
	(void)state;
	origins[1].name = "127.0.0.1:12";
	begin("");
	accept_it();
	struct fake_origin *first = used(), *second = first == origins ? origins + 1 : origins;
	second->down = true;
	origin_say(first, "m");
	(void)co_sleep(20);
	second->down = false;
	first->down = true;
	origin_close(first);
	assert_true(eventually(second->publishes > 0 && second->link));
	publish();
	assert_true(eventually(second->sent > 0));
}

static void the_next_waits_for_the_one_that_leaves(void **state)
{
	(void)state;
	begin("");
	accept_it();
	push_leave(push);
	struct push *next = push_start(server->cluster, publisher.source, &server->conf->vhosts[0],
				       &fake_target, "", "", "", co_self());
	(void)co_sleep(50);
	assert_int_equal(push_state(next), PUSH_TRYING);
	push_stop(&push);
	assert_true(eventually(push_state(next) == PUSH_ACCEPTED));
	push_stop(&next);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_link_setup, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_published_here_goes_to_the_origin),
		TEST(the_first_origin_s_no_is_the_encoder_s),
		TEST(a_lost_origin_is_followed_by_the_next),
		TEST(an_end_on_purpose_is_no_loss),
		TEST(without_an_origin_it_fails_after_a_while),
		TEST(a_frozen_origin_is_lost),
		TEST(the_next_origin_gets_what_a_frozen_one_may_have_kept),
		TEST(a_redirect_is_followed),
		TEST(an_origin_that_asks_to_be_left_has_the_stream_until_another_one_takes_it),
		TEST(an_origin_that_is_lost_while_it_is_left),
		TEST(the_next_waits_for_the_one_that_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
