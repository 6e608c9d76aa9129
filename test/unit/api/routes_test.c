/* Who may call what: the rows of the whole router are walked, so that a route that comes later is in here or fails. What
 * may change something is listed, with what its caller must be allowed; so is what anybody may ask. */
#include "api/access.h"
#include "api/api.h"
#include "api/credentials.h"
#include "api/metrics.h"
#include "service/health.h"
#include "service/hls_serve.h"
#include "service/http_service.h"
#include "service/page.h"
#include "service/whip.h"
#include "support/test_server.h"
#include "unit/http/peer.h"

#include <string.h>
#include <unistd.h>

static struct http_router router;
static struct server *server;
static struct buf heard;

static const char conf_text[] =
	"http_api { enabled on; auth { enabled on; bearer r t-read read; bearer k t-kick kick; "
	"bearer c t-config config; } raw_api { enabled on; allow_reload on; } }\n"
	"vhost __defaultVhost__ { }";

/* ---- what there is to be known of a route ---- */

/* A scope of 0: it changes something, and nobody is asked who it is but by the rules of streams. */
static const struct change {
	const char *method, *pattern;
	unsigned scope;
} changes[] = {
	{"DELETE", "/api/v1/clients/<id>", SCOPE_KICK},
	{"DELETE", "/api/v1/clusters/clients/<id>", SCOPE_KICK},
	{"POST", "/api/v1/recordings", SCOPE_CONFIG},
	{"DELETE", "/api/v1/recordings", SCOPE_CONFIG},
	{"POST", "/api/v1/drain", SCOPE_CONFIG},
	{"DELETE", "/api/v1/drain", SCOPE_CONFIG},
	{"POST", "/gb/v1/publish", SCOPE_CONFIG},
	{"DELETE", "/gb/v1/publish", SCOPE_CONFIG},
	/* Who publishes and plays by WebRTC, and ends that: clients as those of RTMP are. */
	{"POST", "/rtc/v1/publish", 0},
	{"POST", "/rtc/v1/play", 0},
	{"POST", "/rtc/v1/whip/<id>", 0},
	{"PATCH", "/rtc/v1/whip/<id>", 0},
	{"DELETE", "/rtc/v1/whip/<id>", 0},
	{"POST", "/rtc/v1/whep/<id>", 0},
	{"PATCH", "/rtc/v1/whep/<id>", 0},
	{"DELETE", "/rtc/v1/whep/<id>", 0},
	{"POST", "/rtc/v1/whip-play/<id>", 0},
	{"PATCH", "/rtc/v1/whip-play/<id>", 0},
	{"DELETE", "/rtc/v1/whip-play/<id>", 0},
};

/* What anybody may ask at the API's port, beside streams. */
static const char *const open_to_all[] = {"/",        "/api/v1/page", "/page/*",
					  "/healthz", "/readyz",      "/console/*"};

static const struct change *change_of(const char *method, const char *pattern)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (strcmp(changes[i].method, method) == 0 &&
		    strcmp(changes[i].pattern, pattern) == 0)
			return &changes[i];
	return NULL;
}

static bool is_open(const struct http_route *row)
{
	for (size_t i = 0; i < sizeof(open_to_all) / sizeof(open_to_all[0]); i++)
		if (strcmp(open_to_all[i], row->pattern) == 0)
			return true;
	return strncmp(row->pattern, "/rtc/v1/", 8) == 0;
}

/* ---- a knock ---- */

static int setup(void **state)
{
	if (!router.count) {
		health_mount(&router);
		page_mount(&router);
		metrics_mount(&router);
		whip_mount(&router, NULL);
		api_mount(&router);
		hls_serve_mount(&router, NULL);
		http_service_mount(&router);
	}
	return co_setup(state);
}

static int teardown(void **state)
{
	test_server_free(&server);
	buf_free(&heard);
	return co_teardown(state);
}

/* A path that the pattern fits. */
static char *path_of(const char *pattern)
{
	size_t n = strlen(pattern);
	if (n > 5 && strcmp(pattern + n - 5, "/<id>") == 0)
		return mem_printf("%.*s/7", (int)(n - 5), pattern);
	if (n > 1 && pattern[n - 1] == '*')
		return mem_printf("%.*sx", (int)(n - 1), pattern);
	return mem_strdup(pattern);
}

/* The status by which the guard of the row sends the caller away; 0: it lets it in, and the line of the audit that
 * the call leaves then has been written. */
static int knock(const struct http_route *row, const char *method, const char *path,
		 const char *token)
{
	struct http_session s = {.server = server,
				 .router = &router,
				 .conf = server->conf,
				 .ports = HTTP_PORT_API,
				 .route = row,
				 .tail = "",
				 .cors = ""};
	bool refused = false;
	struct sock *client;
	char *text = mem_printf("%s %s HTTP/1.1\r\nHost: h\r\n%s%s%s\r\n", method, path,
				token ? "Authorization: Bearer " : "", token ? token : "",
				token ? "\r\n" : "");
	buf_free(&heard);
	peer_pair(&client, &s.sock);
	peer_send(client, text);
	s.conn = http_conn_new(s.sock);
	assert_int_equal(http_recv_request(s.conn, &s.request, clock_after(PEER_MS)), OK);
	assert_int_equal(row->guard(&s, &refused), OK);
	if (!refused)
		access_audit(&s, 0);
	http_message_free(&s.request);
	http_conn_free(&s.conn);
	free(s.caller);
	sock_close(&s.sock);
	const char *answer = peer_recv_all(client, &heard);
	int status = refused ? (int)strtol(answer + 9, NULL, 10) : 0;
	sock_close(&client);
	free(text);
	return status;
}

/* ---- lines of the log, which go to the standard error while there is no other place ---- */

static char log_path[] = "/tmp/srs-routes-XXXXXX";
static int log_fd, stderr_fd;

static void catch_log(void)
{
	strcpy(log_path + strlen(log_path) - 6, "XXXXXX");
	log_fd = mkstemp(log_path);
	assert_true(log_fd >= 0);
	unlink(log_path);
	stderr_fd = dup(2);
	dup2(log_fd, 2);
}

/* Whether there was such a text, of what was caught. */
static bool caught(const char *text)
{
	char lines[4096];
	dup2(stderr_fd, 2);
	close(stderr_fd);
	ssize_t n = pread(log_fd, lines, sizeof(lines) - 1, 0);
	close(log_fd);
	lines[n > 0 ? n : 0] = '\0';
	return strstr(lines, text);
}

/* ---- the rows ---- */

static const struct {
	const char *text;
	int bit;
} methods[] = {
	{"GET", HTTP_GET},     {"POST", HTTP_POST},     {"PUT", HTTP_PUT},
	{"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE},
};
enum { METHODS = sizeof(methods) / sizeof(methods[0]) };

static const struct {
	const char *token;
	unsigned scope;
} callers[] = {
	{NULL, 0}, {"t-read", SCOPE_READ}, {"t-kick", SCOPE_KICK}, {"t-config", SCOPE_CONFIG}};

/* All callers at one route: nobody is 401, who may not is 403, and a change leaves a line. */
static void check_callers(const struct http_route *row, const char *method, const char *path,
			  unsigned scope)
{
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		bool good = callers[i].scope & scope;
		catch_log();
		int status = knock(row, method, path, callers[i].token);
		bool told = caught("audit: ");
		int want = good ? 0 : callers[i].token ? 403 : 401;
		if (status != want)
			fail_msg("%s %s as %s: %d instead of %d", method, path,
				 callers[i].token ? callers[i].token : "nobody", status, want);
		if (told != (good && scope != SCOPE_READ))
			fail_msg("%s %s: %s", method, path, told ? "a line" : "no line");
	}
}

static unsigned scope_of(const struct http_route *row, const char *method)
{
	const struct change *change = change_of(method, row->pattern);
	if (change)
		return change->scope;
	if (strcmp(method, "GET") == 0)
		return SCOPE_READ;
	if (row->methods != HTTP_ANY)
		fail_msg("%s %s may change something: say who may", method, row->pattern);
	/* SRS answers any method as a GET; what asks for a change by it is asked who it is all the same. */
	return strcmp(method, "POST") == 0 ? SCOPE_READ : SCOPE_CONFIG;
}

static void each_route_of_the_api_asks_who_calls_and_whether_he_may(void **state)
{
	(void)state;
	int rows = 0, changed = 0;
	server = test_server_new(conf_text);
	for (size_t i = 0; i < router.count; i++) {
		const struct http_route *row = &router.rows[i];
		if (row->guard != access_check)
			continue;
		char *path = path_of(row->pattern);
		for (int m = 0; m < METHODS; m++) {
			if (!(row->methods & methods[m].bit))
				continue;
			unsigned scope = scope_of(row, methods[m].text);
			check_callers(row, methods[m].text, path, scope);
			rows++;
			changed += change_of(methods[m].text, row->pattern) != NULL;
		}
		free(path);
	}
	assert_true(rows > 60);
	assert_int_equal(changed, 8); /* every one of the list that has a scope */
}

static void a_reload_is_a_change_although_it_is_a_get(void **state)
{
	(void)state;
	const char *tail;
	server = test_server_new(conf_text);
	const struct http_route *raw =
		http_router_find(&router, NULL, HTTP_PORT_API, "/api/v1/raw", &tail);
	check_callers(raw, "GET", "/api/v1/raw?rpc=reload", SCOPE_CONFIG);
	check_callers(raw, "POST", "/api/v1/raw?a=1&rpc=%72eload", SCOPE_CONFIG);
	check_callers(raw, "HEAD", "/api/v1/raw?rpc=reload", SCOPE_CONFIG);
	check_callers(raw, "GET", "/api/v1/raw?rpc=raw", SCOPE_READ);
}

static void what_asks_nobody_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < router.count; i++) {
		const struct http_route *row = &router.rows[i];
		assert_true(row->guard == access_check || !row->guard);
		if (row->guard || !(row->ports & HTTP_PORT_API))
			continue;
		if (!is_open(row))
			fail_msg("%s is there for anybody: say why", row->pattern);
		for (int m = 0; m < METHODS; m++)
			if (row->methods != HTTP_ANY && row->methods & methods[m].bit &&
			    methods[m].bit != HTTP_GET && !change_of(methods[m].text, row->pattern))
				fail_msg("%s %s changes something: say who may", methods[m].text,
					 row->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_route_of_the_api_asks_who_calls_and_whether_he_may, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reload_is_a_change_although_it_is_a_get, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_asks_nobody_is_known, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
