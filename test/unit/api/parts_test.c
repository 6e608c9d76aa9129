/* What the API tells of the parts of a server that stand beside its streams: WebRTC, SRT, recordings, programs,
 * certificates, a drain; metrics, and the service that is told that the server is there. */
#include "api/api_route.h"
#include "api/heartbeat.h"
#include "api/metrics.h"
#include "service/srt_session.h"
#include "session/srt_options.h"
#include "support/api_stub.h"
#include "support/parts.h"
#include "support/turns.h"
#include "unit/api/asker.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct test_stream stream;
static struct rtc_guest guest;
static struct api_stub service;
static char folder[] = "/tmp/srs-parts-XXXXXX";

static int setup(void **state)
{
	memset(&guest, 0, sizeof(guest));
	memset(&service, 0, sizeof(service));
	if (!router.count) {
		api_mount(&router);
		metrics_mount(&router);
	}
	return co_setup(state);
}

static void begin(const char *conf)
{
	server = parts_server(conf);
	test_stream_begin(&stream, server, "x");
}

static int teardown(void **state)
{
	rtc_guest_close(&guest);
	test_stream_end(&stream);
	figures_fini(&server->figures);
	tasks_stop(server->tasks);
	co_group_stop(&server->services);
	co_group_stop(&server->sessions);
	rtc_guest_close_hub(server);
	srt_hub_free(&server->srt);
	dvr_free(&server->dvr);
	tasks_free(&server->tasks);
	hooks_free(&server->hooks);
	if (service.listener)
		api_close(&service);
	test_server_free(&server);
	buf_free(&heard);
	return co_teardown(state);
}

static void assert_at(const json_t *answer, const char *path, const char *value)
{
	if (strcmp(at(answer, path), value) != 0)
		fail_msg("%s is %s instead of %s", path, at(answer, path), value);
}

#define RTC_ON                                                                                     \
	"rtc_server { enabled on; listen 8000; }\n"                                                \
	"vhost __defaultVhost__ { rtc { enabled on; rtmp_to_rtc on; } }"

static void webrtc_has_its_port_its_sessions_and_those_that_ended(void **state)
{
	(void)state;
	begin(RTC_ON);
	assert_true(rtc_guest_join(&guest, server, "x", false));
	json_t *answer = ask_json("GET", "/api/v1/rtc");
	assert_at(answer, "rtc.sessions", "1");
	assert_at(answer, "rtc.connected", "1");
	assert_at(answer, "sessions.0.state", "connected");
	assert_at(answer, "sessions.0.type", "rtc-play");
	assert_at(answer, "sessions.0.stream", "/live/x");

	assert_at(answer, "sessions.1", "missing");
	json_decref(answer);
	answer = ask_json("GET", "/api/v1/rtc?start=1");
	assert_at(answer, "sessions.0", "missing");
	json_decref(answer);
	rtc_guest_close(&guest);
	wait_until(server->rtc->count == 0);
	answer = ask_json("GET", "/api/v1/rtc");
	assert_at(answer, "sessions.0", "missing");
	assert_at(answer, "ended.0.type", "rtc-play");
	json_decref(answer);
}

static void what_a_webrtc_publisher_sends_is_told(void **state)
{
	(void)state;
	begin(RTC_ON);
	assert_true(rtc_guest_join(&guest, server, "y", true));
	json_t *answer = ask_json("GET", "/api/v1/rtc");
	assert_at(answer, "sessions.0.type", "rtc-publish");
	assert_at(answer, "sessions.0.received.pictures", "0");
	json_decref(answer);
}

static void srt_has_its_ports(void **state)
{
	(void)state;
	begin("vhost __defaultVhost__ { }");
	json_t *answer = ask_json("GET", "/api/v1/srt");
	assert_at(answer, "srt.sessions", "0");
	assert_at(answer, "srt.ports.0", "missing");
	assert_at(answer, "sessions.0", "missing");
	json_decref(answer);
}

#define SRT_ON                                                                                     \
	"srt_server { enabled on; latency 20; }\n"                                                 \
	"vhost __defaultVhost__ { srt { enabled on; } }"

static int open_srt_port(struct addr *at)
{
	struct udp *udp = NULL;
	struct udp_opts opts = {.at = {.host = "127.0.0.1"}, .what = "SRT"};
	assert_int_equal(udp_open(&udp, &opts), OK);
	int port = udp_port(udp);
	assert_true(addr_literal(at, "127.0.0.1", port));
	assert_int_equal(srt_hub_listen(server->srt, &udp), OK);
	return port;
}

static struct srt_link *play_by_srt(const struct addr *at)
{
	struct srt_link *link = NULL;
	struct srt_options options = srt_options_of(server->conf, NULL);
	options.connect_timeout_ms = 10000;
	assert_int_equal(srt_link_connect(&link, at, "live/x", &options), OK);
	return link;
}

static void srt_sessions_are_a_list_of_pages(void **state)
{
	enum { PLAYERS = 12 };
	struct srt_link *players[PLAYERS];
	struct addr peer;
	(void)state;
	begin(SRT_ON);
	if (!srt_bridge_is_built())
		skip();
	int port = open_srt_port(&peer);
	for (int i = 0; i < PLAYERS; i++)
		players[i] = play_by_srt(&peer);
	wait_until(server->stat.client_count == 1 + PLAYERS);
	json_t *answer = ask_json("GET", "/api/v1/srt");
	assert_at(answer, "srt.sessions", "12");
	assert_at(answer, "sessions.0.id", server->srt->sessions->id);
	assert_at(answer, "sessions.9.type", "srt-play");
	assert_at(answer, "sessions.9.stream", "/live/x");
	assert_at(answer, "sessions.10", "missing");
	json_decref(answer);
	answer = ask_json("GET", "/api/v1/srt?start=10&count=10");
	assert_at(answer, "sessions.1.id", server->srt->sessions->prev->id);
	assert_at(answer, "sessions.2", "missing");
	json_decref(answer);
	for (int i = 0; i < PLAYERS; i++)
		srt_link_close(&players[i]);
	wait_until(server->srt->count == 0);
	srt_hub_unlisten(server->srt, port);
}

static int drains;

static void on_drain(struct server *s)
{
	drains++;
	assert_ptr_equal(s, server);
}

static void a_drain_is_wished_for_and_called_off(void **state)
{
	(void)state;
	drains = 0;
	begin("http_api { enabled on; writes any; }\nvhost __defaultVhost__ { }");
	server->on_drain = on_drain;
	server->former = (struct generation){.state = GENERATION_THERE, .pid = 7};
	json_t *answer = ask_json("GET", "/api/v1/drain");
	assert_at(answer, "data.state", "off");
	assert_at(answer, "data.publishers", "1");
	assert_at(answer, "data.former.pid", "7");
	assert_at(answer, "data.next", "missing");
	assert_int_equal(drains, 0);
	json_decref(answer);
	json_decref(ask_json("POST", "/api/v1/drain?timeout=5"));
	assert_int_equal(drains, 1);
	assert_int_equal(server->drain.wish, DRAIN_BEGIN);
	assert_int_equal(server->drain.wished_limit_ms, 5000);
	json_decref(ask_json("DELETE", "/api/v1/drain"));
	assert_int_equal(server->drain.wish, DRAIN_CANCEL);
	assert_int_equal(server->drain.wished_limit_ms, -1);
	server->former.state = GENERATION_NONE;
}

static void programs_and_fetched_streams_are_listed_without_passwords(void **state)
{
	(void)state;
	begin("vhost __defaultVhost__ { ingest f { enabled on; input { type file; url "
	      "./x.flv?key=secret; } ffmpeg /bin/echo; "
	      "engine { enabled off; output rtmp://127.0.0.1:[port]/live/f; } } "
	      "ingest s { enabled on; input { type stream; url "
	      "rtmp://127.0.0.1:1/live/y?key=secret; } "
	      "engine { enabled off; output rtmp://127.0.0.1:[port]/live/s; } } }");
	tasks_serve(server->tasks);
	struct child_facts f;
	child_facts(child_next(tasks_children(server->tasks), NULL), &f);
	wait_until((child_facts(child_next(tasks_children(server->tasks), NULL), &f),
		    f.line_count > 0));
	json_t *answer = ask_json("GET", "/api/v1/children");
	assert_at(answer, "children.0.kind", "ingest");
	assert_non_null(strstr(at(answer, "children.0.command"), "./x.flv?... -vcodec"));
	assert_non_null(strstr(at(answer, "children.0.output.0"), "-i ./x.flv?..."));
	assert_at(answer, "ingests.0.url", "rtmp://127.0.0.1:1/live/y?...");
	assert_at(answer, "ingests.0.stream", "/live/s");
	assert_at(answer, "ingests.0.state", "waiting");
	json_decref(answer);
	assert_null(strstr(buf_text(&heard), "secret"));
}

static int failures_told(void)
{
	json_t *answer = ask_json("GET", "/api/v1/children");
	int failures = atoi(at(answer, "children.0.failures"));
	bool pauses = strcmp(at(answer, "children.0.pid"), "0") == 0;
	json_decref(answer);
	return pauses ? failures : -1;
}

/* What it has said last is what people need then; the time between its attempts is skipped. */
static void a_program_that_fails_again_and_again_is_given_up(void **state)
{
	enum { FAILURES = 10, LONGEST_PAUSE_MS = 40000 };
	(void)state;
	begin("ff_log_level info; vhost __defaultVhost__ { ingest f { enabled on; input { type "
	      "file; url "
	      "./no-such-file-at-all; } ffmpeg /bin/ls; engine { enabled off; output "
	      "rtmp://127.0.0.1:[port]/live/f; } } }");
	tasks_serve(server->tasks);
	for (int n = 1; n <= FAILURES; n++) {
		wait_until(failures_told() == n);
		fake_time_skip(LONGEST_PAUSE_MS);
	}
	fake_time_skip(3600 * 1000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(co_sleep(10), OK);
	json_t *answer = ask_json("GET", "/api/v1/children");
	assert_at(answer, "children.0.state", "given_up");
	assert_at(answer, "children.0.kind", "ingest");
	assert_at(answer, "children.0.pid", "0");
	assert_at(answer, "children.0.starts", "10");
	assert_at(answer, "children.0.failures", "10");
	assert_at(answer, "children.0.last_end", "status 2");
	assert_non_null(strstr(at(answer, "children.0.output.0"), "ls: "));
	json_decref(answer);
}

static void recordings_are_listed_begun_and_ended(void **state)
{
	(void)state;
	char *conf =
		mem_printf("http_api { enabled on; writes any; }\nvhost __defaultVhost__ { dvr "
			   "{ enabled on; dvr_apply none; "
			   "dvr_path %s/[app]/[stream].[timestamp].flv; } }",
			   folder);
	begin(conf);
	free(conf);
	json_t *answer = ask_json("GET", "/api/v1/recordings");
	assert_at(answer, "recording.0", "missing");
	assert_at(answer, "left_out", "0");
	json_decref(answer);
	answer = ask_json("POST", "/api/v1/recordings?app=live&stream=none");
	assert_at(answer, "code", "2048");
	json_decref(answer);
	json_decref(ask_json("POST", "/api/v1/recordings?app=live&stream=x"));
	answer = NULL;
	wait_until((json_decref(answer), answer = ask_json("GET", "/api/v1/recordings"),
		    strcmp(at(answer, "recording.0.stream"), "x") == 0));
	json_decref(answer);
	json_decref(ask_json("DELETE", "/api/v1/recordings?app=live&stream=x"));
	answer = NULL;
	wait_until((json_decref(answer), answer = ask_json("GET", "/api/v1/recordings"),
		    strcmp(at(answer, "files.0.bytes"), "missing") != 0));
	assert_at(answer, "recording.0", "missing");
	assert_int_equal(unlink(at(answer, "files.0.file")), 0);
	json_decref(answer);
}

static void make_recording(int fd, const char *name)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	close(file);
}

static void remove_recording(int fd, const char *name)
{
	assert_int_equal(unlinkat(fd, name, 0), 0);
}

static void each_recording(int fd, int count, void (*fn)(int fd, const char *name))
{
	char name[64];
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "many.%d.flv", i);
		fn(fd, name);
	}
}

static void a_long_list_of_recordings_is_made_in_slices(void **state)
{
	enum { FILES = 8000, LISTED = 7000, SLICE_MS = 5, ROUNDS = 5 };
	struct turns turns;
	(void)state;
	char *conf = mem_printf("vhost __defaultVhost__ { dvr { enabled on; dvr_apply none; "
				"dvr_path %s/[stream].[timestamp].flv; } }",
				folder);
	begin(conf);
	free(conf);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	each_recording(fd, FILES, make_recording);
	char query[] = "start=10&count=7000"; /* LISTED */
	struct http_message request = {.query = query};
	struct api_call call = {.server = server,
				.conf = server->conf,
				.request = &request,
				.method = HTTP_METHOD_GET,
				.tail = ""};
	double longest = 0;
	for (int i = 0; i < ROUNDS; i++) { /* the least: whatever else the machine does only adds */
		call.answer = json_object();
		turns_begin(&turns);
		assert_int_equal(api_recordings(&call), API_OK);
		turns_end(&turns);
		assert_int_equal(json_array_size(json_object_get(call.answer, "files")), LISTED);
		assert_at(call.answer, "left_out", "990");
		json_decref(call.answer);
		longest = i == 0 || turns.longest < longest ? turns.longest : longest;
	}
	print_message("the longest slice: %.1f ms\n", longest);
	assert_true(longest <= SLICE_MS * TURNS_SLOWER);
	each_recording(fd, FILES, remove_recording);
	close(fd);
}

static void without_tls_there_are_no_certificates(void **state)
{
	(void)state;
	begin("vhost __defaultVhost__ { }");
	json_t *answer = ask_json("GET", "/api/v1/certificates");
	assert_at(answer, "certificates.0", "missing");
	assert_at(answer, "handshakes.open", "0");
	json_decref(answer);
}

static void metrics_are_told_when_they_are_on(void **state)
{
	const char *body;
	(void)state;
	begin("exporter { enabled on; }\nvhost __defaultVhost__ { }");
	assert_int_equal(ask("GET", "/metrics", "", &body), 200);
	assert_non_null(strstr(body, "\nsrs_streams"));
	assert_non_null(strstr(body, "srs_stream_players{"));
	server->conf->exporter.enabled = false;
	assert_int_equal(ask("GET", "/metrics", "", &body), 200);
	assert_string_equal(body, "{\"code\":1090}");
}

static void a_service_is_told_that_the_server_is_there(void **state)
{
	(void)state;
	api_open(&service, "{\"code\":0}");
	char *conf = mem_printf(
		"http_api { enabled on; listen 1985; }\nheartbeat { enabled on; interval 0.1; url "
		"http://%s/here; "
		"device_id my-device; summaries on; ports on; }\nvhost __defaultVhost__ { }",
		service.name);
	begin(conf);
	free(conf);
	heartbeat_start(server);
	wait_until(service.requests > 1);
	assert_non_null(strstr(service.last, "POST /here HTTP/1.1"));
	assert_non_null(strstr(service.last, "\"device_id\":\"my-device\""));
	assert_non_null(strstr(service.last, "\"summaries\":{"));
	service.status = 500;
	int before = service.requests;
	wait_until(service.requests > before);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char *live = mem_printf("%s/live", folder);
	(void)rmdir(live);
	free(live);
	return rmdir(folder);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(webrtc_has_its_port_its_sessions_and_those_that_ended),
		CASE(what_a_webrtc_publisher_sends_is_told),
		CASE(srt_has_its_ports),
		CASE(srt_sessions_are_a_list_of_pages),
		CASE(a_drain_is_wished_for_and_called_off),
		CASE(programs_and_fetched_streams_are_listed_without_passwords),
		CASE(a_program_that_fails_again_and_again_is_given_up),
		CASE(recordings_are_listed_begun_and_ended),
		CASE(a_long_list_of_recordings_is_made_in_slices),
		CASE(without_tls_there_are_no_certificates),
		CASE(metrics_are_told_when_they_are_on),
		CASE(a_service_is_told_that_the_server_is_there),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
