/* Notices are delivered to a scripted web service, which counts what it hears. */
#include "http/client.h"
#include "net/dns.h"
#include "node/hook_queue.h"
#include "support/co_unit.h"
#include "support/tcp.h"

#include <stdio.h>
#include <string.h>

#include "support/unit.h"

enum { HEARD_MAX = 64, PATIENCE_MS = 10000 };
#define YES "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0"
#define NO "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
#define BROKEN "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"

static struct service {
	struct listener *listener;
	struct co_group group;
	const char *answer;
	int busy, busy_max, heard;
	char bodies[HEARD_MAX][16];
	int64_t delay_ms;
} service;

static struct co_group services;
static struct hook_queue *queue;
static char url[64];

/* Bodies of these tests have eight bytes, and come with their head. */
static bool hear(struct sock *sock)
{
	char text[4096];
	size_t at = 0, n;
	for (;;) {
		if (sock_recv(sock, text + at, sizeof(text) - 1 - at, &n) != OK)
			return false;
		at += n;
		text[at] = '\0';
		char *body = strstr(text, "\r\n\r\n");
		if (!body || strlen(body + 4) < 8)
			continue;
		if (service.heard < HEARD_MAX)
			snprintf(service.bodies[service.heard], 16, "%s", body + 4);
		service.heard++;
		return true;
	}
}

static void serve(void *arg)
{
	struct sock *sock = arg;
	while (hear(sock)) {
		service.busy++;
		if (service.busy > service.busy_max)
			service.busy_max = service.busy;
		(void)co_sleep(service.delay_ms);
		service.busy--;
		if (sock_send(sock, service.answer, strlen(service.answer)) != OK)
			break;
	}
	sock_close(&sock);
}

static void on_accept(void *ctx, struct sock *sock)
{
	(void)ctx;
	co_start_in(&service.group, "service", serve, sock);
}

static void open_service(int port)
{
	char text[32];
	struct listen_opts opts = {.what = "test", .on_accept = on_accept};
	snprintf(text, sizeof(text), "127.0.0.1:%d", port);
	assert_true(hostport_listen(&opts.at, text));
	assert_int_equal(listener_open(&service.listener, &opts), OK);
	listener_start(service.listener);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook", listener_port(service.listener));
}

static void close_service(void)
{
	listener_close(&service.listener);
	co_group_stop(&service.group);
}

static int setup(void **state)
{
	(void)state;
	memset(&service, 0, sizeof(service));
	assert_int_equal(co_init(), OK);
	assert_int_equal(dns_init(NULL), OK);
	queue = hook_queue_new(&services, NULL);
	service.answer = YES;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_service();
	co_group_stop(&services);
	hook_queue_free(&queue);
	http_client_pool_close();
	dns_fini();
	co_fini();
	return 0;
}

static void put(int number, int max, int64_t age_ms)
{
	char body[16];
	snprintf(body, sizeof(body), "%08d", number);
	hook_queue_put(queue, &(struct hook_notice){
				      .url = url,
				      .event = "on_stop",
				      .content_type = "application/json",
				      .body = span_str(body),
				      .timeout_ms = 2000,
				      .age_ms = age_ms,
				      .queue_max = max,
			      });
}

static void wait_for(uint64_t delivered)
{
	int64_t until = clock_after(PATIENCE_MS);
	while (hook_queue_facts(queue).delivered < delivered && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_int_equal(hook_queue_facts(queue).delivered, delivered);
}

static void notices_are_delivered_a_few_at_a_time(void **state)
{
	(void)state;
	open_service(0);
	service.delay_ms = 5;
	for (int i = 0; i < 40; i++)
		put(i, 100, PATIENCE_MS);
	wait_for(40);
	assert_int_equal(service.heard, 40);
	assert_true(service.busy_max > 1);
	assert_true(service.busy_max <= 8);
	assert_int_equal(hook_queue_facts(queue).waiting, 0);
}

static void a_notice_waits_until_its_service_is_back(void **state)
{
	(void)state;
	open_service(0);
	int port = listener_port(service.listener);
	close_service();
	for (int i = 0; i < 10; i++)
		put(i, 100, PATIENCE_MS);
	int64_t until = clock_after(PATIENCE_MS);
	while (!hook_queue_facts(queue).retried && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_int_equal(hook_queue_facts(queue).delivered, 0);
	open_service(port);
	wait_for(10);
	assert_string_equal(service.bodies[0], "00000000");
	assert_int_equal(hook_queue_facts(queue).dropped, 0);
}

static void an_answer_that_says_no_is_an_answer(void **state)
{
	(void)state;
	open_service(0);
	service.answer = NO;
	put(1, 100, PATIENCE_MS);
	wait_for(1);
	assert_int_equal(hook_queue_facts(queue).refused, 1);
	assert_int_equal(service.heard, 1);
}

static void a_service_that_is_broken_is_asked_again(void **state)
{
	(void)state;
	open_service(0);
	service.answer = BROKEN;
	put(1, 100, PATIENCE_MS);
	int64_t until = clock_after(PATIENCE_MS);
	while (!hook_queue_facts(queue).retried && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	service.answer = YES;
	wait_for(1);
	assert_int_equal(service.heard, 2);
}

static void a_notice_without_room_is_dropped_and_counted(void **state)
{
	(void)state;
	open_service(0);
	close_service();
	for (int i = 0; i < 10; i++)
		put(i, 4, PATIENCE_MS);
	assert_int_equal(hook_queue_facts(queue).waiting, 4);
	assert_int_equal(hook_queue_facts(queue).dropped, 6);
}

/* on_hls_notify has a URL for each segment. */
static void urls_without_notices_are_forgotten(void **state)
{
	(void)state;
	open_service(0);
	close_service();
	put(0, 1, PATIENCE_MS);
	for (int i = 0; i < 100; i++) {
		snprintf(url, sizeof(url), "http://127.0.0.1:1/%d", i);
		put(i, 1, PATIENCE_MS);
	}
	assert_int_equal(hook_queue_facts(queue).dropped, 100);
	assert_int_equal(hook_queue_facts(queue).urls, 1);
}

/* One service may be reached under two names, by two vhosts or across a reload: the notices of each are its own. */
static void a_url_is_told_by_each_name_of_its_certificate(void **state)
{
	static const char *const names[] = {NULL, "", "a.example", "b.example", "a.example"};
	(void)state;
	open_service(0);
	close_service();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		hook_queue_put(queue, &(struct hook_notice){.url = url,
							    .tls_name = names[i],
							    .event = "on_stop",
							    .body = span_str("{}"),
							    .timeout_ms = 2000,
							    .age_ms = PATIENCE_MS,
							    .queue_max = 10});
	assert_int_equal(hook_queue_facts(queue).urls, 3);
}

static void an_old_notice_is_dropped_and_counted(void **state)
{
	(void)state;
	open_service(0);
	service.answer = BROKEN;
	put(1, 100, 100);
	put(2, 100, 100);
	int64_t until = clock_after(PATIENCE_MS);
	while (hook_queue_facts(queue).dropped < 2 && clock_ms() < until)
		assert_int_equal(co_sleep(5), OK);
	assert_int_equal(hook_queue_facts(queue).dropped, 2);
	assert_int_equal(hook_queue_facts(queue).waiting, 0);
}

static void the_end_waits_for_the_last_words(void **state)
{
	(void)state;
	open_service(0);
	service.delay_ms = 20;
	put(1, 100, PATIENCE_MS);
	hook_queue_drain(queue, clock_after(PATIENCE_MS));
	assert_int_equal(hook_queue_facts(queue).delivered, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(notices_are_delivered_a_few_at_a_time),
		TEST(a_notice_waits_until_its_service_is_back),
		TEST(an_answer_that_says_no_is_an_answer),
		TEST(a_service_that_is_broken_is_asked_again),
		TEST(a_notice_without_room_is_dropped_and_counted),
		TEST(urls_without_notices_are_forgotten),
		TEST(a_url_is_told_by_each_name_of_its_certificate),
		TEST(an_old_notice_is_dropped_and_counted),
		TEST(the_end_waits_for_the_last_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
