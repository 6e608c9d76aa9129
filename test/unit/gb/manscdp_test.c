/* Control messages of devices, in the character sets and shapes in which they come. */
#include "gb/manscdp.h"
#include "support/unit.h"

#include <string.h>

static struct manscdp m;

static int teardown(void **state)
{
	(void)state;
	manscdp_fini(&m);
	return 0;
}

static bool read(const char *text)
{
	manscdp_fini(&m);
	return manscdp_read(&m, span_str(text));
}

static void expect_text(const char *name, const char *want)
{
	char text[GB_TEXT];
	manscdp_text(text, sizeof(text), m.inside, name);
	assert_string_equal(text, want);
}

static void a_keepalive_is_read(void **state)
{
	(void)state;
	assert_true(read("<?xml version=\"1.0\"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n"
			 "<SN> 43 </SN><DeviceID>34020000001320000001</DeviceID></Notify>\r\n"));
	assert_true(span_is(m.root, "Notify"));
	assert_true(span_is(manscdp_field(m.inside, "CmdType"), "Keepalive"));
	assert_int_equal(manscdp_number(m.inside, "SN"), 43);
	assert_int_equal(manscdp_number(m.inside, "SumNum"), -1);
	assert_int_equal(manscdp_number(m.inside, "CmdType"), -1);
	assert_true(gb_is_id(manscdp_field(m.inside, "DeviceID")));
}

static void items_of_a_list_are_taken_one_by_one(void **state)
{
	(void)state;
	assert_true(read("<Response><DeviceList Num=\"2\">\r\n<!-- <Item> -->"
			 "<Item><DeviceID>1</DeviceID><Info><Item>inner</Item></Info></Item>\r\n"
			 "<Item><DeviceID>2</DeviceID></Item><Item/></DeviceList></Response>"));
	struct span rest = manscdp_field(m.inside, "DeviceList"), name, item;
	static const char *const ids[] = {"1", "2", ""};
	for (size_t i = 0; i < 3; i++) {
		assert_true(manscdp_next(&rest, &name, &item));
		assert_true(span_is(name, "Item"));
		assert_true(span_is(manscdp_field(item, "DeviceID"), ids[i]));
	}
	assert_false(manscdp_next(&rest, &name, &item));
}

static void texts_may_be_gb18030_or_utf_8(void **state)
{
	(void)state;
	/* "camera" in Chinese */
	assert_true(read("<?xml version=\"1.0\" "
			 "encoding=\"GB2312\"?><a><n>\xC9\xE3\xCF\xF1\xCD\xB7 1</n></a>"));
	expect_text("n", "\xE6\x91\x84\xE5\x83\x8F\xE5\xA4\xB4 1");
	assert_true(read("<?xml version=\"1.0\" "
			 "encoding=\"GB2312\"?><a><n>\xE6\x91\x84\xE5\x83\x8F</n></a>"));
	expect_text("n", "\xE6\x91\x84\xE5\x83\x8F");
	assert_true(read("<a><n>x\xFFy</n></a>"));
	expect_text("n", "x?y");
}

static void texts_are_fit_for_people(void **state)
{
	(void)state;
	assert_true(read("<a><n> a &amp;&lt;b&gt; \x01 &quot;c&apos; &what; </n><long>"
			 "0123456789012345678901234567890123456789</long></a>"));
	expect_text("n", "a &<b>  \"c' &what;");
	expect_text("none", "");
	char text[8];
	manscdp_text(text, sizeof(text), m.inside, "long");
	assert_string_equal(text, "0123456");
}

static void what_is_no_document_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"hello",
		"<a>",
		"<a><b></a",
		"<a",
		"</a>",
		"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
		"<!-- <a></a>",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(read(bad[i]));
}

static void queries_are_written(void **state)
{
	(void)state;
	struct buf out = {.max = 1024};
	manscdp_write_query(&out, "Catalog", 7, "34020000001320000001");
	assert_true(read(buf_text(&out)));
	assert_true(span_is(m.root, "Query"));
	assert_int_equal(manscdp_number(m.inside, "SN"), 7);
	buf_free(&out);
}

static void ids_have_twenty_digits(void **state)
{
	(void)state;
	assert_true(gb_is_id(span_str("34020000001320000001")));
	assert_false(gb_is_id(span_str("3402000000132000001")));
	assert_false(gb_is_id(span_str("3402000000132000000x")));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_keepalive_is_read),
		CASE(items_of_a_list_are_taken_one_by_one),
		CASE(texts_may_be_gb18030_or_utf_8),
		CASE(texts_are_fit_for_people),
		CASE(what_is_no_document_is_refused),
		CASE(queries_are_written),
		CASE(ids_have_twenty_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
