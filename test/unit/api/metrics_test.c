/* What /metrics says: the format, and that ten thousand streams, clients or descriptors cost little and never much at
 * once. */
#include "api/api_proc.h"
#include "api/metrics.h"
#include "api/metrics_text.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "session/hooks.h"
#include "support/co_unit.h"
#include "support/test_server.h"
#include "support/turns.h"
#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMED = 100 };

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
	metric_sample_of(&out, "x", span_str("{c=\"d\"}"), 1234567.05);
	metric_sample_of(&out, "x", span_str(""), 0.0125);
	metric_sample_of(&out, "x", span_str(""), 0.0 / 0.0);
	metric_sample(&out, "x_total", NULL, 0, 0.0 / 0.0);
	assert_string_equal(buf_text(&out), "# HELP x_total Something.\n# TYPE x_total counter\n"
					    "x_total{a=\"q\\\"\\\\\\n\",b=\"\"} 123456789012345\n"
					    "x_total 0.25\nx{c=\"d\"} 1234567.05\nx 0.0125\n");
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
	metrics_put_all(&out, server, NAMED);
	const char *text = buf_text(&out);
	assert_non_null(strstr(text, "srs_streams 1\n"));
	assert_non_null(strstr(text, "srs_clients_total 1\n"));
	assert_non_null(strstr(text, "srs_receive_bytes_total 2000\n"));
	assert_non_null(strstr(text, "srs_clients_by_role{role=\"publisher\"} 1\n"));
	assert_non_null(strstr(text, ",label=\"l\"} 1\n"));
	test_stream_end(&stream);
	buf_clear(&out);
	metrics_put_all(&out, server, NAMED);
	text = buf_text(&out);
	assert_non_null(strstr(text, "srs_receive_bytes_total 2000\n"));
	assert_non_null(strstr(text, "srs_clients_by_role{role=\"publisher\"} 0\n"));
	assert_non_null(strstr(text, "reason=\"protocol\"} 1\n"));
	assert_int_equal(server->figures.errors_total, 1);
}

/* ---- many ---- */

enum { MANY = 10000, CPU_MS = 100, SLICE_MS = 25, ROUNDS = 5 };

struct many {
	struct source *source;
	struct feeder feeder;
};

/* The least of some rounds: whatever else the machine does only adds to a time. */
static void put_all_costs_little(void)
{
	double took = 0, longest = 0;
	struct turns turns;
	for (int i = 0; i < ROUNDS; i++) {
		buf_clear(&out);
		turns_begin(&turns);
		double before = turns_cpu_ms(), now;
		metrics_put_all(&out, server, NAMED);
		now = turns_cpu_ms() - before;
		turns_end(&turns);
		assert_true(buf_ok(&out) && turns.count > MANY / 250);
		took = i == 0 || now < took ? now : took;
		longest = i == 0 || turns.longest < longest ? turns.longest : longest;
	}
	print_message("10,000 streams: %.1f ms, the longest slice %.1f ms of %d, %zu bytes\n", took,
		      longest, turns.count, out.n);
	assert_true(took <= CPU_MS * TURNS_SLOWER);
	assert_true(longest <= SLICE_MS * TURNS_SLOWER);
}

static void ten_thousand_streams_cost_little_and_never_much_at_once(void **state)
{
	struct many *v = mem_zalloc(MANY * sizeof(v[0]));
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
	put_all_costs_little();
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

/* ---- many clients ---- */

struct viewer {
	struct client client;
	struct traffic traffic;
};

static struct traffic count(const struct client *client)
{
	return container_of_const(client, struct viewer, client)->traffic;
}

static const struct client_ops viewer_ops = {.count = count};
static struct viewer *viewers;

static void enter_viewers(struct source *source)
{
	viewers = mem_zalloc(MANY * sizeof(viewers[0]));
	for (int i = 0; i < MANY; i++) {
		viewers[i].client = (struct client){.ops = &viewer_ops,
						    .type = "flv-play",
						    .source = source,
						    .relay = i % 10 == 0};
		viewers[i].traffic = (struct traffic){.recv = 1, .send = 1000 + i};
		stat_enter(&server->stat, &viewers[i].client);
	}
}

static void leave_viewers(void)
{
	for (int i = 0; i < MANY; i++)
		stat_leave(&server->stat, &viewers[i].client);
	free(viewers);
}

static void ten_thousand_clients_are_looked_at_in_slices(void **state)
{
	struct test_stream stream;
	struct metrics_roles roles;
	struct turns turns;
	(void)state;
	test_stream_begin(&stream, server, "x");
	enter_viewers(stream.source);
	turns_begin(&turns);
	metrics_count_clients(&roles, server);
	int looked = turns.count;
	assert_true(looked >= MANY / 250);
	assert_int_equal(roles.publishers, 1);
	assert_int_equal(roles.relays, MANY / 10);
	assert_int_equal(roles.players, MANY - MANY / 10);
	metrics_put_server(&out, server);
	assert_int_equal(turns.count, looked); /* it does not look at them again */
	metrics_put_activity(&out, server, &roles);
	assert_int_equal(turns.count, looked);
	metrics_put_streams(&out, server, NAMED);
	assert_true(turns.count - looked >= MANY / 250);
	turns_end(&turns);
	print_message("10,000 clients: the longest slice %.1f ms\n", turns.longest);
	leave_viewers();
	test_stream_end(&stream);
}

/* Leaves for some of the viewers whenever it has a turn: from the front, who have been looked at, and from the end. */
struct leaver {
	bool over;
	int left;
};

static void leaver_main(void *arg)
{
	struct leaver *l = arg;
	for (; !l->over && 2 * l->left < MANY; l->left++) {
		viewers[l->left].traffic.send += 5;
		stat_leave(&server->stat, &viewers[l->left].client);
		stat_leave(&server->stat, &viewers[MANY - 1 - l->left].client);
		co_yield ();
	}
}

static void bytes_of_who_leaves_meanwhile_are_counted_once(void **state)
{
	struct test_stream stream;
	struct metrics_roles roles;
	struct leaver leaver = {0};
	int64_t sum = 0;
	(void)state;
	test_stream_begin(&stream, server, "x");
	enter_viewers(stream.source);
	struct co *co = co_start("leaver", leaver_main, &leaver);
	metrics_count_clients(&roles, server);
	leaver.over = true;
	co_join(&co);
	assert_true(leaver.left > 10);
	for (int i = 0; i < MANY; i++)
		sum += viewers[i].traffic.send;
	assert_int_equal(server->stat.send_bytes, sum + 100); /* the publisher's */
	assert_int_equal(server->stat.recv_bytes, MANY + 2000);
	leave_viewers();
	assert_int_equal(server->stat.send_bytes, sum + 100);
	test_stream_end(&stream);
}

/* ---- many descriptors ---- */

static void descriptors_are_counted_in_slices(void **state)
{
	enum { FILES = 2000 };
	char folder[] = "/tmp/metrics-test-XXXXXX", path[64];
	struct turns turns;
	(void)state;
	int before = proc_self_descriptors();
	assert_non_null(mkdtemp(folder));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(proc_self_descriptors(), before + 1);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%d", i);
		assert_int_equal(mkdirat(fd, path, 0700), 0);
	}
	turns_begin(&turns);
	assert_int_equal(proc_count_names(folder), FILES);
	turns_end(&turns);
	assert_true(turns.count >= FILES / 300);
	assert_int_equal(proc_count_names("/proc/self/fd"), before + 2); /* it has one itself */
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%d", i);
		assert_int_equal(unlinkat(fd, path, AT_REMOVEDIR), 0);
	}
	close(fd);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(proc_count_names(folder), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(labels_are_escaped_and_values_exact),
		TEST(a_histogram_is_cumulative_and_in_seconds),
		TEST(a_client_is_counted_as_it_comes_and_goes),
		TEST(ten_thousand_streams_cost_little_and_never_much_at_once),
		TEST(ten_thousand_clients_are_looked_at_in_slices),
		TEST(bytes_of_who_leaves_meanwhile_are_counted_once),
		TEST(descriptors_are_counted_in_slices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
