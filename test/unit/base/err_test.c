#include "base/err.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void every_row_has_its_words(void **state)
{
	(void)state;
	static const struct {
		err e;
		const char *slug;
		enum err_severity severity;
	} rows[] = {
		{OK, "ok", ERR_QUIET},
#define X(id, slug, severity, text) {ERR_##id, slug, ERR_##severity},
#include "base/err_list.h"
#undef X
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_string_equal(err_slug(rows[i].e), rows[i].slug);
		assert_int_equal(err_severity(rows[i].e), rows[i].severity);
		assert_true(strlen(err_text(rows[i].e)) > 5);
		assert_null(strchr(rows[i].slug, ' '));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rows[k].slug, rows[i].slug);
	}
}

static void without_words_the_trail_is_the_sentence_of_the_table(void **state)
{
	(void)state;
	assert_string_equal(err_trail(ERR_FULL), err_text(ERR_FULL));
	assert_int_equal(err_add(ERR_TIMEOUT, "play %s", "live/a"), ERR_TIMEOUT);
	assert_string_equal(err_trail(ERR_TIMEOUT),
			    "play live/a: the peer was silent for too long");
}

static void context_goes_in_front_of_the_cause(void **state)
{
	(void)state;
	assert_int_equal(err_fail(ERR_PROTOCOL, "chunk size %d", 0), ERR_PROTOCOL);
	assert_int_equal(err_add(ERR_PROTOCOL, "handshake"), ERR_PROTOCOL);
	assert_string_equal(err_trail(ERR_PROTOCOL), "handshake: chunk size 0");
	assert_int_equal(err_fail(ERR_CLOSED, "gone"), ERR_CLOSED);
	assert_string_equal(err_trail(ERR_CLOSED), "gone");
}

static void words_are_shown_for_their_own_code_only(void **state)
{
	(void)state;
	assert_int_equal(err_fail(ERR_PROTOCOL, "chunk size 0"), ERR_PROTOCOL);
	assert_string_equal(err_trail(ERR_LIMIT), err_text(ERR_LIMIT));
	assert_string_equal(err_trail(ERR_PROTOCOL), "chunk size 0");
	assert_int_equal(err_add(ERR_LIMIT, "publish"), ERR_LIMIT);
	assert_string_equal(err_trail(ERR_LIMIT), "publish: a limit was exceeded");
	assert_string_equal(err_trail(ERR_PROTOCOL), err_text(ERR_PROTOCOL));
}

static void a_plain_error_has_no_words_of_an_earlier_one(void **state)
{
	(void)state;
	assert_int_equal(err_plain(ERR_TIMEOUT), ERR_TIMEOUT);
	assert_int_equal(err_fail(ERR_TIMEOUT, "no message came"), ERR_TIMEOUT);
	assert_int_equal(err_plain(ERR_CLOSED), ERR_CLOSED);
	assert_string_equal(err_trail(ERR_TIMEOUT), "no message came");
	assert_int_equal(err_plain(ERR_TIMEOUT), ERR_TIMEOUT);
	assert_string_equal(err_trail(ERR_TIMEOUT), err_text(ERR_TIMEOUT));
}

static void words_may_be_made_of_those_before(void **state)
{
	(void)state;
	assert_int_equal(err_fail(ERR_CLOSED, "read: gone"), ERR_CLOSED);
	assert_int_equal(err_fail(ERR_UPSTREAM, "origin: %s", err_trail(ERR_CLOSED)), ERR_UPSTREAM);
	assert_string_equal(err_trail(ERR_UPSTREAM), "origin: read: gone");
}

static void errno_is_spelt_out_and_kept(void **state)
{
	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(ERR_SYSTEM, "open %s", "x"), ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(err_trail(ERR_SYSTEM), "open x: No such file or directory");
}

static void a_long_trail_is_cut_and_keeps_its_front(void **state)
{
	(void)state;
	char words[1000];
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	assert_int_equal(err_fail(ERR_LIMIT, "%s", words), ERR_LIMIT);
	for (int i = 0; i < 100; i++)
		assert_int_equal(err_add(ERR_LIMIT, "level %d", i), ERR_LIMIT);
	assert_true(strlen(err_trail(ERR_LIMIT)) < ERR_WORDS_MAX);
	assert_memory_equal(err_trail(ERR_LIMIT), "level 99: level 98: ", 20);
	errno = EPERM;
	assert_int_equal(err_sys(ERR_LIMIT, "%s", words), ERR_LIMIT);
	assert_int_equal(strlen(err_trail(ERR_LIMIT)), ERR_WORDS_MAX - 1);
}

static struct err_trail *other;
static struct err_trail **other_slot(void)
{
	return &other;
}

static void each_slot_has_its_own_trail(void **state)
{
	(void)state;
	assert_int_equal(err_fail(ERR_CLOSED, "first"), ERR_CLOSED);
	err_set_trail_slot(other_slot);
	assert_string_equal(err_trail(ERR_CLOSED), err_text(ERR_CLOSED));
	assert_int_equal(err_fail(ERR_CLOSED, "second"), ERR_CLOSED);
	err_set_trail_slot(NULL);
	assert_string_equal(err_trail(ERR_CLOSED), "first");
	assert_string_equal(other->words, "second");
	free(other);
	other = NULL;
}

static err step(err e, int *after)
{
	TRY(e);
	(*after)++;
	return OK;
}

static void try_returns_the_error_and_nothing_else(void **state)
{
	(void)state;
	int after = 0;
	assert_int_equal(step(ERR_FULL, &after), ERR_FULL);
	assert_int_equal(after, 0);
	assert_int_equal(step(OK, &after), OK);
	assert_int_equal(after, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_its_words),
		cmocka_unit_test(without_words_the_trail_is_the_sentence_of_the_table),
		cmocka_unit_test(context_goes_in_front_of_the_cause),
		cmocka_unit_test(words_are_shown_for_their_own_code_only),
		cmocka_unit_test(a_plain_error_has_no_words_of_an_earlier_one),
		cmocka_unit_test(words_may_be_made_of_those_before),
		cmocka_unit_test(errno_is_spelt_out_and_kept),
		cmocka_unit_test(a_long_trail_is_cut_and_keeps_its_front),
		cmocka_unit_test(each_slot_has_its_own_trail),
		cmocka_unit_test(try_returns_the_error_and_nothing_else),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
