/* A stream is copied to another server, which is a real one at the other end of a loopback connection. */
#include "base/mem.h"
#include "net/listen.h"
#include "output/live_format.h"
#include "service/rtmp_service.h"
#include "session/forward.h"
#include "support/api_stub.h"
#include "support/co_unit.h"
#include "support/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static struct server *near_server, *far_server;
static struct forwards *forwards;
static struct listener *listener;
static struct test_stream stream;
static struct forward_facts facts;
static char reason[256];

static int setup(void **state)
{
	memset(&stream, 0, sizeof(stream));
	memset(&facts, 0, sizeof(facts));
	return co_setup(state);
}

static int teardown(void **state)
{
	if (stream.source)
		test_stream_end(&stream);
	co_group_stop(&near_server->services);
	forwards_free(&forwards);
	test_server_free(&near_server);
	listener_close(&listener);
	if (far_server)
		co_group_stop(&far_server->sessions);
	test_server_free(&far_server);
	return co_teardown(state);
}

/* The server that gets the copies; its port. */
static int begin_far(void)
{
	far_server = test_server_new("vhost __defaultVhost__ { }");
	assert_int_equal(
		listener_open(&listener, &(struct listen_opts){.at = {"127.0.0.1"},
							       .what = "RTMP",
							       .on_accept = rtmp_service_accept,
							       .ctx = far_server}),
		OK);
	listener_start(listener);
	return listener_port(listener);
}

/* The server that sends them: the content of its block `forward`. */
static void begin_near(const char *content)
{
	char *forward = mem_printf("forward { enabled on; %s }", content);
	char *conf = test_server_vhost(forward);
	near_server = test_server_new(conf);
	forwards = forwards_new(near_server, &wire_ts);
	free(conf);
	free(forward);
}

static void take_facts(const struct forward_facts *f, void *ctx)
{
	(void)ctx;
	facts = *f;
	snprintf(reason, sizeof(reason), "%s", f->reason);
}

static bool is_in_state(enum forward_state state)
{
	facts = (struct forward_facts){.state = FORWARD_CONNECTING};
	forwards_each(forwards, stream.source, take_facts, NULL);
	return facts.url && facts.state == state;
}

static struct source *copy(void)
{
	const struct client *c = far_server->stat.clients;
	return c && c->publish ? c->source : NULL;
}

static void publish(uint32_t ts)
{
	static const uint8_t picture[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
	struct msg *m = msg_new(MSG_VIDEO, 0, sizeof(picture));
	memcpy(m->payload, picture, sizeof(picture));
	(void)source_publish(stream.source, &stream.feeder, &m, ts);
	source_caught_up(stream.source, &stream.feeder, true);
}

static void a_stream_that_begins_is_copied_until_it_ends(void **state)
{
	(void)state;
	char *to = mem_printf("destination 127.0.0.1:%d;", begin_far());
	begin_near(to);
	free(to);
	test_stream_begin(&stream, near_server, "x");
	wait_until(is_in_state(FORWARD_LIVE));
	wait_until(copy() && copy()->video_frames >= 1);
	assert_string_equal(copy()->key, "/live/x");
	uint64_t before = (uint64_t)copy()->video_frames;
	publish(40);
	publish(80);
	wait_until((uint64_t)copy()->video_frames >= before + 2);
	assert_true(is_in_state(FORWARD_LIVE));
	assert_true(facts.send_bytes > 0);
	test_stream_end(&stream);
	stream.source = NULL;
	wait_until(!copy());
}

static void a_destination_that_is_not_there_is_tried_again(void **state)
{
	(void)state;
	begin_near("destination 127.0.0.1:1;");
	test_stream_begin(&stream, near_server, "x");
	wait_until(is_in_state(FORWARD_WAITING));
	assert_true(*reason);
	assert_int_equal(facts.attempts, 1);
	assert_string_equal(forward_state_name(FORWARD_WAITING), "waiting");
}

/* The attempt after that many; how long the pause before it was. */
static int64_t await_attempt(int attempts)
{
	int64_t began = clock_ms();
	while (facts.attempts <= attempts && clock_ms() < began + 60000) {
		assert_int_equal(co_sleep(5), OK);
		(void)is_in_state(FORWARD_WAITING);
	}
	assert_int_equal(facts.attempts, attempts + 1);
	return clock_ms() - began;
}

/* Twice as long after each failure, a quarter more or less, up to 30 s. */
static void the_pauses_between_attempts_grow(void **state)
{
	static const int64_t nominal[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
	(void)state;
	fake_time_begin();
	/* Refused at once: the time is the pauses' alone. */
	begin_near("destination 255.255.255.255:1;");
	test_stream_begin(&stream, near_server, "x");
	(void)await_attempt(0);
	for (int i = 0; i < (int)(sizeof(nominal) / sizeof(nominal[0])); i++)
		assert_in_range(await_attempt(i + 1), nominal[i] * 3 / 4 - 10,
				nominal[i] * 5 / 4 + 10);
}

static void a_reload_changes_where_a_stream_goes(void **state)
{
	(void)state;
	char *to = mem_printf("forward { enabled on; destination 127.0.0.1:%d; }", begin_far());
	begin_near("destination 127.0.0.1:1;");
	test_stream_begin(&stream, near_server, "x");
	wait_until(is_in_state(FORWARD_WAITING));
	char *conf = test_server_vhost(to);
	struct server *other = test_server_new(conf);
	struct conf *before = near_server->conf;
	near_server->conf = conf_ref(other->conf);
	forwards_reload(forwards);
	conf_unref(&before);
	test_server_free(&other);
	wait_until(is_in_state(FORWARD_LIVE));
	wait_until(copy());
	free(conf);
	free(to);
}

static void a_backend_may_say_where_a_stream_goes(void **state)
{
	(void)state;
	struct api_stub backend;
	char *answer = mem_printf(
		"{\"code\":0,\"data\":{\"urls\":[\"rtmp://127.0.0.1:%d/live/x\"]}}", begin_far());
	api_open(&backend, answer);
	char *content = mem_printf("backend http://%s/forward;", backend.name);
	begin_near(content);
	test_stream_begin(&stream, near_server, "x");
	wait_until(backend.requests > 0);
	assert_non_null(strstr(backend.last, "\"action\":\"on_forward\""));
	wait_until(is_in_state(FORWARD_LIVE));
	wait_until(copy());
	test_stream_end(&stream);
	stream.source = NULL;
	wait_until(!copy());
	api_close(&backend);
	free(content);
	free(answer);
}

int main(void)
{
#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		with(a_stream_that_begins_is_copied_until_it_ends),
		with(a_destination_that_is_not_there_is_tried_again),
		with(the_pauses_between_attempts_grow),
		with(a_reload_changes_where_a_stream_goes),
		with(a_backend_may_say_where_a_stream_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
