/* The vectors were computed by an independent program: key k3y-1234567890, time 1900000000. */
#include "base/mem.h"
#include "session/signed_link.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY "k3y-1234567890"
#define NOW INT64_C(1900000000)

struct vector {
	enum conf_link_format format;
	const char *key, *path, *param, *proof;
	bool expires;
};

static const struct vector vectors[] = {
	{LINK_FORMAT_HMAC, "k1:" KEY, "/live/a",
	 "?exp=1900000000&kid=k1&sig=ZcwxjcshH3ojEUogDsCTM_4HZKQu4GCVWYXQRwxiK48", "", true},
	{LINK_FORMAT_ALIBABA, KEY, "/live/a",
	 "?auth_key=1900000000-r4nd-0-e4a56ce1f747849df5e831605e19900a", "", true},
	{LINK_FORMAT_ALIBABA, KEY, "/live/a.flv",
	 "?auth_key=1900000000-r4nd-0-6d43159d0ac320ef914f65b8e0aeb666", "", true},
	{LINK_FORMAT_TENCENT_CDN, KEY, "/live/a.flv",
	 "?sign=1900000000-r4nd-0-6d43159d0ac320ef914f65b8e0aeb666", "", true},
	{LINK_FORMAT_TYPE_C, KEY, "/live/a.flv", "", "8a03f16d699caa22e11443df67bceae8/713fb300",
	 true},
	{LINK_FORMAT_TYPE_D, KEY, "/live/a.flv",
	 "?sign=34da55dc09d3082f8d8c9c11ca56fdab&t=1900000000", "", true},
	{LINK_FORMAT_TENCENT, KEY, "/live/a",
	 "?txSecret=9c3c083adc90bada546e64b2f8efac38&txTime=713FB300", "", true},
	{LINK_FORMAT_HUAWEI, KEY, "/live/a",
	 "?hwSecret=d2d1a24583acc0f8bed0811856406d9ca552f67c63a4cb45a5b661f452c4ddc4"
	 "&hwTime=713fb300",
	 "", true},
	{LINK_FORMAT_LAL, KEY, "/live/a", "?lal_secret=0fa867431cf4d57faa28aefd65d6a0fc", "",
	 false},
	{LINK_FORMAT_SECURE_LINK, KEY, "/live/a.flv",
	 "?md5=QmyrMwyQyIjVmcuy08xS_A&expires=1900000000", "", true},
	{LINK_FORMAT_SECURE_LINK_SECRET, KEY, "/live/a.flv", "",
	 "p/0c2f8d197e03a1aa0be14184b93d4f20", false},
	{LINK_FORMAT_WOWZA, KEY, "/live/a",
	 "?wowzatokenstarttime=0&wowzatokenendtime=1900000000"
	 "&wowzatokenhash=dFyHzzrBiCxbT_jzhCZNsdR8nS0zKQ_-hmHbEcGSTcY=",
	 "", true},
	{LINK_FORMAT_AKAMAI, "00112233445566778899aabbccddeeff", "/live/a",
	 "?hdnts=exp=1900000000~acl=/live/a*"
	 "~hmac=f760f8dcd52ffea64434d2b3c4782f82dea2b0e05bfcd462fb6c7604a4c35927",
	 "", true},
	{LINK_FORMAT_JWT, KEY, "/live/a",
	 "?token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
	 "eyJleHAiOjE5MDAwMDAwMDAsImFjdGlvbiI6InBsYXkiLCJwYXRoIjoiL2xpdmUvYSJ9."
	 "DkbwpmnmddKuETo3ytIn5gYY3Bw_bnfyuItfYjxbFNs",
	 "", true},
};
enum { VECTORS = sizeof(vectors) / sizeof(*vectors) };

static char no_parameter[] = "", other_key[] = "k9:another";

struct asked {
	enum link_action action;
	const char *stream, *path, *ip;
	int64_t now_s, validity_ms, *end_s;
	bool other_key, bind;
};

static bool is_good(const struct vector *v, const struct asked *asked)
{
	char why[LINK_WHY_MAX] = "", key[128];
	char *keys[] = {other_key, key};
	snprintf(key, sizeof(key), "%s", asked->other_key ? "k1:wrong" : v->key);
	struct conf_signed_links conf = {
		.enabled = true,
		.publish = true,
		.play = true,
		.format = v->format,
		.keys = {.count = 2, .v = keys},
		.parameter = no_parameter,
		.bind_address = asked->bind,
		.validity_ms = asked->validity_ms,
	};
	struct link_ask ask = {
		.action = asked->action,
		.app = "live",
		.stream = asked->stream ? asked->stream : "a",
		.path = asked->path ? asked->path : v->path,
		.param = v->param,
		.proof = v->proof,
		.ip = asked->ip ? asked->ip : "127.0.0.1",
		.now_s = asked->now_s ? asked->now_s : NOW,
		.end_s = asked->end_s,
	};
	bool good = signed_link_check(&conf, &ask, why);
	assert_true(good || *why);
	return good;
}

static void the_vectors_of_each_format_are_good(void **state)
{
	(void)state;
	for (int i = 0; i < VECTORS; i++)
		if (!is_good(&vectors[i], &(struct asked){.action = LINK_PLAY}))
			fail_msg("%s%s", vectors[i].proof, vectors[i].param);
}

static void a_link_is_good_up_to_its_time(void **state)
{
	(void)state;
	for (int i = 0; i < VECTORS; i++)
		if (is_good(&vectors[i], &(struct asked){.action = LINK_PLAY, .now_s = NOW + 1}) ==
		    vectors[i].expires)
			fail_msg("%s%s", vectors[i].proof, vectors[i].param);
}

static void a_time_that_is_never_is_good(void **state)
{
	static const struct vector never = {
		LINK_FORMAT_TENCENT,
		KEY,
		"/live/a",
		"?txSecret=50fb91032b9e361bab1efc5217bee51c&txTime=7FFFFFFFFFFFFFFF",
		"",
		true};
	int64_t end_s = 0;
	(void)state;
	assert_true(is_good(
		&never,
		&(struct asked){.action = LINK_PLAY, .validity_ms = 3600000, .end_s = &end_s}));
	assert_true(end_s > NOW && end_s < INT64_MAX / 1000);
}

/* The start of a signed link is not to be hidden from who reads it. */
static void a_time_behind_rubbish_is_not_passed_over(void **state)
{
#define TIMES "wowzatokenstarttime=2000000000&wowzatokenendtime=2100000000"
#define HASH "&wowzatokenhash=XzwbFG0RCCYoKYFHXW8u5BukRABHAU7XispIys2N_u8="
	static const struct vector plain = {LINK_FORMAT_WOWZA, KEY, "/live/a",
					    "?" TIMES HASH,    "",  true},
				   hidden = {LINK_FORMAT_WOWZA, KEY, "/live/a",
					     "?x?" TIMES HASH,  "",  true};
	const struct asked in_time = {.action = LINK_PLAY, .now_s = 2050000000};
	(void)state;
	assert_true(is_good(&plain, &in_time));
	assert_false(is_good(&plain, &(struct asked){.action = LINK_PLAY}));
	assert_false(is_good(&hidden, &in_time));
	assert_false(is_good(&hidden, &(struct asked){.action = LINK_PLAY}));
#undef TIMES
#undef HASH
}

/* The key must not be pushed out of what is signed: the hash is that of "live/a?" alone. */
static void a_link_that_is_too_long_to_sign_is_refused(void **state)
{
	static char param[6000];
	struct vector v = {LINK_FORMAT_WOWZA, KEY, "/live/a", param, "", false};
	(void)state;
	snprintf(param, sizeof(param),
		 "?wowzatokenendtime=0&wowzatokenhash=buWbL-5upnVI5RMJX4fMY5KUh0UwOYpQ4m16Fuya7eg="
		 "&wowzatokenx=%05000d",
		 0);
	assert_false(is_good(&v, &(struct asked){.action = LINK_PLAY}));
}

static void a_link_by_another_key_is_refused(void **state)
{
	(void)state;
	for (int i = 0; i < VECTORS; i++)
		assert_false(is_good(&vectors[i],
				     &(struct asked){.action = LINK_PLAY, .other_key = true}));
}

static void a_link_is_for_its_stream_alone(void **state)
{
	(void)state;
	for (int i = 0; i < VECTORS; i++) {
		struct asked other = {.action = LINK_PLAY, .stream = "b", .path = "/live/b"};
		if (strstr(vectors[i].path, ".flv"))
			other.path = "/live/b.flv";
		assert_false(is_good(&vectors[i], &other));
	}
}

/* The formats whose signature covers the path: a link for FLV is none for HLS. */
static void a_link_of_a_path_is_for_its_extension(void **state)
{
	(void)state;
	for (int i = 0; i < VECTORS; i++) {
		if (!strstr(vectors[i].path, ".flv"))
			continue;
		assert_false(is_good(&vectors[i],
				     &(struct asked){.action = LINK_PLAY, .path = "/live/a.m3u8"}));
	}
}

static void a_link_to_play_is_none_to_publish(void **state)
{
	(void)state;
	assert_false(is_good(&vectors[0], &(struct asked){.action = LINK_PUBLISH}));
	assert_false(is_good(&vectors[VECTORS - 1], &(struct asked){.action = LINK_PUBLISH}));
}

static void a_bound_link_is_for_one_address(void **state)
{
	(void)state;
	/* Of the formats here only secure_link's is bound by itself. */
	for (int i = 0; i < VECTORS; i++)
		if (vectors[i].format == LINK_FORMAT_SECURE_LINK)
			assert_false(is_good(&vectors[i], &(struct asked){.action = LINK_PLAY,
									  .ip = "192.0.2.1"}));
	/* A link that is not bound is refused where links have to be. */
	assert_false(is_good(&vectors[0], &(struct asked){.action = LINK_PLAY, .bind = true}));
	assert_false(
		is_good(&vectors[VECTORS - 1], &(struct asked){.action = LINK_PLAY, .bind = true}));
}

static void a_parameter_that_is_there_twice_is_not_believed(void **state)
{
	struct vector v = vectors[1];
	char twice[256];
	(void)state;
	snprintf(twice, sizeof(twice), "%s&auth_key=1900000000-r4nd-0-1", v.param);
	v.param = twice;
	assert_false(is_good(&v, &(struct asked){.action = LINK_PLAY}));
}

static void what_is_no_link_at_all_is_refused_in_every_format(void **state)
{
	static const char *const rubbish[] = {
		"",
		"?",
		"?sig=&exp=&kid=",
		"?auth_key=-&sign=-&t=-&hdnts=~hmac=&token=..&md5=-&expires=-",
		"?sign=%zz&token=e30.e30.&hdnts=exp=1~acl=*~hmac=00",
		"?token=eyJhbGciOiJub25lIn0.e30.&wowzatokenhash=x&txSecret=x&txTime=x"
		"&hwSecret=x&hwTime=x&lal_secret=x&sig=x&exp=x&expires=x&md5=x",
	};
	(void)state;
	for (int i = 0; i < VECTORS; i++)
		for (size_t r = 0; r < sizeof(rubbish) / sizeof(*rubbish); r++) {
			struct vector v = vectors[i];
			v.param = rubbish[r];
			v.proof = r % 2 ? "" : "x/y";
			assert_false(is_good(&v, &(struct asked){.action = LINK_PLAY}));
		}
}

static void a_time_of_day_is_read_in_the_servers_zone(void **state)
{
	struct vector v = {LINK_FORMAT_TYPE_B,
			   KEY,
			   "/live/a.flv",
			   "",
			   "202911281200/a5a9d83e5cb6cd16c640158a50ac23f5",
			   true};
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	/* 2029-11-28 12:00 UTC */
	assert_true(is_good(&v, &(struct asked){.action = LINK_PLAY, .now_s = 1890561600}));
	assert_false(is_good(&v, &(struct asked){.action = LINK_PLAY, .now_s = 1890561601}));
	v.proof = "20291128120/a5a9d83e5cb6cd16c640158a50ac23f5";
	assert_false(is_good(&v, &(struct asked){.action = LINK_PLAY, .now_s = 1}));
}

static void a_proof_in_the_path_is_taken_off_the_app(void **state)
{
	struct conf_signed_links conf = {.enabled = true, .format = LINK_FORMAT_TYPE_C};
	char app[] = "8a03/713fb300/live/sub", few[] = "live/sub", other[] = "a/b/live";
	(void)state;
	char *proof = signed_link_take_proof(&conf, app);
	assert_string_equal(proof, "8a03/713fb300");
	assert_string_equal(app, "live/sub");
	free(proof);
	proof = signed_link_take_proof(&conf, few);
	assert_string_equal(proof, "");
	assert_string_equal(few, "live/sub");
	free(proof);
	conf.format = LINK_FORMAT_HMAC;
	proof = signed_link_take_proof(&conf, other);
	assert_string_equal(proof, "");
	assert_string_equal(other, "a/b/live");
	free(proof);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_each_format_are_good),
		cmocka_unit_test(a_link_is_good_up_to_its_time),
		cmocka_unit_test(a_time_that_is_never_is_good),
		cmocka_unit_test(a_time_behind_rubbish_is_not_passed_over),
		cmocka_unit_test(a_link_that_is_too_long_to_sign_is_refused),
		cmocka_unit_test(a_link_by_another_key_is_refused),
		cmocka_unit_test(a_link_is_for_its_stream_alone),
		cmocka_unit_test(a_link_of_a_path_is_for_its_extension),
		cmocka_unit_test(a_link_to_play_is_none_to_publish),
		cmocka_unit_test(a_bound_link_is_for_one_address),
		cmocka_unit_test(a_parameter_that_is_there_twice_is_not_believed),
		cmocka_unit_test(what_is_no_link_at_all_is_refused_in_every_format),
		cmocka_unit_test(a_time_of_day_is_read_in_the_servers_zone),
		cmocka_unit_test(a_proof_in_the_path_is_taken_off_the_app),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
