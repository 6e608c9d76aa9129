/* The life of a pull over links that the test plays. */
#include "cluster/pull.h"
#include "cluster/pulls.h"
#include "cluster/relays.h"
#include "unit/cluster/fake_link.h"

static struct server *server;
static struct source *source;

static int tear_down(void **state)
{
	source_unref(&source);
	test_server_free(&server);
	return co_teardown(state);
}

static void begin(const char *more)
{
	server = fake_edge(more);
	source = server_source(server, &server->conf->vhosts[0], fake_target.app,
			       fake_target.stream);
}

static struct viewer viewer_of(const char *path)
{
	return (struct viewer){.conf = server->conf,
			       .target = &fake_target,
			       .page_url = "",
			       .swf_url = "",
			       .path = path,
			       .via = path,
			       .co = co_self()};
}

static void attach(struct viewer *v)
{
	*v = viewer_of("");
	pulls_attach(server->cluster, source, &server->conf->vhosts[0], PULL_FROM_ORIGINS, v);
}

/* A viewer of a stream that either of two origins would send. */
static void begin_with_two(struct viewer *v)
{
	origins[1].name = "127.0.0.1:12";
	origins[0].first = origins[1].first = "kpp";
	begin("");
	attach(v);
	assert_true(eventually(viewer_state(v) == PULL_LIVE));
}

/* The origin in use. */
static struct fake_origin *used(void)
{
	for (int i = 0; i < ORIGINS; i++)
		if (origins[i].link)
			return &origins[i];
	return NULL;
}

static void media_of_an_origin_comes_into_the_source(void **state)
{
	struct viewer v;
	(void)state;
	begin("");
	origins[0].first = "kpp";
	attach(&v);
	assert_int_equal(viewer_state(&v), PULL_TRYING);
	assert_true(eventually(viewer_state(&v) == PULL_LIVE));
	assert_true(source_is_live(source));
	assert_int_equal(source->video_frames, 3);
	assert_string_equal(relays_facts(server->cluster, source)->peer, "127.0.0.1:11");
	origin_say(&origins[0], "ppp");
	assert_true(eventually(source->video_frames == 6));
	pulls_detach(&v);
}

static void others_join_the_same_pull(void **state)
{
	struct viewer a, b;
	(void)state;
	begin("");
	origins[0].first = "kp";
	attach(&a);
	attach(&b);
	assert_ptr_equal(a.pull, b.pull);
	assert_true(eventually(viewer_state(&b) == PULL_LIVE));
	assert_int_equal(origins[0].plays, 1);
	pulls_detach(&a);
	pulls_detach(&b);
}

static const struct {
	const char *word;
	enum pull_state state;
	const char *why;
} refusals[] = {
	{"n", PULL_NOWHERE, "no origin has the stream"},
	{"d", PULL_FAILED, "not for you"},
};

static void a_stream_that_no_origin_gives_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct viewer v;
		begin("");
		origins[0].first = refusals[i].word;
		attach(&v);
		assert_true(eventually(viewer_is_over(&v)));
		assert_int_equal(viewer_state(&v), refusals[i].state);
		assert_non_null(strstr(viewer_why(&v), refusals[i].why));
		assert_false(pulls_has(server->cluster, source));
		pulls_detach(&v);
		source_unref(&source);
		test_server_free(&server);
	}
}

/* Two origins: how many of them are asked. */
static void an_origin_that_speaks_for_all_is_the_only_one_asked(void **state)
{
	static const struct {
		int absent_at, plays;
	} cases[] = {{0, 2}, {1, 2}, {2, 1}, {3, 1}};
	(void)state;
	origins[1].name = "127.0.0.1:12";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viewer v;
		origins[0].first = origins[1].first = "n";
		origins[0].absent_at = origins[1].absent_at = cases[i].absent_at;
		origins[0].plays = origins[1].plays = 0;
		begin("");
		attach(&v);
		assert_true(eventually(viewer_is_over(&v)));
		assert_int_equal(viewer_state(&v), PULL_NOWHERE);
		assert_int_equal(origins[0].plays + origins[1].plays, cases[i].plays);
		pulls_detach(&v);
		source_unref(&source);
		test_server_free(&server);
	}
}

static void a_lost_origin_is_followed_by_the_next(void **state)
{
	struct viewer v;
	(void)state;
	begin_with_two(&v);
	struct fake_origin *first = used();
	origin_close(first);
	assert_true(eventually(used() && used() != first && used()->plays == 1));
	assert_true(eventually(relays_facts(server->cluster, source)->switches == 1));
	assert_int_equal(viewer_state(&v), PULL_LIVE);
	assert_int_equal(server->stat.switches, 1);
	pulls_detach(&v);
}

static void an_end_on_purpose_is_no_loss(void **state)
{
	struct viewer v;
	(void)state;
	begin_with_two(&v);
	origin_say(used(), "x");
	assert_true(eventually(viewer_is_over(&v)));
	assert_non_null(strstr(viewer_why(&v), "the operator has had enough"));
	assert_int_equal(origins[0].plays + origins[1].plays, 1);
	pulls_detach(&v);
}

static void a_loss_has_an_end(void **state)
{
	struct viewer v;
	(void)state;
	origins[0].first = "kpp";
	begin("upstream_timeout 0.3;");
	attach(&v);
	assert_true(eventually(viewer_state(&v) == PULL_LIVE));
	origins[0].down = true;
	origin_close(&origins[0]);
	assert_true(eventually(relays_facts(server->cluster, source)->loss.rounds > 1));
	assert_true(eventually(viewer_is_over(&v)));
	assert_non_null(strstr(viewer_why(&v), "no origin could be had"));
	pulls_detach(&v);
}

static void a_loss_that_ends_in_time_is_forgotten(void **state)
{
	struct viewer v;
	(void)state;
	origins[0].first = "kpp";
	begin("");
	attach(&v);
	assert_true(eventually(viewer_state(&v) == PULL_LIVE));
	origins[0].down = true;
	origin_close(&origins[0]);
	assert_true(eventually(relays_facts(server->cluster, source)->loss.rounds > 0));
	origins[0].down = false;
	assert_true(eventually(origins[0].plays == 2));
	assert_true(eventually(relays_facts(server->cluster, source)->loss.since_ms == 0));
	pulls_detach(&v);
}

static void an_origin_says_since_when_it_has_no_media(void **state)
{
	struct viewer v;
	(void)state;
	begin("upstream_timeout 30;");
	origins[0].lost_ms = clock_ms() - 29500;
	attach(&v);
	assert_true(eventually(origins[0].plays == 1));
	assert_true(eventually(relays_facts(server->cluster, source)->loss.since_ms <=
			       clock_ms() - 29500));
	struct stream_report report = relays_report(server->cluster, source);
	assert_true(report.lost_ms <= clock_ms() - 29500);
	pulls_detach(&v);
}

static void what_came_to_nothing_ends_with_its_viewer(void **state)
{
	struct viewer v;
	(void)state;
	begin("linger 60;");
	attach(&v);
	assert_true(eventually(origins[0].plays == 1));
	pulls_detach(&v);
	assert_false(pulls_has(server->cluster, source));
	assert_true(eventually(origins[0].frees == 1));
	assert_int_equal(server->cluster->unproven_pulls.count, 0);
	attach(&v); /* begins anew */
	assert_true(eventually(origins[0].plays == 2));
	pulls_detach(&v);
}

static void what_had_media_lingers(void **state)
{
	struct viewer v;
	(void)state;
	begin("linger 0.2;");
	origins[0].first = "kpp";
	attach(&v);
	assert_true(eventually(viewer_state(&v) == PULL_LIVE));
	pulls_detach(&v);
	assert_true(pulls_has(server->cluster, source));
	assert_true(eventually(!pulls_has(server->cluster, source)));
	assert_int_equal(origins[0].frees, 1);
}

static void a_redirect_is_followed(void **state)
{
	struct viewer v;
	(void)state;
	begin("");
	origins[1].name = "127.0.0.1:13"; /* no origin of the configuration */
	origins[1].first = "kpp";
	origins[0].first = "r";
	origins[0].moved = origins[1].name;
	attach(&v);
	assert_true(eventually(viewer_state(&v) == PULL_LIVE));
	assert_string_equal(relays_facts(server->cluster, source)->peer, "127.0.0.1:13");
	pulls_detach(&v);
}

static void a_redirect_to_itself_leads_nowhere(void **state)
{
	struct viewer v;
	(void)state;
	begin("");
	origins[0].first = "r";
	origins[0].moved = origins[0].name;
	attach(&v);
	assert_true(eventually(viewer_is_over(&v)));
	assert_non_null(strstr(viewer_why(&v), "redirects in vain"));
	pulls_detach(&v);
}

static void a_pull_rests_while_the_stream_is_published_here(void **state)
{
	struct test_stream here;
	struct viewer v;
	(void)state;
	begin("");
	test_stream_begin(&here, server, fake_target.stream);
	attach(&v);
	assert_int_equal(viewer_state(&v), PULL_LIVE);
	(void)co_sleep(50);
	assert_int_equal(origins[0].opens, 0);
	source_leave(here.source, &here.feeder, 5000);
	assert_true(eventually(origins[0].plays == 1));
	pulls_detach(&v);
	test_stream_end(&here);
}

static void a_silent_origin_without_a_sign_of_life_is_lost(void **state)
{
	struct viewer v;
	(void)state;
	begin_with_two(&v);
	struct fake_origin *first = used();
	assert_true(eventually(used() && used() != first));
	assert_non_null(strstr(relays_facts(server->cluster, source)->reason, "ping"));
	pulls_detach(&v);
}

/* The first run is "a-1"; then the same server says another one, another server one of its own. */
static void runs_of_one_server_are_told_apart(void **state)
{
	static const struct {
		const char *first, *then;
		bool is_new;
	} cases[] = {{"a-1", "a-2", true}, {"a-1", "a-1", false}, {"a-1", "b-2", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viewer v;
		origins[0].first = "kpppppppp";
		origins[0].run = cases[i].first;
		origins[0].plays = 0;
		begin("");
		attach(&v);
		assert_true(eventually(viewer_state(&v) == PULL_LIVE));
		origins[0].run = cases[i].then;
		origin_say(&origins[0], "u");
		assert_true(eventually(origins[0].plays == 2));
		assert_true(eventually(source->video_frames > 9 || !cases[i].is_new));
		assert_string_equal(v.pull->run.id, cases[i].then);
		pulls_detach(&v);
		source_unref(&source);
		test_server_free(&server);
	}
}

static void another_who_waits_makes_it_ask_again(void **state)
{
	struct viewer a, b;
	(void)state;
	begin("");
	attach(&a);
	assert_true(eventually(origins[0].plays == 1));
	b = viewer_of(",other");
	pulls_attach(server->cluster, source, &server->conf->vhosts[0], PULL_FROM_ORIGINS, &b);
	assert_true(eventually(origins[0].plays == 2));
	assert_string_equal(a.pull->request.via, ",other");
	pulls_detach(&a);
	pulls_detach(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_link_setup, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(media_of_an_origin_comes_into_the_source),
		TEST(others_join_the_same_pull),
		TEST(a_stream_that_no_origin_gives_is_told),
		TEST(an_origin_that_speaks_for_all_is_the_only_one_asked),
		TEST(a_lost_origin_is_followed_by_the_next),
		TEST(an_end_on_purpose_is_no_loss),
		TEST(a_loss_has_an_end),
		TEST(a_loss_that_ends_in_time_is_forgotten),
		TEST(an_origin_says_since_when_it_has_no_media),
		TEST(what_came_to_nothing_ends_with_its_viewer),
		TEST(what_had_media_lingers),
		TEST(a_redirect_is_followed),
		TEST(a_redirect_to_itself_leads_nowhere),
		TEST(a_pull_rests_while_the_stream_is_published_here),
		TEST(a_silent_origin_without_a_sign_of_life_is_lost),
		TEST(runs_of_one_server_are_told_apart),
		TEST(another_who_waits_makes_it_ask_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
