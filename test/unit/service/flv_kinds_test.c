#include "service/flv_kinds.h"
#include "support/unit.h"

#include <string.h>

enum { LONG_AGO_MS = 10000, A = WIRE_AUDIO, V = WIRE_VIDEO };

static struct headers *metadata(const char *text)
{
	struct headers *h = NULL;
	struct msg *m = msg_new(MSG_DATA, 0, strlen(text));
	memcpy(m->payload, text, strlen(text));
	m->frame.is_meta = true;
	assert_true(headers_put(&h, m));
	msg_unref(&m);
	return h;
}

static void what_metadata_name_or_has_come_is_announced(void **state)
{
	(void)state;
	static const struct {
		bool audio, video;
		const char *metadata;
		int64_t age_ms;
		int kinds; /* -1: not known yet */
	} cases[] = {
		{true, true, "", 0, A | V},
		{true, false, "", 0, -1},
		{false, true, "", 0, -1},
		{false, false, "", 0, -1},
		{true, false, "", LONG_AGO_MS, A},
		{false, true, "", LONG_AGO_MS, V},
		{false, false, "", LONG_AGO_MS, A | V},
		{true, false, "audiocodecid", 0, A},
		{false, true, "videocodecid", 0, V},
		{true, false, "videocodecid", 0, A | V},
		{true, false, "audiocodecid videocodecid", 0, A | V},
		{false, false, "audiocodecid", 0, A},
	};
	const struct conf_http_remux conf = {.guess_has_av = true, .has_audio = true};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t now = clock_ms(), deadline = CLOCK_NEVER;
		struct source source = {.since_ms = now - cases[i].age_ms,
					.headers = metadata(cases[i].metadata),
					.has_audio = cases[i].audio,
					.has_video = cases[i].video};
		uint8_t kinds = 0;
		bool known = flv_kinds(&kinds, &source, &conf, &deadline);
		if (known != (cases[i].kinds >= 0) || (known && kinds != cases[i].kinds))
			fail_msg("case %zu: %d", i, known ? kinds : -1);
		assert_true(known ? deadline == CLOCK_NEVER
				  : deadline > now && deadline < now + LONG_AGO_MS);
		headers_unref(&source.headers);
	}
}

static void without_guessing_the_configuration_says_it_at_once(void **state)
{
	(void)state;
	const struct conf_http_remux conf = {.has_audio = true};
	const struct source source = {.has_video = true, .since_ms = clock_ms()};
	int64_t deadline = CLOCK_NEVER;
	uint8_t kinds = 0;
	assert_true(flv_kinds(&kinds, &source, &conf, &deadline));
	assert_int_equal(kinds, WIRE_AUDIO);
	assert_true(deadline == CLOCK_NEVER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_metadata_name_or_has_come_is_announced),
		cmocka_unit_test(without_guessing_the_configuration_says_it_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
