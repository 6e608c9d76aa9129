/* The log writes into a file or a FIFO of a folder of the test's own, which is read back. */
#include "base/log.h"
#include "base/log_sink.h"
#include "base/utf8.h"
#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96], moved[96];
static char text[64 * 1024];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/log_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_stop();
	log_set_id_slot(NULL);
	unlink(path);
	unlink(moved);
	return rmdir(dir);
}

static void start(enum log_level level)
{
	struct log_opts opts = {.level = level, .path = path};
	assert_int_equal(log_start(&opts), OK);
}

static const char *content(const char *of)
{
	FILE *f = fopen(of, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void assert_matches(const char *got, const char *pattern)
{
	regex_t re;
	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	int rc = regexec(&re, got, 0, NULL, 0);
	regfree(&re);
	if (rc != 0)
		fail_msg("\"%s\" does not match \"%s\"", got, pattern);
}

static const char *fixed_id(void)
{
	return "12345678";
}

static void a_line_has_time_level_process_and_connection(void **state)
{
	(void)state;
	start(LOG_INFO);
	log_info("client %s", "one");
	log_set_id_slot(fixed_id);
	log_warn("client two");
	log_stop();
	assert_matches(content(path),
		       "^\\[20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\.[0-9]{3}\\]\\[INFO\\]"
		       "\\[[0-9]+\\]\\[-\\] client one\n"
		       "\\[[^]]+\\]\\[WARN\\]\\[[0-9]+\\]\\[12345678\\] client two\n$");
}

static void lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	start(LOG_WARN);
	log_info("quiet");
	log_line(LOG_DEBUG, "quiet");
	log_warn("loud");
	log_set_level(LOG_DEBUG);
	log_debug("now");
	log_set_level(LOG_OFF);
	log_error("never");
	log_stop();
	log_set_level(LOG_INFO);
	const char *got = content(path);
	assert_null(strstr(got, "quiet"));
	assert_null(strstr(got, "never"));
	assert_non_null(strstr(got, "loud"));
	assert_non_null(strstr(got, "[DEBUG]"));
}

static void the_end_of_a_story_has_the_level_of_its_error(void **state)
{
	(void)state;
	static const struct {
		err e;
		const char *words;
		const char *want;
	} cases[] = {
		{OK, NULL, "\\[INFO\\][^ ]* play live/a\n"},
		{ERR_CLOSED, NULL, "\\[INFO\\][^ ]* play live/a: the peer closed the connection\n"},
		{ERR_PROTOCOL, "bad chunk", "\\[WARN\\][^ ]* play live/a: bad chunk\n"},
		{ERR_SYSTEM, "no socket", "\\[ERROR\\][^ ]* play live/a: no socket\n"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(LOG_INFO);
		if (cases[i].words)
			assert_int_equal(err_fail(cases[i].e, "%s", cases[i].words), cases[i].e);
		log_end(cases[i].e, "play %s", "live/a");
		assert_string_equal(err_trail(ERR_CLOSED), err_text(ERR_CLOSED));
		log_stop();
		assert_matches(content(path), cases[i].want);
		unlink(path);
	}
}

static void control_characters_cannot_forge_a_line(void **state)
{
	(void)state;
	start(LOG_INFO);
	log_info("a\n[2026-01-01]\033[31m b");
	log_stop();
	const char *got = content(path);
	assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
	assert_null(strchr(got, '\033'));
}

/* Wherever it comes from: a format, an argument, the words of an error. */
static void nothing_that_drives_a_terminal_is_written(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"x\xc2\x9b"
		"31mRED",
		"x\xe2\x80\xae"
		"gnp.exe",
		"x\xe2\x80\xa8[2026-11-28] forged",
		"x\xe2\x81\xa6y",
		"a\x7f"
		"b",
		"x\x9b"
		"2J",
		"x\xe2\x80",
	};
	start(LOG_INFO);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		log_info("%s", texts[i]);
		log_end(err_fail(ERR_CLOSED, "%s", texts[i]), "ended");
	}
	log_info("caf\xc3\xa9 \xe7\x9b\xb4\xe6\x92\xad \xf0\x9f\x8e\xa5");
	log_stop();
	const char *got = content(path);
	for (const char *p = got; *p; p += utf8_printable(p, strlen(p)) ?: 1)
		assert_true(*p == '\n' || utf8_printable(p, strlen(p)));
	assert_non_null(strstr(got, "caf\xc3\xa9 \xe7\x9b\xb4\xe6\x92\xad \xf0\x9f\x8e\xa5\n"));
}

static size_t count(const char *in, const char *what)
{
	size_t n = 0;
	for (const char *p = in; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* A limit of the size of files is a disk that is full. */
static void lines_that_a_full_disk_cost_are_counted(void **state)
{
	(void)state;
	enum { LINES = 50 };
	struct rlimit before, full;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	full = (struct rlimit){1000, before.rlim_max};
	start(LOG_INFO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < LINES; i++)
		log_info("number %d", i);
	log_stop(); /* tries to report the loss, which is lost, too */
	start(LOG_INFO);
	log_info("number %d", LINES);
	log_stop();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	const char *got = content(path);
	size_t whole = count(got, "] number ");
	assert_true(whole > 5 && whole < LINES);
	assert_int_equal(count(got, "\n"), whole);
	assert_int_equal(got[strlen(got) - 1], '\n');
	start(LOG_INFO);
	log_info("again");
	log_stop();
	char report[64];
	snprintf(report, sizeof(report), "%zu lines of the log were lost here\n",
		 LINES + 1 - whole);
	assert_non_null(strstr(content(path), report));
	assert_int_equal(count(text, "\n"), whole + 2);
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	(void)state;
	static char words[3 * LOG_SINK_LINE_MAX];
	memset(words, 'w', sizeof(words) - 1);
	start(LOG_INFO);
	log_info("%s", words);
	assert_int_equal(err_fail(ERR_CLOSED, "%s", words), ERR_CLOSED);
	log_end(ERR_CLOSED, "%s", words);
	log_info("next");
	log_stop();
	assert_matches(content(path), "^.*www\\.\\.\\.\n.*www\\.\\.\\.\n.* next\n$");
}

static void quoting_leaves_nothing_that_could_hurt_a_line(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *want;
	} cases[] = {
		{NULL, ""},
		{"", ""},
		{"live/stream?a=b", "live/stream?a=b"},
		{"a\"b\\c", "a\\\"b\\\\c"},
		{"a\r\n\033[1m\x7f", "a\\x0d\\x0a\\x1b[1m\\x7f"},
		{"\xe7\x9b\xb4\xe6\x92\xad", "\xe7\x9b\xb4\xe6\x92\xad"},
		{"\xc2\x9b!", "\\xc2\\x9b!"},
		{"\xff\xe7\x9b", "\\xff\\xe7\\x9b"},
		{"\xf0\x9f\x8e\xa5", "\xf0\x9f\x8e\xa5"},
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"},
		{"\xc0\xaf\xed\xa0\x80", "\\xc0\\xaf\\xed\\xa0\\x80"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(log_quote(cases[i].raw), cases[i].want);

	static char longer[1000];
	memset(longer, 1, sizeof(longer) - 1);
	const char *got = log_quote(longer);
	assert_true(strlen(got) < 256);
	assert_string_equal(got + strlen(got) - 3, "...");
}

static void four_quotes_fit_one_line(void **state)
{
	(void)state;
	snprintf(text, sizeof(text), "%s %s %s %s", log_quote("a"), log_quote("b"), log_quote("c"),
		 log_quote("d"));
	assert_string_equal(text, "a b c d");
}

/* The terminal, which is the test's standard output here, gets the text alone. */
static void what_a_person_needs_is_in_the_file_too(void **state)
{
	(void)state;
	struct log_opts opts = {.level = LOG_INFO, .path = path, .echo = true};
	assert_int_equal(log_start(&opts), OK);
	log_say("# said %d\033[31m", 1);
	log_set_level(LOG_WARN);
	log_say("# said to the terminal alone");
	log_stop();
	assert_matches(content(path), "^\\[.*\\]\\[INFO\\].* # said 1 \\[31m\n$");
}

static void a_rotated_file_is_opened_again(void **state)
{
	(void)state;
	start(LOG_INFO);
	log_info("before");
	assert_int_equal(rename(path, moved), 0);
	log_reopen();
	/* The thread creates the new file; only its appearance says that it has happened. */
	while (access(path, F_OK) != 0)
		usleep(1000);
	log_info("after");
	log_stop();
	assert_non_null(strstr(content(path), "after"));
	assert_null(strstr(text, "before"));
	assert_non_null(strstr(content(moved), "before"));
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
	(void)state;
	struct log_opts opts = {.path = "/nonexistent/folder/log"};
	assert_int_equal(log_start(&opts), ERR_CONFIG);
	assert_matches(err_trail(ERR_CONFIG), "/nonexistent/folder/log.*No such file");
}

static void logging_leaves_errno_alone(void **state)
{
	(void)state;
	start(LOG_INFO);
	errno = EPIPE;
	log_info("something");
	assert_int_equal(errno, EPIPE);
}

static size_t drain(int fd, char *last, size_t size)
{
	size_t lines = 0, kept = 0;
	for (ssize_t n; (n = read(fd, text, sizeof(text))) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			if (kept < size - 1)
				last[kept++] = text[i];
			if (text[i] != '\n')
				continue;
			last[kept] = '\0';
			if (strstr(last, "were lost"))
				return lines;
			lines++;
			kept = 0;
		}
	return lines;
}

/* Nobody reads the FIFO: the log must go on at once, drop, and say so when it is read again. */
static void a_reader_that_stops_costs_lines_and_no_time(void **state)
{
	(void)state;
	enum { LINES = 20000 };
	char last[512];
	assert_int_equal(mkfifo(path, 0600), 0);
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	start(LOG_INFO);
	for (int i = 0; i < LINES; i++)
		log_info("line %d of a story that nobody wants to read, it is long enough", i);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	/* Until half of the queue is free the loss is not told; lines meanwhile are dropped too. */
	static char half[LOG_SINK_ROOM / 2 + 128 * 1024];
	for (size_t got = 0; got < sizeof(half);)
		got += (size_t)read(fd, half + got, sizeof(half) - got);
	log_info("again");
	size_t lines = drain(fd, last, sizeof(last));
	assert_true(lines < LINES);
	assert_matches(last, "\\[WARN\\].* [0-9]+ lines of the log were lost here");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_line_has_time_level_process_and_connection),
		TEST(lines_below_the_level_are_not_written),
		TEST(the_end_of_a_story_has_the_level_of_its_error),
		TEST(control_characters_cannot_forge_a_line),
		TEST(nothing_that_drives_a_terminal_is_written),
		TEST(lines_that_a_full_disk_cost_are_counted),
		TEST(a_line_that_is_too_long_is_cut),
		TEST(quoting_leaves_nothing_that_could_hurt_a_line),
		TEST(four_quotes_fit_one_line),
		TEST(what_a_person_needs_is_in_the_file_too),
		TEST(a_rotated_file_is_opened_again),
		TEST(a_file_that_cannot_be_opened_is_an_error),
		TEST(logging_leaves_errno_alone),
		TEST(a_reader_that_stops_costs_lines_and_no_time),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
