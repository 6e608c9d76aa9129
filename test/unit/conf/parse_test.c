/* The two syntaxes: what becomes a tree, and what is told about what does not. */
#include "base/mem.h"
#include "conf/parse.h"
#include "unit/conf/support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct parse_case {
	const char *what;
	const char *text;
	const char *tree;  /* as tree_print writes it */
	const char *error; /* a part of the report, "" for none */
};

static const struct parse_case grammar[] = {
	{"an empty file is an empty tree", "", "", ""},
	{"a name alone", "listen;", "listen\n", ""},
	{"a name with arguments", "listen 1935  1936\t1937;", "listen <1935> <1936> <1937>\n", ""},
	{"blocks nest", "a{b{c d;}}", "a\n  b\n    c <d>\n", ""},
	{"a block may be empty", "a {\n}\n", "a\n", ""},
	{"a block may have arguments", "vhost v { a b; }", "vhost <v>\n  a <b>\n", ""},
	{"several directives share a line", "a 1;b 2;c{d;}e;", "a <1>\nb <2>\nc\n  d\ne\n", ""},
	{"lines between directives are free", "\n\n a 1;\r\n\r\n\tb;\n", "a <1>\nb\n", ""},
	{"a lone CR ends a line", "a 1;\rb 2\rc 3;", "a <1>\nc <3>\n", "t.conf:2: unexpected end"},
	{"a comment goes to the end of its line", "# a;\nb; # c;\n#\n#d", "b\n", ""},
	{"a comment in any language", "# \xe6\xba\x90\xe7\xab\x99\nb;", "b\n", ""},
	{"a # inside a word is a character", "a rtmp://h/b#c;", "a <rtmp://h/b#c>\n", ""},
	{"a quote inside a word is a character", "a b'c d\"e;", "a <b'c> <d\"e>\n", ""},
	{"a } inside a word is a character", "a b}c;", "a <b}c>\n", ""},
	{"quotes keep everything", "a \"b ; { # } ' c\" 'd\"';", "a <b ; { # } ' c> <d\">\n", ""},
	{"quotes keep line ends", "a 'b\nc';\nd", "a <b\nc>\n", "t.conf:3: the file ends"},
	{"quotes know no escapes", "a 'b\\' c;", "a <b\\> <c>\n", ""},
	{"a quoted block name", "'a' \"b\"{c;}", "a <b>\n  c\n", ""},
	{"an empty quote is no argument", "a \"\" b '';", "a <b>\n", ""},
	{"an empty quote is no name", "\"\";", "", "t.conf:1: ';' without a directive"},
	{"a byte order mark is skipped",
	 "\xef\xbb\xbf"
	 "a;",
	 "a\n", ""},

	{"a line end before ; is an error", "a b\nc;", "c\n",
	 "t.conf:1: unexpected end of line after 'a'"},
	{"a line end before { is an error", "a;\nb\n{c;}", "a\n",
	 "t.conf:2: unexpected end of line"},
	{"a comment does not hide the line end", "a b # c\n;", "",
	 "t.conf:1: unexpected end of line"},
	{"several forgotten ; are told at once", "a\nb\nc;", "c\n",
	 "t.conf:2: unexpected end of line after 'b'"},
	{"; without a word", "a;\n;\nb;", "a\nb\n", "t.conf:2: ';' without"},
	{"{ without a word", "a;\n{b;}", "a\n", "t.conf:2: '{' without"},
	{"} with words pending", "a {\nb }\nc;", "a\nc\n", "t.conf:2: unexpected '}' after 'b'"},
	{"} at file level", "a;\n}", "a\n", "t.conf:2: unexpected '}': no block is open"},
	{"the end inside a block", "a;\nb {\nc;\n", "a\nb\n  c\n",
	 "inside the block 'b' of line 2"},
	{"the end inside a directive", "a;\nb", "a\n",
	 "t.conf:2: the file ends in the middle of 'b'"},
	{"text behind a quote", "a 'b'c;", "", "t.conf:1: a closing quote '"},
	{"a quote that is never closed", "a;\nb 'c;\n\n", "a\n",
	 "t.conf:2: the quote ' is never closed"},
	{"an include without a name", "include;", "", "t.conf:1: 'include' expects"},
	{"an include with a block", "include a {b;}", "", "t.conf:1: 'include' takes names"},
	{"an include of nothing", "a;\ninclude no/such.conf;", "a\n",
	 "t.conf:2: cannot open 'no/such.conf': No such file"},
};

static const struct parse_case yaml[] = {
	{"an empty file is an empty tree", "", "", ""},
	{"comments only", "# a\n", "", ""},
	{"a scalar is an argument", "listen: 1935", "listen <1935>\n", ""},
	{"a list is the arguments", "listen: [1935, '1936']", "listen <1935> <1936>\n", ""},
	{"a block list is the same", "listen:\n- 1935\n- 1936\n", "listen <1935> <1936>\n", ""},
	{"no value is no argument", "a:\nb: ''\nc: []\n", "a\nb\nc\n", ""},
	{"a mapping is a block", "a:\n  b:\n    c: d\n", "a\n  b\n    c <d>\n", ""},
	{"YAML does not decide what a text means", "a: no\nb: 0123\nc: 1e3\nd: ~\ne: !!int 'x'\n",
	 "a <no>\nb <0123>\nc <1e3>\nd <~>\ne <x>\n", ""},
	{"a named block is a mapping of names", "vhost:\n  v:\n    a: b\n  w:\n  x: {}\n",
	 "vhost <v>\n  a <b>\nvhost <w>\nvhost <x>\n", ""},
	{"a vhost inside a vhost's cluster is a text", "vhost: {v: {cluster: {vhost: w}}}",
	 "vhost <v>\n  cluster\n    vhost <w>\n", ""},
	{"a list of lists repeats the directive", "allow: [[play, all], [publish, all]]",
	 "allow <play> <all>\nallow <publish> <all>\n", ""},
	{"an anchor is used again", "a: &x [1, 2]\nb: *x\nc: &y {d: e}\nf: *y\n",
	 "a <1> <2>\nb <1> <2>\nc\n  d <e>\nf\n  d <e>\n", ""},
	{"a quoted text may have blanks", "a: 'b c'", "a <b c>\n", ""},

	{"a list of blocks", "a:\n- b: c\n", "a\n", "t.yaml:2: an item of this list must be plain"},
	{"a mixed list", "a:\n- [b]\n- c\n", "a <b>\na\n", "t.yaml:3: a list is expected"},
	{"a name that is no text", "? [a]\n: b\n", "", "t.yaml:1: the name of a directive must be"},
	{"an empty name", "'': b\n", "", "t.yaml:1: a directive without a name"},
	{"a list as a file", "- a\n", "", "t.yaml:1: the file must be a mapping"},
	{"a scalar as a file", "a\n", "", "t.yaml:1: the file must be a mapping"},
	{"a vhost that is a text", "vhost:\n  v: w\n", "vhost <v>\n",
	 "t.yaml:2: a mapping is expected"},
	{"two documents", "a: b\n---\nc: d\n", "a <b>\n", "t.yaml:3: a second document"},
	{"not YAML", "a: b\n c: [", "", "t.yaml:2: this is not YAML"},
	{"an anchor that holds itself", "a: &x {b: *x}", NULL, "nested more than 16 deep"},
	{"a NUL in an escape", "a: \"b\\0c\"", "a\n", "t.yaml:1: a NUL byte"},
	{"a NUL in a name", "\"b\\0c\": d", "", "t.yaml:1: a NUL byte"},
};

static void run(const char *name, const struct parse_case *c)
{
	struct conf_report report;
	struct buf tree = {.max = 1 << 20};

	conf_report_init(&report);
	struct conf_tree *root = parse_memory(name, span_str(c->text), false, &report);
	tree_print(&tree, root);
	assert_says(buf_text(&report.errors), c->error, c->what);
	if (c->tree && strcmp(buf_text(&tree), c->tree) != 0)
		fail_msg("%s: expected\n%snot\n%s", c->what, c->tree, buf_text(&tree));
	tree_free(&root);
	buf_free(&tree);
	conf_report_fini(&report);
}

static void the_language_of_srs_becomes_a_tree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(grammar) / sizeof(grammar[0]); i++)
		run("t.conf", &grammar[i]);
}

static void yaml_becomes_the_same_tree(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(yaml) / sizeof(yaml[0]); i++)
		run("t.yaml", &yaml[i]);
}

static void every_directive_knows_its_line(void **state)
{
	(void)state;
	struct conf_report report;
	conf_report_init(&report);
	struct conf_tree *root = parse_memory(
		"t.conf", span_str("a;\n#\nb {\r\n  c 'x\ny' z;\nd;\n}"), true, &report);
	struct conf_tree *b = tree_find(root, "b");
	assert_int_equal(tree_find(root, "a")->line, 1);
	assert_int_equal(b->line, 3);
	assert_int_equal(tree_find(b, "c")->line, 4);
	assert_int_equal(tree_find(b, "d")->line, 6);
	tree_free(&root);
	root = parse_memory("t.yml", span_str("a: 1\nb:\n  c: 2\n\n  d:\n  - 3\n"), true, &report);
	b = tree_find(root, "b");
	assert_int_equal(b->line, 2);
	assert_int_equal(tree_find(b, "c")->line, 3);
	assert_int_equal(tree_find(b, "d")->line, 5);
	tree_free(&root);
	conf_report_fini(&report);
}

/* Errors of a text that is built by repeating `unit`. */
static void assert_repeated(const char *name, const char *head, const char *unit, int times,
			    const char *error)
{
	struct buf text = {.max = 8 << 20};
	struct conf_report report;

	conf_report_init(&report);
	buf_printf(&text, "%s", head);
	for (int i = 0; i < times; i++)
		buf_printf(&text, "%s", unit);
	struct conf_tree *root = parse_memory(name, buf_span(&text), true, &report);
	assert_says(buf_text(&report.errors), error, unit);
	tree_free(&root);
	buf_free(&text);
	conf_report_fini(&report);
}

static void sizes_have_limits(void **state)
{
	(void)state;
	assert_repeated("t.conf", "", "a{", 16, "the file ends inside");
	assert_repeated("t.conf", "", "a{", 17, "nested more than 16 deep");
	assert_repeated("t.conf", "", "a{", 100000, "nested more than 16 deep");
	assert_repeated("t.conf", "", "a b;", PARSE_WORDS_MAX / 2, "");
	assert_repeated("t.conf", "", "a b;", PARSE_WORDS_MAX / 2 + 1, "more than 200000 words");
	assert_repeated("t.conf", "", "a\n", 100000, "further problems are not shown");
	assert_repeated("t.yaml", "a: ", "{a: ", 100000, "more than 64 levels");
	assert_repeated("t.yaml", "a:\n", "- &a b\n", 100000, "or 1000 anchors");
	assert_repeated("t.yaml", "", "- ", 5000, "more than 64 levels");
	assert_repeated("t.yaml", "x: &x [1,2,3,4,5,6,7,8,9,10]\nb: &b\n  c0: *x\n", "  d: *x\n",
			10, "");
	assert_repeated("t.yaml",
			"a: &a {v: [1,2,3,4,5,6,7,8,9]}\n"
			"b: &b {a1: *a, a2: *a, a3: *a, a4: *a, a5: *a, a6: *a, a7: *a, a8: *a}\n"
			"c: &c {a1: *b, a2: *b, a3: *b, a4: *b, a5: *b, a6: *b, a7: *b, a8: *b}\n"
			"d: &d {a1: *c, a2: *c, a3: *c, a4: *c, a5: *c, a6: *c, a7: *c, a8: *c}\n"
			"e: &e {a1: *d, a2: *d, a3: *d, a4: *d, a5: *d, a6: *d, a7: *d, a8: *d}\n"
			"f: &f {a1: *e, a2: *e, a3: *e, a4: *e, a5: *e, a6: *e, a7: *e, a8: *e}\n"
			"g: &g {a1: *f, a2: *f, a3: *f, a4: *f, a5: *f, a6: *f, a7: *f, a8: *f}\n",
			"", 0, "more than 200000 words");
}

static void a_nul_byte_is_not_text(void **state)
{
	(void)state;
	struct conf_report report;
	conf_report_init(&report);
	struct conf_tree *root = parse_memory("t.conf", span_of("a;\0b;", 5), true, &report);
	assert_says(buf_text(&report.errors), "t.conf: a NUL byte", "NUL");
	tree_free(&root);
	conf_report_fini(&report);
}

static char folder[] = "/tmp/conf-test-XXXXXX";

static const char *write_file(const char *name, const char *text)
{
	static char path[4][256];
	static int turn;
	char *out = path[turn++ % 4];
	snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
	FILE *f = fopen(out, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
	return out;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char path[256];
	static const char *const names[] = {"a.conf", "b.conf", "c.yaml"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			return -1;
	}
	return rmdir(folder);
}

static void assert_file(const char *file, const char *want, const char *error)
{
	struct conf_report report;
	struct buf tree = {.max = 1 << 16};
	conf_report_init(&report);
	struct conf_tree *root = parse_file(file, &report);
	tree_print(&tree, root);
	assert_says(buf_text(&report.errors), error, file);
	if (want)
		assert_string_equal(buf_text(&tree), want);
	tree_free(&root);
	buf_free(&tree);
	conf_report_fini(&report);
}

static void files_are_included_in_their_place(void **state)
{
	(void)state;
	char *c = mem_strdup(write_file("c.yaml", "play: {atc: on}\n"));
	char *b = mem_strdup(write_file("b.conf", "b1; b2;"));
	char *text = mem_printf("a; vhost v { include %s \"%s\"; z; } include %s;", b, c, b);
	assert_file(write_file("a.conf", text),
		    "a\nvhost <v>\n  b1\n  b2\n  play\n    atc <on>\n  z\nb1\nb2\n", "");
	free(text);
	text = mem_printf("play: {atc: on}\ninclude: [%s]\n", b);
	assert_file(write_file("c.yaml", text), "play\n  atc <on>\nb1\nb2\n", "");
	free(text);
	free(b);
	free(c);
}

static void an_error_names_the_included_file_and_its_line(void **state)
{
	(void)state;
	char *b = mem_strdup(write_file("b.conf", "b1;\nb2"));
	char *text = mem_printf("a;\n\n\ninclude %s;", b);
	char *error = mem_printf("%s:2: the file ends in the middle of 'b2'", b);
	assert_file(write_file("a.conf", text), "a\nb1\n", error);
	free(error);
	free(text);
	free(b);
}

static void a_loop_of_includes_is_refused(void **state)
{
	(void)state;
	char *a = mem_printf("%s/a.conf", folder);
	char *b = mem_printf("%s/b.conf", folder);
	char *text = mem_printf("a; include %s;", b);
	write_file("a.conf", text);
	free(text);
	text = mem_printf("b; include %s;", a);
	write_file("b.conf", text);
	assert_file(a, "a\nb\n", "includes itself");
	free(text);
	free(a);
	free(b);
}

static void too_many_includes_are_refused(void **state)
{
	(void)state;
	char *b = mem_strdup(write_file("b.conf", "b;"));
	struct buf text = {.max = 1 << 20};
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "include %s;\n", b);
	assert_file(write_file("a.conf", buf_text(&text)), NULL, "too many included files");
	buf_free(&text);
	free(b);
}

static void a_file_of_more_than_a_megabyte_is_refused(void **state)
{
	(void)state;
	char *text = mem_alloc(PARSE_FILE_MAX + 2);
	memset(text, ' ', PARSE_FILE_MAX + 1);
	text[PARSE_FILE_MAX] = '\0';
	assert_file(write_file("a.conf", text), "", "");
	text[PARSE_FILE_MAX] = ' ';
	text[PARSE_FILE_MAX + 1] = '\0';
	assert_file(write_file("a.conf", text), "", "File too large");
	free(text);
	assert_file(folder, "", "Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_language_of_srs_becomes_a_tree),
		cmocka_unit_test(yaml_becomes_the_same_tree),
		cmocka_unit_test(every_directive_knows_its_line),
		cmocka_unit_test(sizes_have_limits),
		cmocka_unit_test(a_nul_byte_is_not_text),
		cmocka_unit_test(files_are_included_in_their_place),
		cmocka_unit_test(an_error_names_the_included_file_and_its_line),
		cmocka_unit_test(a_loop_of_includes_is_refused),
		cmocka_unit_test(too_many_includes_are_refused),
		cmocka_unit_test(a_file_of_more_than_a_megabyte_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
