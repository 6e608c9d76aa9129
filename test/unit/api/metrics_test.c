/* What /metrics says: the format, and that ten thousand streams cost little and never much at once. */
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "session/hooks.h"
#include "support/co_unit.h"
#include "support/test_server.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct server *server;
static struct buf out;

static int set_up(void **state)
{
	int status = co_setup(state);
	server = test_server_new("exporter { enabled on; label l; } vhost __defaultVhost__ {}");
	server->hooks = hooks_new(server);
	figures_init(&server->figures, &server->stat, &server->registry);
	out = (struct buf){.max = 64 << 20};
	return status;
}

static int tear_down(void **state)
{
	figures_fini(&server->figures);
	co_group_stop(&server->services);
	hooks_free(&server->hooks);
	buf_free(&out);
	test_server_free(&server);
	return co_teardown(state);
}

static void labels_are_escaped_and_values_exact(void **state)
{
	(void)state;
	metric_family(&out, "x_total", METRIC_COUNTER, "Something.");
	metric_sample(&out, "x_total", (struct metric_label[]){{"a", "q\"\\\n"}, {"b", ""}}, 2,
		      123456789012345.0);
	metric_sample(&out, "x_total", NULL, 0, 0.25);
	metric_sample(&out, "x_total", NULL, 0, 0.0 / 0.0);
	assert_string_equal(buf_text(&out), "# HELP x_total Something.\n# TYPE x_total counter\n"
					    "x_total{a=\"q\\\"\\\\\\n\",b=\"\"} 123456789012345\n"
					    "x_total 0.25\n");
}

static void a_histogram_is_cumulative_and_in_seconds(void **state)
{
	struct histogram h = {0};
	(void)state;
	histogram_add(&h, 1);
	histogram_add(&h, 200);
	histogram_add(&h, 40000);
	histogram_add(&h, -5);
	metric_histogram(&out, "h", &(struct metric_label){"t", "v"}, &h);
	const char *text = buf_text(&out);
	assert_non_null(strstr(text, "h_bucket{le=\"0.001\",t=\"v\"} 2\n"));
	assert_non_null(strstr(text, "h_bucket{le=\"0.2\",t=\"v\"} 3\n"));
	assert_non_null(strstr(text, "h_bucket{le=\"+Inf\",t=\"v\"} 4\n"));
	assert_non_null(strstr(text, "h_sum{t=\"v\"} 40.201\nh_count{t=\"v\"} 4\n"));
}

static void a_client_is_counted_as_it_comes_and_goes(void **state)
{
	struct test_stream stream;
	(void)state;
	test_stream_begin(&stream, server, "x");
	stream.client.ended = ERR_PROTOCOL;
	metrics_put_server(&out, server);
	metrics_put_activity(&out, server);
	const char *text = buf_text(&out);
	assert_non_null(strstr(text, "srs_streams 1\n"));
	assert_non_null(strstr(text, "srs_clients_total 1\n"));
	assert_non_null(strstr(text, ",label=\"l\"} 1\n"));
	test_stream_end(&stream);
	buf_clear(&out);
	metrics_put_activity(&out, server);
	text = buf_text(&out);
	assert_non_null(strstr(text, "reason=\"protocol\"} 1\n"));
	assert_int_equal(server->figures.errors_total, 1);
}

/* ---- many ---- */

#ifdef __SANITIZE_ADDRESS__
#define TEST_SLOW 1
#else
#define TEST_SLOW 0
#endif

enum { MANY = 10000, NAMED = 100, CPU_MS = 100, SLICE_MS = 25 };

struct many {
	struct source *source;
	struct feeder feeder;
};

static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Runs whenever the scrape lets it: the longest time in between is the longest slice. */
struct watch {
	bool over;
	double last, longest;
	int turns;
};

static void watch_main(void *arg)
{
	struct watch *w = arg;
	for (w->last = cpu_ms(); !w->over; w->turns++) {
		co_yield ();
		double now = cpu_ms();
		w->longest = now - w->last > w->longest ? now - w->last : w->longest;
		w->last = now;
	}
}

static void ten_thousand_streams_cost_little_and_never_much_at_once(void **state)
{
	struct many *v = mem_zalloc(MANY * sizeof(v[0]));
	struct watch watch = {0};
	(void)state;
	for (int i = 0; i < MANY; i++) {
		char name[32], key[64];
		snprintf(name, sizeof(name), "stream-%d", i);
		snprintf(key, sizeof(key), "/live/%s", name);
		v[i].source = registry_get(&server->registry, key, "__defaultVhost__", "live", name,
					   &(struct source_opts){.chunk_size = 60000});
		assert_true(source_begin(v[i].source, &v[i].feeder));
		v[i].source->recv_bytes = i;
	}
	metrics_put_streams(&out, server, NAMED); /* the first one makes what is kept */
	buf_clear(&out);
	struct co *co = co_start("watch", watch_main, &watch);
	double before = cpu_ms();
	metrics_put_server(&out, server);
	metrics_put_activity(&out, server);
	metrics_put_streams(&out, server, NAMED);
	double took = cpu_ms() - before;
	watch.over = true;
	co_join(&co);
	print_message("10,000 streams: %.1f ms, the longest slice %.1f ms of %d, %zu bytes\n", took,
		      watch.longest, watch.turns, out.n);
	assert_true(buf_ok(&out) && watch.turns > MANY / 250);
	assert_true(took <= CPU_MS * (TEST_SLOW ? 20 : 1));
	assert_true(watch.longest <= SLICE_MS * (TEST_SLOW ? 20 : 1));
	assert_non_null(strstr(buf_text(&out), "srs_streams_other 9900\n"));
	assert_non_null(strstr(buf_text(&out), "stream=\"stream-9999\"} 9999\n"));
	assert_null(strstr(buf_text(&out), "stream=\"stream-1\"}"));
	for (int i = 0; i < MANY; i++) {
		source_leave(v[i].source, &v[i].feeder, 0);
		source_unref(&v[i].source);
	}
	free(v);
	buf_clear(&out);
	metrics_put_streams(&out, server, NAMED);
	assert_non_null(strstr(buf_text(&out), "srs_streams_other 0\n"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(labels_are_escaped_and_values_exact),
		TEST(a_histogram_is_cumulative_and_in_seconds),
		TEST(a_client_is_counted_as_it_comes_and_goes),
		TEST(ten_thousand_streams_cost_little_and_never_much_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
