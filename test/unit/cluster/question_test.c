/* What an edge asks about a client, how that is signed, and how long answers are kept. */
#include "base/mem.h"
#include "cluster/question.h"
#include "cluster/token_answers.h"
#include "codec/url.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char secret[] = "alpha", none[] = "", vhost_name[] = "a";

static const struct question sample = {
	.vhost = "a",
	.app = "live",
	.stream = "x",
	.param = "?sig=1",
	.path = "/live/x.flv",
	.proof = "",
	.ip = "203.0.113.7",
	.page_url = "http://page",
	.swf_url = "",
	.tc_url = "rtmp://a/live",
	.hops = 1,
};

static struct server server_of(const char *id, char *text)
{
	struct conf_vhost vhost = {.name = vhost_name,
				   .cluster = {.secret = text, .secret_file = none}};
	struct conf conf = {.vhost_count = 1, .vhosts = &vhost};
	struct server s = {.signer = signer_new(id)};
	assert_int_equal(signer_load(s.signer, &conf), OK);
	return s;
}

static enum sign_verdict asked(const struct question *said, char *with, const char *to)
{
	struct server edge = server_of("edge", with), origin = server_of("here", secret);
	struct question read;
	struct amf *object = question_write(&sample, &edge, vhost_name, to);
	assert_true(question_read(&read, object));
	enum sign_verdict verdict = question_check(&origin, said ? said : &read, object);
	amf_free(&object);
	signer_free(&edge.signer);
	signer_free(&origin.signer);
	return verdict;
}

static void a_signature_is_for_each_word_of_the_question(void **state)
{
	(void)state;
	assert_int_equal(asked(NULL, secret, "here"), SIGN_GOOD);
	assert_int_equal(asked(NULL, secret, "there"), SIGN_MISDIRECTED);
	assert_int_equal(asked(NULL, none, "here"), SIGN_MISSING);
	struct question other[14];
	for (size_t i = 0; i < 14; i++)
		other[i] = sample;
	other[0].vhost = other[1].app = other[2].stream = other[3].param = other[4].path =
		other[5].proof = other[6].ip = other[7].page_url = other[8].swf_url =
			other[9].tc_url = "other";
	other[10].publish = other[11].http = true;
	other[12].hops = 2;
	other[13].app = "liv"; /* and the letter with the next word */
	other[13].stream = "ex";
	for (size_t i = 0; i < 14; i++)
		assert_int_equal(asked(&other[i], secret, "here"), SIGN_FORGED);
}

static void what_is_no_question_is_not_read(void **state)
{
	(void)state;
	static const struct {
		const char *action, *app, *stream;
		double hops;
		bool want;
	} cases[] = {
		{"play", "live", "x", 0, true},   {"publish", "live", "x", 64, true},
		{"", "live", "x", 0, false},      {"delete", "live", "x", 0, false},
		{"play", "", "x", 0, false},      {"play", "live", "", 0, false},
		{"play", "live", "x", -1, false}, {"play", "live", "x", 65, false},
	};
	struct question q;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct amf *o = amf_object();
		amf_set(o, "action", amf_string(cases[i].action));
		amf_set(o, "app", amf_string(cases[i].app));
		amf_set(o, "stream", amf_string(cases[i].stream));
		amf_set(o, "hops", amf_number(cases[i].hops));
		assert_int_equal(question_read(&q, o), cases[i].want);
		assert_string_equal(q.ip, "");
		amf_free(&o);
	}
	assert_false(question_read(&q, NULL));
}

/* Whoever judges relies on the lengths that clients of our own have. */
static void a_question_of_long_words_is_not_read(void **state)
{
	static const struct {
		const char *name;
		size_t max;
	} words[] = {{"vhost", URL_MAX},
		     {"app", URL_MAX},
		     {"stream", URL_MAX},
		     {"param", URL_MAX},
		     {"tcUrl", 16384}};
	static char text[32768];
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (size_t more = 0; more < 2; more++) {
			struct question q;
			struct server edge = server_of("edge", none);
			struct amf *o = question_write(&sample, &edge, vhost_name, "here");
			text[words[i].max + more] = '\0';
			amf_set(o, words[i].name, amf_string(text));
			text[words[i].max + more] = 'x';
			assert_int_equal(question_read(&q, o), more == 0);
			amf_free(&o);
			signer_free(&edge.signer);
		}
}

static void what_is_no_answer_allows_nothing(void **state)
{
	(void)state;
	struct question_answer a, yes = {.allowed = true, .good_ms = 3000, .code = "c"};
	struct amf *o = question_answer_write(&yes);
	question_answer_read(&a, o);
	assert_true(a.allowed && a.good_ms == 3000 && strcmp(a.code, "c") == 0);
	amf_set(o, "good_ms", amf_number(1e300));
	question_answer_read(&a, o);
	assert_int_equal(a.good_ms, 10000);
	amf_set(o, "allowed", amf_number(2));
	amf_set(o, "good_ms", amf_number(-1));
	question_answer_read(&a, o);
	assert_true(!a.allowed && a.good_ms == 0);
	question_answer_read(&a, NULL);
	assert_false(a.allowed);
	amf_free(&o);
}

/* ---- answers that are kept ---- */

static void an_answer_is_kept_for_its_time_alone(void **state)
{
	(void)state;
	struct token_answers *t = token_answers_new();
	struct question_answer out, yes = {.allowed = true, .good_ms = 10000},
				    gone = {.allowed = true, .good_ms = 1},
				    never = {.allowed = true};
	token_answers_keep(t, "a", &yes);
	token_answers_keep(t, "b", &gone);
	token_answers_keep(t, "c", &never);
	int64_t until = clock_ms() + 2;
	while (clock_ms() < until)
		;
	assert_true(token_answers_get(t, "a", &out) && out.allowed);
	assert_false(token_answers_get(t, "b", &out));
	assert_false(token_answers_get(t, "c", &out));
	assert_false(token_answers_get(t, "d", &out));
	token_answers_free(&t);
}

static void the_oldest_answers_make_room(void **state)
{
	(void)state;
	struct token_answers *t = token_answers_new();
	struct question_answer out, yes = {.allowed = true, .good_ms = 10000};
	char name[16], *large = mem_alloc(TOKEN_QUESTION_MAX + 2);
	for (int i = 0; i <= TOKEN_ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		token_answers_keep(t, name, &yes);
	}
	assert_false(token_answers_get(t, "0", &out));
	assert_true(token_answers_get(t, "1", &out) && token_answers_get(t, name, &out));
	memset(large, 'x', TOKEN_QUESTION_MAX + 1);
	large[TOKEN_QUESTION_MAX + 1] = '\0';
	token_answers_keep(t, large, &yes);
	assert_false(token_answers_get(t, large, &out));
	free(large);
	token_answers_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_is_for_each_word_of_the_question),
		cmocka_unit_test(what_is_no_question_is_not_read),
		cmocka_unit_test(a_question_of_long_words_is_not_read),
		cmocka_unit_test(what_is_no_answer_allows_nothing),
		cmocka_unit_test(an_answer_is_kept_for_its_time_alone),
		cmocka_unit_test(the_oldest_answers_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
