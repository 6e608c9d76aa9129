/* The table of routes, and the texts that answers are made of. */
#include "api/api.h"
#include "api/api_proc.h"
#include "api/api_route.h"

#include <stdlib.h>

#include "support/unit.h"

static struct http_router router;

static const struct {
	const char *path, *route, *tail; /* route NULL: there is none */
} paths[] = {
	{"/", "/", ""},
	{"/api", "/api", ""},
	{"/api/", "/api", ""},
	{"/api/v1", "/api/v1", ""},
	{"/api/v1/", "/api/v1", ""},
	{"/api/v1/versions", "/api/v1/versions", ""},
	{"/api/v1/versions/", "/api/v1/versions", ""},
	{"/api/v1/versions/1", "/api/*", "v1/versions/1"},
	{"/api/v1/versionsx", "/api/*", "v1/versionsx"},
	{"/api/v1/streams", "/api/v1/streams/<id>", ""},
	{"/api/v1/streams/", "/api/v1/streams/<id>", ""},
	{"/api/v1/streams/vid-1234567", "/api/v1/streams/<id>", "vid-1234567"},
	{"/api/v1/streams/a/b", "/api/*", "v1/streams/a/b"},
	{"/api/v1/clients/abcdefgh", "/api/v1/clients/<id>", "abcdefgh"},
	{"/api/v1/tests/requests", "/api/v1/tests/requests", ""},
	{"/api/v2", "/api/*", "v2"},
	{"/apis", NULL, NULL},
	{"/x", NULL, NULL},
};

static const struct http_route *find(const char *path, unsigned ports, const char **tail)
{
	if (!router.count)
		api_mount(&router);
	return http_router_find(&router, NULL, ports, path, tail);
}

static void paths_lead_to_their_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *tail = NULL;
		const struct http_route *r = find(paths[i].path, HTTP_PORT_API, &tail);
		if ((r != NULL) != (paths[i].route != NULL))
			fail_msg("%s", paths[i].path);
		if (!r)
			continue;
		assert_string_equal(r->pattern, paths[i].route);
		assert_string_equal(tail, paths[i].tail);
	}
}

static void the_port_of_files_tells_the_version_only(void **state)
{
	(void)state;
	const char *tail;
	assert_string_equal(find("/api/v1/versions", HTTP_PORT_FILES, &tail)->pattern,
			    "/api/v1/versions");
	assert_string_equal(find("/api/v1/summaries", HTTP_PORT_FILES, &tail)->pattern, "/api/*");
	assert_null(find("/", HTTP_PORT_FILES, &tail));
}

static void what_servers_ask_each_other_is_signed(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool is_signed;
	} cases[] = {
		{"/api/v1/clusters", true},          {"/api/v1/clusters/", true},
		{"/api/v1/clusters/streams", true},  {"/api/v1/clusters/nodes", true},
		{"/api/v1/clusters/clients", true},  {"/api/v1/clusters/clients/abcdefgh", true},
		{"/api/v1/versions", false},         {"/api/v1/summaries", false},
		{"/api/v1/clients/abcdefgh", false}, {"/api/v1/raw", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *tail;
		const struct http_route *row = find(cases[i].path, HTTP_PORT_API, &tail);
		assert_non_null(row);
		const struct api_route *r = row->arg;
		if (!(r->flags & ROUTE_SIGNED) == cases[i].is_signed)
			fail_msg("%s", cases[i].path);
	}
}

static void parameters_are_decoded_and_bounded(void **state)
{
	(void)state;
	char query[] = "start=7&count=99999&app=a%2Fb&bad=%zz&neg=-5&word=x";
	struct http_message request = {.query = query};
	struct api_call call = {.request = &request};
	static const struct {
		const char *name;
		int value;
	} numbers[] = {{"start", 7}, {"count", 1000}, {"none", 50}, {"neg", 3}, {"word", 50}};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(api_query_int(&call, numbers[i].name, 50, 3, 1000),
				 numbers[i].value);
	static const char *const texts[][2] = {{"app", "a/b"}, {"bad", ""}, {"none", ""}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *value = api_query(&call, texts[i][0]);
		assert_string_equal(value, texts[i][1]);
		free(value);
	}
}

static void texts_that_are_no_utf8_are_shown_all_the_same(void **state)
{
	(void)state;
	json_t *object = json_object();
	json_put_text(object, "good", "\xe6\xba\x90");
	json_put_text(object, "bad",
		      "a\xff\xfe"
		      "b");
	assert_string_equal(json_string_value(json_object_get(object, "good")), "\xe6\xba\x90");
	assert_string_equal(json_string_value(json_object_get(object, "bad")), "a??b");
	json_decref(object);
}

static void numbers_are_found_by_their_names(void **state)
{
	(void)state;
	static const char text[] =
		"MemTotal:  100 kB\nMemFree:\t20 kB\nSwapCached: 3 kB\nCached: 7 kB\n";
	assert_int_equal(proc_number(text, "MemTotal"), 100);
	assert_int_equal(proc_number(text, "MemFree"), 20);
	assert_int_equal(proc_number(text, "Cached"), 7);
	assert_int_equal(proc_number(text, "Mem"), 0);
	assert_int_equal(proc_number("", "Cached"), 0);
}

static const char proc_dev[] =
	"Inter-|   Receive                                                |  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
	"drop "
	"fifo colls carrier compressed\n"
	"    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
	"  eth0: 7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n"
	"wlan0:70 1 0 0 0 0 0 0 90 1 0 0 0 0 0 0\n"
	"  bad0: 5\n"
	"  eth1: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n";

static void loopback_is_no_network_and_lines_end_where_they_end(void **state)
{
	(void)state;
	struct proc_net net = {0};
	proc_net_read(&net, proc_dev);
	assert_int_equal(net.recv, 7 + 70 + 100);
	assert_int_equal(net.send, 9 + 90 + 200);
	assert_int_equal(net.local_recv, 1000);
	assert_int_equal(net.local_send, 1000);
	proc_net_read(&net, "");
	proc_net_read(&net, "eth0:");
	proc_net_read(&net, "eth0: 1 2 3\nno colon 1 2 3 4 5 6 7 8 9\nlo: 1 2 3 4 5 6 7 8");
	assert_int_equal(net.recv, 7 + 70 + 100);
}

static void disks_are_counted(void **state)
{
	(void)state;
	static const char diskstats[] =
		"   8       0 sda 100 0 2000 50 200 0 4000 60 0 700 110 0 0 0 0 0 0\n"
		"   8       1 sda1 90 0 1800 50 190 0 3900 60 0 650 100\n"
		" 253       0 dm-0 1 2 3\n";
	struct proc_disk_total a, b;
	struct proc_disk share;
	char absent[] = "absent", *names[] = {absent};
	const struct text_list all = {0}, none = {.count = 1, .v = names};
	proc_disk_read(&a, "nr_free_pages 5\npgpgin 1000\npgpgout 2000\npgpginx 9\n", diskstats,
		       &all);
	proc_disk_read(&b, "", diskstats, &none);
	assert_int_equal(b.busy_ms, 0);
	assert_int_equal(a.read_kbyte, 1000);
	assert_int_equal(a.written_kbyte, 2000);
	assert_int_equal(a.busy_ms, 700);
	b = (struct proc_disk_total){.read_kbyte = 3000, .written_kbyte = 2500, .busy_ms = 1700};
	proc_disk_share(&share, &a, &b, 2000);
	assert_int_equal(share.read_kbps, 1000);
	assert_int_equal(share.write_kbps, 250);
	assert_int_equal((int)(share.busy * 100), 50);
	proc_disk_share(&share, &a, &b, 500);
	assert_int_equal((int)share.busy, 1);
	proc_disk_share(&share, &a, &b, 0);
	assert_int_equal(share.read_kbps, 0);
	proc_disk_read(&a, "", "", &all);
	assert_int_equal(a.busy_ms, 0);
}

static void the_machine_has_memory_and_this_process_uses_some(void **state)
{
	(void)state;
	struct proc_memory m;
	struct proc_cpu cpu;
	proc_memory(&m);
	proc_cpu(&cpu);
	assert_true(m.total > 0 && m.percent_ram >= 0 && m.percent_ram <= 1);
	assert_true(cpu.percent >= 0 && cpu.percent <= 1);
	assert_true(proc_self_kbyte() > 100 && proc_self_kbyte() < m.total);
	assert_string_equal(proc_text("/proc/self/no-such-file"), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_lead_to_their_routes),
		cmocka_unit_test(the_port_of_files_tells_the_version_only),
		cmocka_unit_test(what_servers_ask_each_other_is_signed),
		cmocka_unit_test(parameters_are_decoded_and_bounded),
		cmocka_unit_test(texts_that_are_no_utf8_are_shown_all_the_same),
		cmocka_unit_test(numbers_are_found_by_their_names),
		cmocka_unit_test(loopback_is_no_network_and_lines_end_where_they_end),
		cmocka_unit_test(disks_are_counted),
		cmocka_unit_test(the_machine_has_memory_and_this_process_uses_some),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
