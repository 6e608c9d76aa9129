#include "node/access_log.h"
#include "support/unit.h"

#include <string.h>

enum { LINE_ROOM = 8000 };

static struct traffic count(const struct client *c)
{
	(void)c;
	return (struct traffic){0};
}

/* A client that sends pages of quotes, or of characters of more than one byte, is still in the log. */
static void long_texts_are_cut(void **state)
{
	static const char *const units[] = {"\"", "\\", "€", "xx€"};
	static const struct client_ops ops = {.count = count};
	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct addr peer = {0};
		char page[4097] = "";
		for (size_t n = 0; n + strlen(units[i]) < sizeof(page); n += strlen(units[i]))
			strcpy(page + n, units[i]);
		struct client c = {.ops = &ops,
				   .id = "12345678",
				   .type = "rtmp-play",
				   .peer = &peer,
				   .page_url = page,
				   .url = page,
				   .why = page};
		for (int json = 0; json < 2; json++) {
			struct buf line = {.max = LINE_ROOM};
			access_log_write(&line, &c, json);
			assert_true(buf_ok(&line));
			assert_non_null(strstr(buf_text(&line), "12345678"));
			assert_null(strstr(buf_text(&line), "€ \"")); /* no half characters */
			assert_null(strstr(buf_text(&line), "x \""));
			assert_true(line.n > 2 * 1000);
			buf_free(&line);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
