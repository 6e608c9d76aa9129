#include "main/srt_handover.h"
#include "base/log.h"
#include "service/srt_hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	struct serve *serve;
	struct channel *next;       /* NULL: nobody has taken over */
	struct steer_range numbers; /* of connections here, when it did */
	struct reactor_fd former;   /* readable when the process before this one has ended */
	bool is_watching;
	bool is_blind; /* its end cannot be seen */
} state;

/* ---- the process that is replaced ---- */

static void offer(void)
{
	char text[32];
	if (!state.next || state.numbers.count == 0 || state.is_watching || state.is_blind)
		return;
	snprintf(text, sizeof(text), "%u %u", state.numbers.first, state.numbers.count);
	channel_put(state.next, "srt", text);
}

void srt_handover_give(struct serve *serve, struct channel *next)
{
	srt_hub_share(serve->server.srt, true);
	srt_hub_numbers(serve->server.srt, &state.numbers);
	state.next = next;
	offer();
}

void srt_handover_forget(void)
{
	state.next = NULL;
}

/* ---- the process that replaces ---- */

/* The kernel says so when its sockets are closed already. */
static void on_end(struct reactor_fd *rfd)
{
	srt_handover_end();
	(void)rfd;
	if (state.next)
		offer();
	else /* nobody else may come by mistake */
		srt_hub_share(state.serve->server.srt, false);
}

void srt_handover_watch(struct serve *serve, pid_t former)
{
	int fd = (int)syscall(SYS_pidfd_open, former, 0);
	state.serve = serve;
	state.is_blind = fd < 0 || reactor_add(&state.former, fd) != OK;
	if (state.is_blind) {
		log_warn("the end of process %d cannot be seen: the SRT ports are not passed on",
			 (int)former);
		if (fd >= 0)
			close(fd);
		return;
	}
	state.former.on_event = on_end;
	state.is_watching = true;
}

void srt_handover_take(struct serve *serve, const char *text)
{
	char *end;
	struct steer_range numbers = {.first = (uint32_t)strtoul(text, &end, 10)};
	numbers.count = (uint32_t)strtoul(end, NULL, 10);
	listeners_share_srt(&serve->listeners, &numbers);
}

void srt_handover_end(void)
{
	if (!state.is_watching)
		return;
	state.is_watching = false;
	reactor_remove(&state.former);
	close(state.former.fd);
}
