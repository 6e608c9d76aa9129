/* Credentials as TURN servers with a shared secret check them. */
#include "rtc/turn.h"
#include "support/unit.h"

#include <string.h>

static void words_are_those_of_the_secret_and_the_time(void **state)
{
	(void)state;
	struct turn_words words;
	assert_int_equal(turn_words_make(&words, "north", "8xk2p0qa", 1795900000), OK);
	assert_string_equal(words.name, "1795900000:8xk2p0qa");
	assert_string_equal(words.credential, "urzK3UyXm5l4ghgbv6Q9ePpJUxw=");
}

static void a_long_name_is_cut(void **state)
{
	(void)state;
	struct turn_words words;
	char who[200];
	memset(who, 'a', sizeof(who));
	who[sizeof(who) - 1] = '\0';
	assert_int_equal(turn_words_make(&words, "", who, 1), OK);
	assert_int_equal(strlen(words.name), TURN_NAME_MAX - 1);
	assert_int_equal(strlen(words.credential), 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_those_of_the_secret_and_the_time),
		cmocka_unit_test(a_long_name_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
