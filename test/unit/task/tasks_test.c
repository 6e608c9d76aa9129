/* What runs beside streams: programs of published streams, transcoders, fetched streams; as the configuration says, and
 * as a reload changes it. */
#include "base/mem.h"
#include "codec/flv.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/datagram.h"
#include "support/hex.h"
#include "support/test_server.h"
#include "task/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *server;
static struct server *former; /* has the configuration before the change */
static struct tasks *tasks;
static struct datagram_peer encoder;
static struct api_stub origin;
static struct ingest_facts fetched[4];
static int fetched_count;

static int setup(void **state)
{
	memset(&encoder, 0, sizeof(encoder));
	memset(&origin, 0, sizeof(origin));
	return co_setup(state);
}

static int teardown(void **state)
{
	datagram_stop(&encoder);
	tasks_stop(tasks);
	co_group_stop(&server->services);
	tasks_free(&tasks);
	if (origin.listener)
		api_close(&origin);
	test_server_free(&server);
	if (former)
		test_server_free(&former);
	return co_teardown(state);
}

static void begin(const char *content)
{
	char *conf = test_server_vhost(content);
	server = test_server_new(conf);
	free(conf);
	tasks = tasks_new(server);
	tasks_serve(tasks);
}

/* The configuration before belongs to the sessions that began with it, to their end. */
static void change(const char *content)
{
	char *conf = test_server_vhost(content);
	former = test_server_new(conf);
	struct conf *was = server->conf;
	server->conf = former->conf;
	former->conf = was;
	free(conf);
	tasks_reload(tasks);
}

static void publish(const char *stream)
{
	datagram_start(&encoder, server, stream, true);
	wait_until(encoder.is_begun);
}

/* The child of that name; NULL: there is none. */
static const struct child *child_named(const char *name)
{
	const struct child *c = NULL;
	while ((c = child_next(tasks_children(tasks), c))) {
		struct child_facts f;
		child_facts(c, &f);
		if (strcmp(f.name, name) == 0)
			return c;
	}
	return NULL;
}

static struct child_facts facts_of(const char *name)
{
	struct child_facts f;
	const struct child *c = child_named(name);
	if (!c)
		fail_msg("there is no %s", name);
	child_facts(c, &f);
	return f;
}

static bool has_said(const char *name, const char *words)
{
	struct child_facts f = facts_of(name);
	return f.line_count > 0 && strstr(f.lines[f.line_count - 1], words);
}

static int count(void)
{
	return tasks_children(tasks)->count;
}

static void note(const struct ingest_facts *facts, void *ctx)
{
	(void)ctx;
	fetched[fetched_count++] = *facts;
}

static const struct ingest_facts *ingest(void)
{
	fetched_count = 0;
	tasks_each_ingest(tasks, note, NULL);
	return fetched_count ? &fetched[0] : NULL;
}

/* ---- exec ---- */

static void a_published_stream_has_its_programs(void **state)
{
	(void)state;
	begin("exec { enabled on; publish /bin/echo [app] [stream] x; publish /bin/sleep 100 "
	      "2>/dev/null; }");
	assert_int_equal(count(), 0);
	publish("x");
	assert_int_equal(count(), 2);
	wait_until(has_said("/live/x 1", "live x x"));
	wait_until(facts_of("/live/x 2").state == CHILD_RUNNING);
	/* what did not change goes on */
	pid_t pid = facts_of("/live/x 2").pid;
	change("exec { enabled on; publish /bin/sleep 100 2>/dev/null; }");
	wait_until(count() == 1);
	assert_int_equal(facts_of("/live/x 2").pid, pid);
	datagram_stop(&encoder);
	wait_until(count() == 0);
}

static void a_name_that_is_no_part_of_a_path_has_none(void **state)
{
	(void)state;
	begin("exec { enabled on; publish /bin/sleep 100; }");
	publish("..x");
	assert_int_equal(count(), 0);
}

/* ---- transcode ---- */

#define ENGINE(name, more)                                                                         \
	"engine " name " { enabled on; vcodec copy; acodec copy; " more                            \
	"output rtmp://127.0.0.1:[port]/[app]?vhost=[vhost]/[stream]_[engine]; } "

static void a_stream_is_transcoded_and_what_comes_of_it_is_not(void **state)
{
	(void)state;
	begin("transcode { enabled on; ffmpeg /bin/echo; " ENGINE(
		"ff", "") "} transcode live/other { enabled on; ffmpeg "
			  "/bin/echo; " ENGINE("zz", "") "}");
	publish("x");
	assert_int_equal(count(), 1);
	wait_until(
		has_said("/live/x ff", "-i rtmp://127.0.0.1:1935/live?vhost=__defaultVhost__/x "));
	assert_true(has_said("/live/x ff",
			     "-y rtmp://127.0.0.1:1935/live?vhost=__defaultVhost__/x_ff"));
	struct datagram_peer made = {0};
	datagram_start(&made, server, "x_ff", true);
	wait_until(made.is_begun);
	assert_int_equal(count(), 1);
	datagram_stop(&made);
}

/* ---- ingest ---- */

#define FILE_INGEST(on)                                                                            \
	"ingest f { enabled " on "; input { type file; url ./x.flv; } ffmpeg /bin/echo; "          \
	"engine { enabled off; output rtmp://127.0.0.1:[port]/live/f; } }"

static void a_file_is_fetched_by_a_program(void **state)
{
	(void)state;
	begin(FILE_INGEST("on"));
	assert_int_equal(count(), 1);
	wait_until(has_said("__defaultVhost__/f",
			    "-re -i ./x.flv -vcodec copy -acodec copy -f flv -y "
			    "rtmp://127.0.0.1:1935/live/f"));
	assert_null(ingest());
	/* a drain ends it, and it comes back when that is called off */
	tasks_drain(tasks);
	wait_until(count() == 0);
	tasks_serve(tasks);
	assert_int_equal(count(), 1);
	change(FILE_INGEST("off"));
	wait_until(count() == 0);
}

static void begin_stream_ingest(const char *url)
{
	char *content = mem_printf("publish { firstpkt_timeout 2000; } ingest s { enabled on; "
				   "input { type stream; url %s; } "
				   "ffmpeg /bin/echo; engine { enabled off; output "
				   "rtmp://127.0.0.1:[port]/live/s; } }",
				   url);
	begin(content);
	free(content);
}

static void put_tag(struct buf *b, uint8_t type, uint32_t ts, const char *hex)
{
	struct span s = hex_bytes(hex);
	flv_write_tag(b, type, ts, s);
	hex_free(s);
}

static void a_stream_is_fetched_without_a_program(void **state)
{
	struct buf answer = {.max = 4096};
	char url[128];
	(void)state;
	buf_printf(&answer, "HTTP/1.1 200 OK\r\n\r\n");
	flv_write_header(&answer, true, true);
	put_tag(&answer, MSG_VIDEO, 0, "17 00 000000 01 42C01E FF E1 0004 6742C01E 01 0001 68");
	put_tag(&answer, MSG_VIDEO, 0, "17 01 000000 00000002 65B8");
	put_tag(&answer, MSG_VIDEO, 40, "27 01 000000 00000002 419A");
	api_open(&origin, NULL);
	origin.raw = buf_span(&answer);
	snprintf(url, sizeof(url), "http://%s/live/y.flv", origin.name);
	begin_stream_ingest(url);
	assert_int_equal(count(), 0);
	wait_until(ingest() && ingest()->is_live);
	assert_string_equal(ingest()->name, "__defaultVhost__/s");
	assert_string_equal(ingest()->url, url);
	assert_string_equal(ingest()->key, "/live/s");
	assert_non_null(strstr(origin.last, "GET /live/y.flv HTTP/1.1"));
	struct source *s = registry_find(&server->registry, "/live/s");
	assert_non_null(s);
	wait_until(s->video_frames == 2);
	/* the same after a reload that says the same */
	tasks_reload(tasks);
	assert_true(ingest()->is_live);
	tasks_drain(tasks);
	assert_null(ingest());
	wait_until(!registry_find(&server->registry, "/live/s"));
	buf_free(&answer);
}

static void a_stream_that_cannot_be_had_is_tried_again_and_tells_why(void **state)
{
	(void)state;
	begin_stream_ingest("rtmp://127.0.0.1:1/live/y");
	wait_until(ingest() && ingest()->failures > 1);
	assert_false(ingest()->is_live);
	assert_non_null(strstr(ingest()->reason, "127.0.0.1:1"));
}

static void a_stream_that_an_origin_lacks_is_tried_again(void **state)
{
	char url[128];
	(void)state;
	api_open(&origin, "no such stream");
	origin.status = 404;
	snprintf(url, sizeof(url), "http://%s/live/y.flv", origin.name);
	begin_stream_ingest(url);
	wait_until(origin.requests > 1 && ingest()->failures > 1);
	assert_non_null(strstr(ingest()->reason, "404"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_published_stream_has_its_programs),
		CASE(a_name_that_is_no_part_of_a_path_has_none),
		CASE(a_stream_is_transcoded_and_what_comes_of_it_is_not),
		CASE(a_file_is_fetched_by_a_program),
		CASE(a_stream_is_fetched_without_a_program),
		CASE(a_stream_that_cannot_be_had_is_tried_again_and_tells_why),
		CASE(a_stream_that_an_origin_lacks_is_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
