#include "main/upgrade.h"
#include "base/log.h"
#include "base/mem.h"
#include "main/channel.h"
#include "main/drainage.h"
#include "main/notify.h"
#include "main/process.h"
#include "main/srt_handover.h"
#include "main/successor.h"
#include "net/listen.h"
#include "service/gb_handover.h"
#include "service/http_service.h"
#include "service/rtc_publish.h"
#include "service/rtc_sharing.h"
#include "service/rtmp_service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

enum {
	READY_MS = 30000, /* for the successor to be ready */
	KEYS_OUT_MAX =
		65536, /* bytes that wait for the process before, and nobody is asked for a key frame */
	TAKEN_MS = 2000, /* for a publisher that is there to leave by itself */
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
	pid_t pid;        /* of the successor */
	void (*on_alone)(struct serve *serve);
};

static struct side to_next, to_former;
static struct listener *rtmp_side,
	*api_side; /* for the successor, and whoever looks after this one */
static struct http_port api_port;

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

static err open_side(struct listener **out, struct server *server, bool api)
{
	struct listen_opts opts = {.what = api ? "the former API" : "the former RTMP"};
	snprintf(opts.at.host, sizeof(opts.at.host), "127.0.0.1");
	opts.on_accept = api ? http_service_accept : rtmp_service_accept;
	opts.ctx = api ? (void *)&api_port : server;
	TRY(listener_open(out, &opts));
	listener_start(*out);
	return OK;
}

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

/* The successor serves: what it needs of us first, then everything that is its own is left to it. */
static err hand_over(struct side *s)
{
	struct server *server = &s->serve->server;
	char where[128];
	api_port = (struct http_port){
		.server = server, .router = &s->serve->router, .ports = HTTP_PORT_API};
	if (!rtmp_side)
		TRY(open_side(&rtmp_side, server, false));
	if (!api_side)
		TRY(open_side(&api_side, server, true));
	process_release();
	snprintf(where, sizeof(where), "%d 127.0.0.1:%d 127.0.0.1:%d", (int)getpid(),
		 listener_port(rtmp_side), listener_port(api_side));
	channel_put(&s->channel, "former", where);
	list_streams(s);
	hand_port_over(s);
	gb_handover_give(server, tell_next, &s->channel);
	srt_handover_give(s->serve, &s->channel);
	name_next(s, s->pid);
	listeners_close(&s->serve->listeners);
	gb_handover_end(server);
	channel_put(&s->channel, "left", "");
	s->deadline = CLOCK_NEVER;
	drainage_hand_over(s->serve);
	notify_handed_over(s->pid);
	log_say("process %d has taken over; this one ends with its last client. Its API is at "
		"127.0.0.1:%d",
		(int)s->pid, listener_port(api_side));
	return OK;
}

/* An encoder has come back at the successor, and what is left of it here is of no use. */
struct taken {
	struct server *server;
	char *key;
};

static void taken_main(void *arg)
{
	struct taken *t = arg;
	struct client *c;
	if (co_sleep(TAKEN_MS) == OK)
		DL_FOREACH (t->server->stat.clients, c)
			if (c->publish && strcmp(c->source->key, t->key) == 0)
				client_stop(c, ERR_DRAINED);
	free(t->key);
	free(t);
}

/* The one before us is told likewise. */
static void take(struct side *s, const char *key)
{
	generation_note(&s->serve->server.next, key, true);
	if (to_former.is_open && generation_has(former(s), key)) {
		generation_note(former(s), key, false);
		channel_put(&to_former.channel, "take", key);
	}
	struct taken *t = mem_new(struct taken);
	t->server = &s->serve->server;
	t->key = mem_strdup(key);
	if (!co_start_in(&t->server->services, "taken", taken_main, t)) {
		free(t->key);
		free(t);
	}
}

/* A player there needs a key frame of a stream that is had from here. */
static void want_key(const struct side *s, const char *key)
{
	const struct source *source = registry_find(&s->serve->server.registry, key);
	if (!source || !rtc_publish_want_key(source))
		(void)generation_want_key(former(s), key);
}

/* To hand over waits for those who wait at the ports, so it is not done while a line is read. */
static err on_line_of_next(struct channel *channel, const char *line)
{
	struct side *s = container_of(channel, struct side, channel);
	if (strncmp(line, "ready", 5) == 0 && s->deadline != CLOCK_NEVER)
		return ERR_AGAIN;
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
static void take_port_back(const struct side *s, bool was_ready)
{
	struct rtc_hub *rtc = s->serve->server.rtc;
	if (was_ready && !s->passed_on)
		rtc_hub_read(rtc, true);
	rtc_sharing_end(rtc, RTC_NEXT);
	rtc_hub_reap(rtc);
}

static void next_main(void *arg)
{
	struct side *s = arg;
	err e = channel_run(&s->channel, &s->deadline);
	if (e == ERR_AGAIN && (e = hand_over(s)) == OK) {
		buf_clear(&s->channel.in);
		e = channel_run(&s->channel, &s->deadline);
	}
	bool was_ready = s->deadline == CLOCK_NEVER;
	if (!was_ready && e != ERR_STOPPED) {
		log_error("the new process %d was not ready (%s): nothing has changed", (int)s->pid,
			  e == ERR_CLOSED ? "it has ended; its output or log says why"
					  : err_trail(e));
	} else if (was_ready && e != ERR_STOPPED) {
		log_error("process %d, which had taken over, has ended", (int)s->pid);
	}
	if (!was_ready)
		kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, was_ready ? WNOHANG : 0);
	srt_handover_forget();
	close_side(s);
	if (e != ERR_STOPPED)
		take_port_back(s, was_ready);
}

static err start_successor(struct serve *serve)
{
	struct successor next;
	TRY(successor_start(&next, serve));
	to_next = (struct side){.serve = serve, .pid = next.pid, .deadline = clock_after(READY_MS)};
	to_next.channel.on_line = on_line_of_next;
	err e = channel_open(&to_next.channel, next.channel);
	to_next.is_open = true;
	if (next.crossing >= 0)
		rtc_sharing_begin(serve->server.rtc, RTC_NEXT, next.crossing);
	return e;
}

void upgrade_begin(struct serve *serve)
{
	if (to_next.is_open || serve->server.drain.state != DRAIN_OFF) {
		log_warn("an upgrade is under way, or the server ends: this signal does nothing");
		return;
	}
	err e = start_successor(serve);
	if (!e && !co_start_in(&serve->server.services, "upgrade", next_main, &to_next))
		e = err_fail(ERR_SYSTEM, "no memory for another coroutine");
	if (e) {
		log_error("no upgrade: %s", err_trail(e));
		close_side(&to_next);
	}
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
	listener_close(&rtmp_side);
	listener_close(&api_side);
	srt_handover_end();
	successor_forget();
}
