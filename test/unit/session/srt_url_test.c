/* What an SRT URL says of whom to call, and how. */
#include "session/srt_url.h"
#include "support/unit.h"

static void a_url_names_host_stream_id_and_options(void **state)
{
	struct srt_options o = {.maxbw = -1, .recv_latency_ms = 120, .passphrase = ""};
	struct srt_url u;
	(void)state;
	assert_true(srt_url_is("srt://h"));
	assert_false(srt_url_is("rtmp://h"));
	assert_int_equal(
		srt_url_parse(&u, &o,
			      "srt://host.example:9000?streamid=#!::r=a/b,m=publish&latency=250"
			      "&passphrase=ten-characters&pbkeylen=32&maxbw=1000&mode=caller"
			      "&program=2&audio=3"),
		OK);
	assert_string_equal(u.at.host, "host.example");
	assert_int_equal(u.at.port, 9000);
	assert_string_equal(u.stream_id, "#!::r=a/b,m=publish");
	assert_string_equal(o.passphrase, "ten-characters");
	assert_int_equal(o.recv_latency_ms, 250);
	assert_int_equal(o.peer_latency_ms, 250);
	assert_int_equal(o.key_bytes, 32);
	assert_int_equal(o.maxbw, 1000);
	assert_int_equal(u.program, 2);
	assert_int_equal(u.audio, 3);
}

static void what_it_leaves_out_stays(void **state)
{
	struct srt_options o = {.maxbw = -1, .recv_latency_ms = 120, .passphrase = ""};
	struct srt_url u;
	(void)state;
	assert_int_equal(srt_url_parse(&u, &o, "srt://[::1]"), OK);
	assert_string_equal(u.at.host, "::1");
	assert_int_equal(u.at.port, 10080);
	assert_string_equal(u.stream_id, "");
	assert_string_equal(o.passphrase, "");
	assert_int_equal(o.recv_latency_ms, 120);
	assert_int_equal(o.maxbw, -1);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const bad[] = {
		"rtmp://h",           "srt://",
		"srt://?streamid=a",  "srt://h?latency=soon",
		"srt://h?latency=-5", "srt://h?maxbw=1x",
		"srt://h?pbkeylen=",  "srt://h?program=0",
		"srt://h?audio=two",  "srt://h?program=65536",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct srt_options o = {.passphrase = ""};
		struct srt_url u;
		assert_int_not_equal(srt_url_parse(&u, &o, bad[i]), OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_names_host_stream_id_and_options),
		cmocka_unit_test(what_it_leaves_out_stays),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
