#include "main/successor.h"
#include "base/log.h"
#include "main/spawn.h"
#include "service/rtc_sharing.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OWN_FDS = 3 /* of a successor, beside the listening ones */ };

static const char variable[] = "UPGRADE_FD";
static char **arguments, *binary, *folder;
static struct successor_fds own = {-1, -1, -1};

void successor_remember(char **argv)
{
	arguments = argv;
	binary = realpath("/proc/self/exe", NULL);
	folder = getcwd(NULL, 0);
}

void successor_forget(void)
{
	free(binary);
	free(folder);
	binary = folder = NULL;
}

/* ---- the one that starts it ---- */

/* The WebRTC port, and the local socket for what is not known at it; -1: there is none. */
static void add_port(const struct serve *serve, struct spawn *spawn, int pair[2])
{
	int port = rtc_sharing_fd(serve->server.rtc);
	pair[0] = pair[1] = -1;
	if (port < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return;
	spawn->fds[spawn->count++] = pair[1];
	spawn->fds[spawn->count++] = port;
}

static void close_pair(int pair[2], int from)
{
	for (int i = from; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

err successor_start(struct successor *out, const struct serve *serve)
{
	int channel[2], crossing[2];
	struct spawn spawn = {
		.path = binary, .argv = arguments, .folder = folder, .variable = variable};
	if (!binary)
		return err_fail(ERR_SYSTEM, "the path of the program is not known");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
		return err_sys(ERR_SYSTEM, "socketpair");
	spawn.listening = listeners_fds(&serve->listeners, spawn.fds, SPAWN_FDS_MAX - OWN_FDS);
	spawn.fds[spawn.listening] = channel[1];
	spawn.count = spawn.listening + 1;
	add_port(serve, &spawn, crossing);
	pid_t pid = spawn_start(&spawn);
	err e = pid < 0 ? err_sys(ERR_SYSTEM, "cannot start %s", binary) : OK;
	close_pair(channel, e ? 0 : 1);
	close_pair(crossing, e ? 0 : 1);
	*out = (struct successor){pid, channel[0], crossing[0]};
	if (!e)
		log_say("upgrade: %s is started as process %d", binary, (int)pid);
	return e;
}

/* ---- the one that was started ---- */

bool successor_is_one(void)
{
	int *const numbers[] = {&own.channel, &own.crossing, &own.port};
	char *text = getenv(variable);
	for (size_t i = 0; text && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		*numbers[i] = (int)strtol(text, &text, 10);
		text = *text == ',' ? text + 1 : NULL;
	}
	unsetenv(variable);
	return own.channel >= 0;
}

const struct successor_fds *successor_fds(void)
{
	return &own;
}

void successor_inherit(struct inherit *inherit)
{
	if (own.port >= 0)
		inherit_share(inherit, own.port);
}
