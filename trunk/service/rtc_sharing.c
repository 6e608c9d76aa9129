#include "service/rtc_sharing.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

/* The other process on one side; its coroutine owns it. */
struct rtc_shore {
	struct rtc_hub *hub;
	enum rtc_side side;
	struct rtc_port *port; /* one reference */
	struct crossing *crossing;
	struct co *co;
};

static void add(struct crossing_counts *sum, const struct crossing_counts *c)
{
	sum->handed += c->handed;
	sum->taken += c->taken;
	sum->dropped += c->dropped;
	sum->malformed += c->malformed;
}

static void take(void *ctx, uint8_t *p, size_t n, const struct rtc_path *path)
{
	const struct rtc_shore *s = ctx;
	rtc_port_take_from(s->port, s->side, p, n, path);
}

static void take_stream(void *ctx, int fd, struct span read)
{
	const struct rtc_shore *s = ctx;
	rtc_hub_adopt(s->hub, fd, read);
}

/* Nothing more is handed there, and the port is not kept for it. */
static void detach(struct rtc_shore *s)
{
	if (s->hub->shores[s->side] != s)
		return;
	s->hub->shores[s->side] = NULL;
	rtc_port_share(s->port, s->side, NULL);
}

static void shore_main(void *arg)
{
	struct rtc_shore *s = arg;
	struct rtc_hub *hub = s->hub;
	err e = crossing_run(s->crossing, take, s);
	const struct crossing_counts *c = crossing_counts(s->crossing);
	log_info("the %s process %s the WebRTC port: %lld datagrams went there, %lld came from "
		 "there, %lld were "
		 "dropped",
		 s->side == RTC_NEXT ? "next" : "former",
		 e == ERR_STOPPED ? "shares no more" : "has left", (long long)c->handed,
		 (long long)c->taken, (long long)c->dropped);
	detach(s);
	add(&hub->crossed, c);
	crossing_close(&s->crossing);
	rtc_port_unref(&s->port);
	free(s);
	rtc_hub_reap(hub);
}

int rtc_sharing_fd(const struct rtc_hub *hub)
{
	const struct rtc_port *port = rtc_hub_port(hub);
	return port ? rtc_port_fd(port) : -1;
}

static bool start(struct rtc_shore *s, int fd)
{
	err e = crossing_open(&s->crossing, fd);
	if (!e) {
		crossing_on_stream(s->crossing, take_stream);
		s->co = co_start_in(&s->hub->server->services, "rtc shore", shore_main, s);
		if (!s->co)
			e = err_fail(ERR_SYSTEM, "no memory for another coroutine");
	}
	if (e)
		log_error("the WebRTC port is not shared: %s", err_trail(e));
	return e == OK;
}

bool rtc_sharing_begin(struct rtc_hub *hub, enum rtc_side side, int fd)
{
	struct rtc_port *port = rtc_hub_port(hub);
	rtc_sharing_end(hub, side);
	if (!port) {
		close(fd);
		return false;
	}
	struct rtc_shore *s = mem_new(struct rtc_shore);
	*s = (struct rtc_shore){.hub = hub, .side = side, .port = rtc_port_ref(port)};
	if (!start(s, fd)) {
		crossing_close(&s->crossing);
		rtc_port_unref(&s->port);
		free(s);
		return false;
	}
	hub->shores[side] = s;
	rtc_port_share(port, side, s->crossing);
	return true;
}

void rtc_sharing_end(struct rtc_hub *hub, enum rtc_side side)
{
	struct rtc_shore *s = hub->shores[side];
	if (!s)
		return;
	detach(s);
	co_stop(s->co);
}

bool rtc_sharing_is_of(const struct rtc_hub *hub, enum rtc_side side, const struct rtc_port *port)
{
	return hub->shores[side] && hub->shores[side]->port == port;
}

void rtc_sharing_counts(const struct rtc_hub *hub, struct crossing_counts *out, size_t *waiting)
{
	*out = hub->crossed;
	*waiting = 0;
	for (enum rtc_side side = 0; side < RTC_SIDES; side++) {
		if (!hub->shores[side])
			continue;
		add(out, crossing_counts(hub->shores[side]->crossing));
		*waiting += crossing_waiting(hub->shores[side]->crossing);
	}
}
