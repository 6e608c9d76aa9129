/* Lines between two processes, the processes being two coroutines. */
#include "main/channel.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char heard[4096];
static struct channel near;
static int far_fd;
static err result;
static int64_t deadline;

static err on_line(struct channel *c, const char *line)
{
	(void)c;
	if (strcmp(line, "stop ") == 0)
		return ERR_AGAIN;
	strncat(heard, line, sizeof(heard) - strlen(heard) - 2);
	strcat(heard, "|");
	return OK;
}

static void run(void *arg)
{
	(void)arg;
	result = channel_run(&near, &deadline);
}

static int set_up(void **state)
{
	int pair[2], status = co_setup(state);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	far_fd = pair[1];
	near = (struct channel){.on_line = on_line};
	*heard = '\0';
	deadline = clock_after(2000);
	result = OK;
	assert_int_equal(channel_open(&near, pair[0]), OK);
	return status;
}

static int tear_down(void **state)
{
	channel_close(&near);
	if (far_fd >= 0)
		close(far_fd);
	return co_teardown(state);
}

static void say(const char *text)
{
	assert_int_equal(write(far_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void lines_come_whole_however_they_are_cut(void **state)
{
	(void)state;
	struct co *co = co_start("channel", run, NULL);
	say("stream /live/a\nstr");
	(void)co_sleep(10);
	say("eam b\n\n");
	(void)co_sleep(10);
	assert_string_equal(heard, "stream /live/a|stream b||");
	say("stop \nnever\n");
	co_join(&co);
	assert_int_equal(result, ERR_AGAIN);
	assert_null(strstr(heard, "never"));
}

static void words_go_out_and_what_would_be_two_lines_does_not(void **state)
{
	char got[256] = "", *longer = malloc(CHANNEL_LINE_MAX + 1);
	(void)state;
	struct co *co = co_start("channel", run, NULL);
	memset(longer, 'x', CHANNEL_LINE_MAX);
	longer[CHANNEL_LINE_MAX] = '\0';
	channel_put(&near, "ready", "");
	(void)co_sleep(10);
	channel_put(&near, "take", "/live/x");
	channel_put(&near, "take", "a\nb");
	channel_put(&near, "take", longer);
	(void)co_sleep(10);
	ssize_t n = read(far_fd, got, sizeof(got) - 1);
	assert_true(n > 0);
	assert_string_equal(got, "ready \ntake /live/x\n");
	close(far_fd);
	far_fd = -1;
	co_join(&co);
	assert_int_equal(result, ERR_CLOSED);
	free(longer);
}

static void lines_that_are_held_come_behind_those_before_when_they_are_released(void **state)
{
	char got[256] = "";
	(void)state;
	channel_put(&near, "former", "1");
	channel_send(&near); /* nobody runs the channel yet */
	assert_int_equal(read(far_fd, got, sizeof(got) - 1), 9);
	assert_string_equal(got, "former 1\n");
	struct co *co = co_start("channel", run, NULL);
	(void)co_sleep(10);
	channel_put(&near, "stream", "a");
	channel_hold(&near);
	channel_put(&near, "camera", "b");
	(void)co_sleep(10);
	memset(got, 0, sizeof(got));
	assert_int_equal(read(far_fd, got, sizeof(got) - 1), 9);
	assert_string_equal(got, "stream a\n");
	channel_put(&near, "left", "");
	channel_release(&near);
	channel_put(&near, "gone", "a");
	(void)co_sleep(10);
	memset(got, 0, sizeof(got));
	assert_true(read(far_fd, got, sizeof(got) - 1) > 0);
	assert_string_equal(got, "camera b\nleft \ngone a\n");
	channel_hold(&near);
	channel_put(&near, "never", ""); /* goes with the channel */
	co_stop(co);
	co_join(&co);
}

static void a_line_without_end_and_a_silent_peer_are_errors(void **state)
{
	char *longer = malloc(CHANNEL_LINE_MAX + 100);
	(void)state;
	deadline = clock_after(20);
	struct co *co = co_start("channel", run, NULL);
	co_join(&co);
	assert_int_equal(result, ERR_TIMEOUT);
	deadline = clock_after(2000);
	co = co_start("channel", run, NULL);
	memset(longer, 'x', CHANNEL_LINE_MAX + 99);
	longer[CHANNEL_LINE_MAX + 99] = '\0';
	say(longer);
	co_join(&co);
	assert_int_equal(result, ERR_LIMIT);
	free(longer);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_come_whole_however_they_are_cut),
		TEST(words_go_out_and_what_would_be_two_lines_does_not),
		TEST(lines_that_are_held_come_behind_those_before_when_they_are_released),
		TEST(a_line_without_end_and_a_silent_peer_are_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
