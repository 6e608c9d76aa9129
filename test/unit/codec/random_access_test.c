/* Where a decoder can begin although no key frame is marked. */
#include "codec/random_access.h"
#include "support/unit.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static const struct {
	const char *name;
	const uint8_t *p;
	size_t n;
	unsigned form;
	bool starts;
} cases[] = {
	{"a P slice", BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9A), 4, false},
	{"an IDR slice that is not marked", BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88), 4,
	 true},
	{"an IDR slice behind parameter sets",
	 BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 9, 0xF0, 0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, 0x65, 1), 4,
	 true},
	{"a recovery point before a P slice",
	 BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 5, 6, 6, 1, 0xC0, 0x80, 0, 0, 0, 2, 0x41, 0x9A), 4, true},
	{"a recovery point behind another SEI message",
	 BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 9, 6, 1, 2, 7, 7, 6, 1, 0xC0, 0x80, 0, 0, 0, 2, 0x41, 1),
	 4, true},
	{"lengths of two bytes",
	 BYTES(0x27, 1, 0, 0, 0, 0, 5, 6, 6, 1, 0xC0, 0x80, 0, 2, 0x41, 0x9A), 2, true},
	{"Annex B", BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 1, 6, 6, 1, 0xC0, 0x80, 0, 0, 1, 0x41, 9), 4,
	 true},
	{"a SEI that says nothing of it",
	 BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 5, 6, 5, 1, 0xC0, 0x80, 0, 0, 0, 2, 0x41, 0x9A), 4,
	 false},
	{"a recovery point behind the slice is of another picture",
	 BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 0x9A, 0, 0, 0, 5, 6, 6, 1, 0xC0, 0x80), 4,
	 false},
	{"a SEI that is cut short", BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 2, 6, 255), 4, false},
	{"a length that leads beyond the end", BYTES(0x27, 1, 0, 0, 0, 0, 0, 0, 9, 6, 6), 4, false},
	{"HEVC, a trailing picture", BYTES(0xA3, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x02, 0x01, 0xD0),
	 4, false},
	{"HEVC, a CRA picture", BYTES(0xA3, 'h', 'v', 'c', '1', 0, 0, 0, 3, 0x2A, 0x01, 0xAC), 4,
	 true},
	{"HEVC, a recovery point",
	 BYTES(0xA3, 'h', 'v', 'c', '1', 0, 0, 0, 6, 0x4E, 0x01, 6, 1, 0xC0, 0x80, 0, 0, 0, 3, 0x02,
	       1, 1),
	 4, true},
	{"another codec", BYTES(0x22, 0, 0, 0, 0, 0, 0, 0, 2, 0x65), 4, false},
	{"a header", BYTES(0x17, 0, 0, 0, 0, 0, 0, 0, 2, 0x65), 4, false},
	{"nothing", BYTES(0x27), 4, false},
};

static void starts_are_found_by_what_stands_before_the_picture(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].name);
		assert_int_equal(
			random_access_of_video(span_of(cases[i].p, cases[i].n), cases[i].form),
			cases[i].starts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_are_found_by_what_stands_before_the_picture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
