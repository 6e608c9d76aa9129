#include "main/upgrade.h"
#include "base/log.h"
#include "main/channel.h"
#include "main/drainage.h"
#include "main/loopback.h"
#include "main/notify.h"
#include "main/process.h"
#include "main/signals.h"
#include "main/srt_handover.h"
#include "main/successor.h"
#include "main/taken.h"
#include "service/gb_handover.h"
#include "service/rtc_publish.h"
#include "service/rtc_sharing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	READY_MS = 30000, /* for the successor to be ready */
	KEYS_OUT_MAX =
		65536, /* bytes that wait for the process before, and nobody is asked for a key frame */
	STEP_MS = 20,
};

/* A side of an upgrade. A process may be the successor of one and the predecessor of another. */
struct side {
	struct serve *serve;
	struct channel channel;
	struct source_observer observer;
	int64_t deadline;
	bool is_open, observes;
	bool is_alone;    /* on_alone was called */
	bool shares_port; /* the successor has taken the WebRTC port, too */
	bool passed_on;   /* it has handed over itself */
	bool is_ready;    /* it has said so, */
	bool is_leaving;  /* the ports are being left to it, */
	bool is_handed;   /* it has them */
	bool has_failed;  /* it could not be started, or not be heard */
	pid_t pid;        /* of the successor; 0: there is none */
	struct co *co;    /* that looks after it; NULL: there is no upgrade */
	void (*on_alone)(struct serve *serve);
};

static struct side to_next, to_former;
static struct generation *former(const struct side *s)
{
	return &s->serve->server.former;
}

/* ---- the streams of the one before, as it tells the one after ---- */

static void tell_begin(struct source_observer *o, struct source *source, bool resumed)
{
	struct side *s = container_of(o, struct side, observer);
	(void)resumed;
	channel_put(&s->channel, "stream", source->key);
	if (rtc_publish_feeds(source))
		channel_put(&s->channel, "rtc", source->key);
}

static void tell_end(struct source_observer *o, struct source *source)
{
	struct side *s = container_of(o, struct side, observer);
	if (!generation_has(former(s), source->key))
		channel_put(&s->channel, "gone", source->key);
}

/* The predecessor's API is reached through this process, too. */
static void list_streams(struct side *s)
{
	s->observer = (struct source_observer){.on_begin = tell_begin, .on_end = tell_end};
	s->observes = true;
	registry_observe(&s->serve->server.registry, &s->observer);
	if (former(s)->keys)
		for (struct map_iter it = map_begin(former(s)->keys); map_next(&it);) {
			channel_put(&s->channel, "stream", it.key);
			if (generation_has_rtc(former(s), it.key))
				channel_put(&s->channel, "rtc", it.key);
		}
	channel_put(&s->channel, "listed", "");
}

static void close_side(struct side *s)
{
	if (!s->is_open)
		return;
	if (s->observes)
		registry_unobserve(&s->serve->server.registry, &s->observer);
	channel_close(&s->channel);
	s->is_open = s->observes = false;
}

/* ---- the process that is replaced ---- */

/* The successor's API: at the first port of this process, which it has taken over. */
static void name_next(struct side *s, pid_t pid)
{
	struct generation *g = &s->serve->server.next;
	const struct text_list *listen = &s->serve->server.conf->listen;
	struct hostport at;
	g->state = GENERATION_THERE;
	g->pid = (int)pid;
	if (!listen->count || !hostport_listen(&at, listen->v[0]))
		return;
	if (!*at.host || strcmp(at.host, "0.0.0.0") == 0 || strcmp(at.host, "::") == 0)
		snprintf(at.host, sizeof(at.host), "127.0.0.1");
	char text[HOST_MAX + 8];
	hostport_text(text, &at);
	if (strlen(text) < sizeof(g->rtmp))
		memcpy(g->rtmp, text, strlen(text) + 1);
}

/* Datagrams wait in the WebRTC port until the successor reads it. */
static void hand_port_over(const struct side *s)
{
	struct rtc_hub *rtc = s->serve->server.rtc;
	if (s->shares_port)
		rtc_hub_read(rtc, false);
	else
		rtc_sharing_end(rtc, RTC_NEXT);
	if (to_former.is_open)
		channel_put(&to_former.channel, "handed", "");
}

static void tell_next(void *channel, const char *word, const char *text)
{
	channel_put(channel, word, text);
}

/* The successor serves: everything that is its own is left to it. It reads the WebRTC port, and is the service, as soon
 * as it hears who we are, so that goes out before the ports that may have to be waited for are left; of cameras it
 * hears when it can have theirs. */
static void hand_over(struct side *s)
{
	struct server *server = &s->serve->server;
	char where[LOOPBACK_TEXT];
	listeners_close_tcp(&s->serve->listeners);
	process_release();
	name_next(s, s->pid);
	notify_handed_over(s->pid);
	channel_put(&s->channel, "former", loopback_text(where));
	list_streams(s);
	hand_port_over(s);
	channel_send(&s->channel);
	channel_hold(&s->channel);
	gb_handover_give(server, tell_next, &s->channel);
	srt_handover_give(s->serve, &s->channel);
	listeners_close(&s->serve->listeners);
	gb_handover_end(server);
	channel_put(&s->channel, "left", "");
	channel_release(&s->channel);
	drainage_hand_over(s->serve);
	log_say("process %d has taken over; this one ends with its last client. Its API is at "
		"127.0.0.1:%d",
		(int)s->pid, loopback_api());
}

void upgrade_step(void)
{
	struct side *s = &to_next;
	if (!s->is_open || !s->is_ready || s->is_handed)
		return;
	s->is_leaving = true;
	hand_over(s);
	s->is_leaving = false;
	s->is_handed = true;
}

/* An encoder has come back at the successor, and what is left of it here is of no use. The one before us is told
 * likewise. */
static void take(struct side *s, const char *key)
{
	generation_note(&s->serve->server.next, key, true);
	if (to_former.is_open && generation_has(former(s), key)) {
		generation_note(former(s), key, false);
		channel_put(&to_former.channel, "take", key);
	}
	taken_add(&s->serve->server, key);
}

/* A player there needs a key frame of a stream that is had from here. */
static void want_key(const struct side *s, const char *key)
{
	const struct source *source = registry_find(&s->serve->server.registry, key);
	if (!source || !rtc_publish_want_key(source))
		(void)generation_want_key(former(s), key);
}

/* The rest waits, and is upgrade_step()'s. */
static err be_ready(struct side *s)
{
	if (co_stopping())
		return ERR_STOPPED;
	TRY(loopback_open(s->serve));
	s->is_ready = true;
	s->deadline = CLOCK_NEVER;
	signals_poke();
	return OK;
}

static err on_line_of_next(struct channel *channel, const char *line)
{
	struct side *s = container_of(channel, struct side, channel);
	if (strncmp(line, "ready", 5) == 0 && !s->is_ready)
		return be_ready(s);
	if (strncmp(line, "take ", 5) == 0)
		take(s, line + 5);
	else if (strncmp(line, "key ", 4) == 0)
		want_key(s, line + 4);
	else if (strncmp(line, "shares", 6) == 0)
		s->shares_port = true;
	else if (strncmp(line, "handed", 6) == 0)
		s->passed_on = true;
	return OK;
}

/* After the successor's end the WebRTC port is read here again, if no other process does. */
static void take_port_back(const struct side *s)
{
	struct rtc_hub *rtc = s->serve->server.rtc;
	if (s->is_handed && !s->passed_on)
		rtc_hub_read(rtc, true);
	rtc_sharing_end(rtc, RTC_NEXT);
	rtc_hub_reap(rtc);
}

static void log_outcome(const struct side *s, err e)
{
	if (s->is_handed)
		log_error("process %d, which had taken over, has ended", (int)s->pid);
	else
		log_error("the new process %d was not ready (%s): nothing has changed", (int)s->pid,
			  e == ERR_CLOSED ? "it has ended; its output or log says why"
					  : err_trail(e));
}

/* One whose files lie on a disk that hangs does not end when it is killed, and nothing here stops for it. */
static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, WNOHANG) == 0 && co_sleep(STEP_MS) == OK)
		;
}

/* From the start of the successor to its end; the side is free for another upgrade before it is reaped. */
static void next_main(void *arg)
{
	struct side *s = arg;
	pid_t pid = s->pid;
	err e = s->has_failed ? ERR_CLOSED : channel_run(&s->channel, &s->deadline);
	while (s->is_leaving && co_sleep(STEP_MS) == OK)
		;
	if (!s->has_failed && e != ERR_STOPPED)
		log_outcome(s, e);
	if (pid > 0 && !s->is_handed)
		kill(pid, SIGKILL);
	srt_handover_forget();
	close_side(s);
	if (e != ERR_STOPPED)
		take_port_back(s);
	if (s->is_handed)
		s->serve->server.next.pid =
			0; /* whoever serves the port after it can be gone on at, too */
	s->co = NULL;
	if (pid > 0)
		reap(pid);
}

/* On failure the process, if there is one, is for next_main() to end. */
static err start_successor(struct side *s)
{
	struct successor next;
	TRY(successor_start(&next, s->serve));
	s->pid = next.pid;
	s->channel.on_line = on_line_of_next;
	err e = channel_open(&s->channel, next.channel);
	s->is_open = true;
	if (next.crossing >= 0)
		rtc_sharing_begin(s->serve->server.rtc, RTC_NEXT, next.crossing);
	return e;
}

/* The coroutine first, which runs when this one waits: a process that nobody looks after would believe itself alone. */
void upgrade_begin(struct serve *serve)
{
	struct side *s = &to_next;
	if (s->co || serve->server.drain.state != DRAIN_OFF) {
		log_warn("an upgrade is under way, or the server ends: this signal does nothing");
		return;
	}
	*s = (struct side){.serve = serve, .deadline = clock_after(READY_MS)};
	s->co = co_start_in(&serve->server.services, "upgrade", next_main, s);
	err e = s->co ? start_successor(s)
		      : err_fail(ERR_SYSTEM, "no memory for another coroutine");
	s->has_failed = e != OK;
	if (e)
		log_error("no upgrade: %s; nothing has changed", err_trail(e));
}

/* ---- the process that replaces ---- */

static void note_publisher(struct source_observer *o, struct source *source, bool resumed)
{
	struct side *s = container_of(o, struct side, observer);
	(void)resumed;
	if (source_is_published(source) && generation_has(former(s), source->key)) {
		generation_note(former(s), source->key, false);
		channel_put(&s->channel, "take", source->key);
	}
}

/* Players ask again, so what does not get through is no loss. */
static void ask_key(struct generation *g, const char *key)
{
	(void)g;
	if (to_former.is_open && to_former.channel.out.n < KEYS_OUT_MAX)
		channel_put(&to_former.channel, "key", key);
}

/* The WebRTC port is this process's to read, if it has not handed over itself. */
static void read_port(const struct side *s)
{
	if (s->serve->server.drain.state != DRAIN_HANDED)
		rtc_hub_read(s->serve->server.rtc, true);
}

static void share_port(struct side *s)
{
	struct rtc_hub *rtc = s->serve->server.rtc;
	const struct successor_fds *fds = successor_fds();
	if (fds->crossing < 0)
		return;
	if (rtc_sharing_fd(rtc) != fds->port)
		close(fds->crossing); /* this process listens elsewhere */
	else if (rtc_sharing_begin(rtc, RTC_FORMER, fds->crossing))
		channel_put(&s->channel, "shares", "");
}

static void be_alone(struct side *s)
{
	if (!s->is_alone)
		s->on_alone(s->serve);
	s->is_alone = true;
}

/* The successor is told, too. */
static void note(struct side *s, const char *word, const char *key)
{
	if (strcmp(word, "rtc") == 0)
		generation_note_rtc(former(s), key);
	else
		generation_note(former(s), key, strcmp(word, "stream") == 0);
	if (to_next.observes)
		channel_put(&to_next.channel, word, key);
}

static void read_former(struct side *s, const char *text)
{
	struct generation *g = former(s);
	generation_read(g, text);
	srt_handover_watch(s->serve, g->pid);
	log_say("upgrade: this process has taken over from %d, whose API is at %s", g->pid, g->api);
	read_port(s);
	be_alone(s);
}

/* The lines were sent when that one had left its ports. */
static void take_camera(const struct side *s, const char *text)
{
	listeners_retry(&s->serve->listeners);
	gb_handover_take(&s->serve->server, text);
}

static err on_line_of_former(struct channel *channel, const char *line)
{
	struct side *s = container_of(channel, struct side, channel);
	if (strncmp(line, "former ", 7) == 0)
		read_former(s, line + 7);
	else if (strncmp(line, "stream ", 7) == 0)
		note(s, "stream", line + 7);
	else if (strncmp(line, "rtc ", 4) == 0)
		note(s, "rtc", line + 4);
	else if (strncmp(line, "gone ", 5) == 0)
		note(s, "gone", line + 5);
	else if (strncmp(line, "camera ", 7) == 0)
		take_camera(s, line + 7);
	else if (strncmp(line, "left", 4) == 0)
		listeners_retry(&s->serve->listeners);
	else if (strncmp(line, "srt ", 4) == 0)
		srt_handover_take(s->serve, line + 4);
	else if (strncmp(line, "listed", 6) == 0)
		former(s)->state = GENERATION_THERE;
	return OK;
}

static void former_main(void *arg)
{
	struct side *s = arg;
	err e = channel_run(&s->channel, &s->deadline);
	if (e != ERR_STOPPED)
		log_say("upgrade: the process before this one has ended");
	if (e != ERR_STOPPED)
		be_alone(s);
	if (e != ERR_STOPPED) {
		rtc_sharing_end(s->serve->server.rtc, RTC_FORMER);
		read_port(s);
	}
	generation_forget(former(s));
	close_side(s);
}

void upgrade_join(struct serve *serve, void (*on_alone)(struct serve *serve))
{
	to_former = (struct side){.serve = serve, .deadline = CLOCK_NEVER, .on_alone = on_alone};
	to_former.channel.on_line = on_line_of_former;
	err e = channel_open(&to_former.channel, successor_fds()->channel);
	to_former.is_open = true;
	to_former.observer = (struct source_observer){.on_begin = note_publisher};
	to_former.observes = true;
	registry_observe(&serve->server.registry, &to_former.observer);
	former(&to_former)->on_want_key = ask_key;
	share_port(&to_former);
	channel_put(&to_former.channel, "ready", "");
	if (!e && !co_start_in(&serve->server.services, "former", former_main, &to_former))
		e = err_fail(ERR_SYSTEM, "no memory for another coroutine");
	if (e) {
		log_error("the process before this one cannot be heard: %s", err_trail(e));
		generation_forget(&serve->server.former);
		close_side(&to_former);
	}
}

void upgrade_end(void)
{
	if (to_next.co && !to_next.is_handed)
		co_stop(to_next.co);
	loopback_close();
	srt_handover_end();
	successor_forget();
}
