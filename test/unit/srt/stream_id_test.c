/* What the forms of a stream id mean, and which are none. */
#include "srt/stream_id.h"
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

static const struct stream_id_defaults defaults = {
	.stream_id = "#!::r=live/livestream,m=request", .app = "live", .mode = STREAM_ID_REQUEST};

struct row {
	const char *text;
	const char *want; /* "mode vhost app stream query" */
};

static const struct row good[] = {
	{"", "play - live livestream -"},
	{"cam", "play - live cam -"},
	{"app/cam", "play - app cam -"},
	{"app/room/cam", "play - app room/cam -"},
	{"/app/cam", "play - app cam -"},
	{"app/cam?token=a=b&x=1", "play - app cam token=a%3Db&x=1"},
	{"app/cam?", "play - app cam -"},
	{"#!::r=app/cam,m=publish", "publish - app cam -"},
	{"#!::m=PUBLISH,r=/app/cam", "publish - app cam -"},
	{"#!::r=app/cam", "play - app cam -"},
	{"#!::r=cam", "play - live cam -"},
	{"#!::r=app/cam,m=request,token=YWJj==,u=me", "play - app cam token=YWJj%3D%3D&u=me"},
	{"#!::r=app/cam?token=x&y=2;z=3", "play - app cam token=x&y=2&z=3"},
	{"#!::h=host.example,r=app/cam,m=publish", "publish host.example app cam -"},
	{"#!::h=app/cam,m=publish", "publish - app cam -"},
	{"#!::h=host.example/app/cam", "play host.example app cam -"},
	{"#!::r=app/cam,empty=", "play - app cam empty="},
	{"#!::,,r=app/cam,,", "play - app cam -"},
	{"publish:app/cam", "publish - app cam -"},
	{"publish:app/cam:me:secret:x", "publish - app cam user=me&pass=secret:x"},
	{"read:cam:me:pw?token=x", "play - live cam user=me&pass=pw&token=x"},
	{"read:cam?a=b:c", "play - live cam a=b:c"},
	{"10:30", "play - live 10:30 -"},
	{"app/K\xc3\xa4se", "play - app K\xc3\xa4se -"},
	{"app/cam?audio=none", "play - app cam audio=none"},
	{"#!::r=app/cam,program=x", "play - app cam program=x"},
};

static const struct {
	const char *text;
	enum stream_id_fault fault;
} bad[] = {
	{"#!::r=app/cam,m=bidirectional", STREAM_ID_MODE},
	{"#!::r=app/cam,m=", STREAM_ID_MODE},
	{"#!::m=publish", STREAM_ID_NO_STREAM},
	{"#!::", STREAM_ID_NO_STREAM},
	{"#!::r=,m=publish", STREAM_ID_NO_STREAM},
	{"#!::r=app/,m=publish", STREAM_ID_NO_STREAM},
	{"#!::r=app//cam", STREAM_ID_NO_STREAM},
	{"#!::r=app/../cam", STREAM_ID_NO_STREAM},
	{"app/./cam", STREAM_ID_NO_STREAM},
	{"..", STREAM_ID_NO_STREAM},
	{"app/", STREAM_ID_NO_STREAM},
	{"/", STREAM_ID_NO_STREAM},
	{"publish:", STREAM_ID_NO_STREAM},
	{"#!::r=app/cam,m=publish,program=0", STREAM_ID_NUMBER},
	{"#!::program=,r=app/cam,m=publish", STREAM_ID_NUMBER},
	{"#!::r=app/cam,m=publish,program=65536", STREAM_ID_NUMBER},
	{"#!::r=app/cam,m=publish,program=99999999999999999999", STREAM_ID_NUMBER},
	{"#!::r=app/cam,m=publish,audio=-1", STREAM_ID_NUMBER},
	{"publish:app/cam?audio=2x", STREAM_ID_NUMBER},
	{"#!::=x,r=app/cam", STREAM_ID_SYNTAX},
	{"#!:{r=app/cam}", STREAM_ID_SYNTAX},
	{"#app/cam", STREAM_ID_SYNTAX},
	{"app/c\nam", STREAM_ID_CHARACTERS},
	{"app/\xff", STREAM_ID_CHARACTERS},
	{"app/c\x7f", STREAM_ID_CHARACTERS},
};

static const char *text_or(const char *text)
{
	return *text ? text : "-";
}

static void each_form_means_what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct stream_id id;
		char got[4096];
		assert_int_equal(stream_id_parse(&id, good[i].text, &defaults), STREAM_ID_OK);
		snprintf(got, sizeof(got), "%s %s %s %s %s",
			 id.mode == STREAM_ID_PUBLISH ? "publish" : "play", text_or(id.vhost),
			 text_or(id.app), text_or(id.stream), text_or(id.query));
		assert_string_equal(got, good[i].want);
	}
}

static void what_is_none_is_refused(void **state)
{
	struct stream_id id;
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(stream_id_parse(&id, bad[i].text, &defaults), bad[i].fault);
		assert_non_null(stream_id_fault_text(bad[i].fault));
	}
}

static void a_plain_name_is_in_the_default_mode(void **state)
{
	struct stream_id_defaults publish = defaults;
	struct stream_id id;
	(void)state;
	publish.mode = STREAM_ID_PUBLISH;
	assert_int_equal(stream_id_parse(&id, "cam", &publish), STREAM_ID_OK);
	assert_int_equal(id.mode, STREAM_ID_PUBLISH);
	assert_int_equal(stream_id_parse(&id, "#!::r=cam", &publish), STREAM_ID_OK);
	assert_int_equal(id.mode, STREAM_ID_REQUEST);
	publish.stream_id = "#!::r=a/b,m=publish";
	assert_int_equal(stream_id_parse(&id, "", &publish), STREAM_ID_OK);
	assert_int_equal(id.mode, STREAM_ID_PUBLISH);
	assert_string_equal(id.app, "a");
}

static void a_publisher_names_program_and_audio(void **state)
{
	struct stream_id id;
	(void)state;
	assert_int_equal(
		stream_id_parse(&id, "#!::r=a/b,m=publish,program=65535,audio=2", &defaults),
		STREAM_ID_OK);
	assert_int_equal(id.program, 65535);
	assert_int_equal(id.audio, 2);
	assert_string_equal(id.query, "program=65535&audio=2");
	assert_int_equal(stream_id_parse(&id, "publish:a/b?program=7", &defaults), STREAM_ID_OK);
	assert_int_equal(id.program, 7);
	assert_int_equal(id.audio, 0);
}

static void a_long_one_is_bounded(void **state)
{
	char text[STREAM_ID_BYTES + 2];
	struct stream_id id;
	(void)state;
	memset(text, 'x', sizeof(text));
	text[STREAM_ID_BYTES + 1] = '\0';
	assert_int_equal(stream_id_parse(&id, text, &defaults), STREAM_ID_TOO_LONG);
	text[STREAM_ID_BYTES] = '\0';
	assert_int_equal(stream_id_parse(&id, text, &defaults), STREAM_ID_OK);
	text[300] = '/';
	assert_int_equal(stream_id_parse(&id, text, &defaults), STREAM_ID_TOO_LONG);
	memcpy(text, "#!::r=a,k=", 10);
	memset(text + 10, '"', STREAM_ID_BYTES - 10);
	assert_int_equal(stream_id_parse(&id, text, &defaults), STREAM_ID_OK);
	assert_int_equal(strlen(id.query), 2 + 3 * (STREAM_ID_BYTES - 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_means_what_it_says),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(a_plain_name_is_in_the_default_mode),
		cmocka_unit_test(a_publisher_names_program_and_audio),
		cmocka_unit_test(a_long_one_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
