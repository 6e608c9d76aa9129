#include "main/notify.h"
#include "support/co_unit.h"
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;
static char address[108];
static char text[512];
static int fds[8], count;

/* A manager at a name that is no file's, or at a path. */
static void open_manager(const char *prefix)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(address, sizeof(address), "%snotify_test.%d", prefix, (int)getpid());
	size_t n = strlen(address);
	memcpy(at.sun_path, address, n);
	if (*address == '@')
		at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
			 0);
	setenv("NOTIFY_SOCKET", address, 1);
}

static int teardown(void **state)
{
	notify_end();
	if (manager >= 0)
		close(manager);
	manager = -1;
	if (*address == '/')
		unlink(address);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	return co_teardown(state);
}

/* The next message, "" when there is none; descriptors that came with it. */
static const char *heard(void)
{
	char control[CMSG_SPACE(sizeof(fds))];
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(manager, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	text[n > 0 ? n : 0] = '\0';
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	count = c ? (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
	if (c)
		memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
	return text;
}

static void each_state_is_told(void **state)
{
	(void)state;
	char ready[64];
	open_manager("@");
	notify_begin();
	notify_ready();
	snprintf(ready, sizeof(ready), "READY=1\nMAINPID=%d\nSTATUS=Serving", (int)getpid());
	assert_string_equal(heard(), ready);
	notify_reloading();
	assert_ptr_equal(strstr(heard(), "RELOADING=1\nMONOTONIC_USEC="), text);
	notify_stopping();
	assert_string_equal(heard(), "STOPPING=1");
	assert_string_equal(heard(), "");
}

static void who_has_handed_over_is_silent(void **state)
{
	(void)state;
	open_manager("/tmp/");
	notify_begin();
	notify_handed_over(4711);
	assert_non_null(strstr(heard(), "\nMAINPID=4711\n"));
	notify_stopping();
	notify_ready();
	assert_string_equal(heard(), "");
}

static void sockets_are_stored_and_taken_out(void **state)
{
	(void)state;
	int both[2];
	assert_int_equal(pipe(both), 0);
	open_manager("@");
	notify_begin();
	notify_store(both, 2);
	assert_string_equal(heard(), "FDSTOREREMOVE=1\nFDNAME=listen");
	assert_string_equal(heard(), "FDSTORE=1\nFDNAME=listen");
	assert_int_equal(count, 2);
	assert_int_equal(write(fds[1], "x", 1), 1);
	char c = 0;
	assert_int_equal(read(both[0], &c, 1), 1);
	assert_int_equal(c, 'x');
	notify_store(NULL, 0);
	assert_string_equal(heard(), "FDSTOREREMOVE=1\nFDNAME=listen");
	assert_string_equal(heard(), "");
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(both[i]);
	}
}

static void the_watchdog_is_fed(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "20000", 1);
	open_manager("@");
	notify_begin();
	notify_ready();
	(void)heard();
	for (int i = 0; i < 3; i++)
		wait_until(strcmp(heard(), "WATCHDOG=1") == 0);
}

static void fill_its_queue(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t n = strlen(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(at.sun_path + 1, address + 1, n - 1);
	while (sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&at,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 1)
		;
	close(fd);
}

/* Ten times a period of the watchdog. */
static int64_t ten_periods(void)
{
	int64_t began = clock_ms();
	for (int i = 0; i < 10; i++)
		assert_int_equal(co_sleep(10), OK);
	return clock_ms() - began;
}

/* Waiting for it would take 200 ms each time, in each round. */
static void a_manager_that_does_not_read_stops_nobody(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "20000", 1);
	open_manager("@");
	notify_begin();
	notify_ready();
	fill_its_queue();
	int64_t least = ten_periods();
	for (int round = 1; round < 5 && least >= 1000; round++) {
		int64_t ms = ten_periods();
		least = ms < least ? ms : least;
	}
	assert_true(least < 1000);
	while (*heard())
		;
	wait_until(strcmp(heard(), "WATCHDOG=1") == 0);
}

static void without_a_manager_nothing_happens(void **state)
{
	(void)state;
	static const char *const addresses[] = {"", "/", "relative", "vsock:2:1",
						"/nowhere/notify"};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		setenv("NOTIFY_SOCKET", addresses[i], 1);
		notify_begin();
		notify_ready();
		notify_store(NULL, 0);
		notify_end();
	}
	unsetenv("NOTIFY_SOCKET");
	notify_begin();
	notify_stopping();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, co_setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_state_is_told),
		T(who_has_handed_over_is_silent),
		T(sockets_are_stored_and_taken_out),
		T(the_watchdog_is_fed),
		T(a_manager_that_does_not_read_stops_nobody),
		T(without_a_manager_nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
