#include "service/srt_hub.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/srt_session.h"
#include "session/srt_options.h"

#include <stdlib.h>
#include <utlist.h>

struct srt_hub_port {
	struct srt_hub_port *prev, *next;
	struct srt_hub *hub;
	struct srt_port *port;
	int number;
	struct co *co;
};

enum { LOOK_MS = 2000, TURN_MS = 50, TURNS = LOOK_MS / TURN_MS };

static void add_new(int64_t *sum, int64_t now, int64_t before)
{
	*sum += now - before;
}

void srt_hub_look(struct srt_hub *h, struct srt_session *s)
{
	struct srt_figures *sum = &h->sum, *f = &s->figures, before = s->figures;
	srt_link_figures(s->link, f);
	add_new(&sum->recv_packets, f->recv_packets, before.recv_packets);
	add_new(&sum->recv_lost, f->recv_lost, before.recv_lost);
	add_new(&sum->recv_retransmitted, f->recv_retransmitted, before.recv_retransmitted);
	add_new(&sum->recv_dropped, f->recv_dropped, before.recv_dropped);
	add_new(&sum->send_packets, f->send_packets, before.send_packets);
	add_new(&sum->send_lost, f->send_lost, before.send_lost);
	add_new(&sum->send_retransmitted, f->send_retransmitted, before.send_retransmitted);
	add_new(&sum->send_dropped, f->send_dropped, before.send_dropped);
}

/* The library knows nothing any more of a connection whose peer has left: what its line was like is asked every
 * LOOK_MS. It takes microseconds for each, so a turn has its share of the sessions only. */
static void on_look(struct timer *timer)
{
	struct srt_hub *h = container_of(timer, struct srt_hub, look);
	int share = (h->count + TURNS - 1) / TURNS;
	for (int i = 0; i < share; i++) {
		struct srt_session *s = h->looked ? h->looked : h->sessions;
		h->looked = s->next;
		srt_hub_look(h, s);
	}
	if (h->count > 0)
		timer_set(timer, clock_after(TURN_MS));
}

void srt_hub_enter(struct srt_hub *h, struct srt_session *s)
{
	DL_APPEND(h->sessions, s);
	map_set(h->by_id, s->id, s);
	h->count++;
	h->opened++;
	if (!h->look.armed)
		timer_set(&h->look, clock_after(TURN_MS));
}

void srt_hub_leave(struct srt_hub *h, struct srt_session *s)
{
	if (h->looked == s)
		h->looked = s->next;
	DL_DELETE(h->sessions, s);
	(void)map_remove(h->by_id, s->id);
	h->count--;
}

struct srt_hub *srt_hub_new(struct server *server)
{
	struct srt_hub *h = mem_new(struct srt_hub);
	h->server = server;
	h->by_id = map_new();
	h->look.fn = on_look;
	return h;
}

static void accept_all(void *arg)
{
	struct srt_hub_port *p = arg;
	err e = OK;
	while (e != ERR_STOPPED) {
		struct srt_link *link;
		e = srt_port_accept(p->port, &link);
		if (!e)
			srt_session_start(p->hub, &link);
		else if (e == ERR_AGAIN)
			e = co_wait(CLOCK_NEVER);
	}
}

err srt_hub_listen(struct srt_hub *h, struct udp **udp)
{
	struct srt_options options = srt_options_of(h->server->conf, NULL);
	struct srt_hub_port *p = mem_new(struct srt_hub_port);
	if (!h->gate)
		h->gate = srt_gate_new(h->server->conf);
	p->hub = h;
	p->number = udp_port(*udp);
	err e = srt_port_open(&p->port, &(struct srt_port_opts){
						.fd = udp_release(udp),
						.options = &options,
						.judge = srt_gate_judge,
						.ctx = h->gate,
						.backlog = SRT_BACKLOG,
					});
	if (e) {
		free(p);
		return e;
	}
	DL_APPEND(h->ports, p);
	p->co = co_start("srt port", accept_all, p);
	return OK;
}

static void drop(struct srt_hub *h, struct srt_hub_port *p)
{
	DL_DELETE(h->ports, p);
	co_stop(p->co);
	co_join(&p->co);
	srt_port_close(&p->port);
	free(p);
}

void srt_hub_unlisten(struct srt_hub *h, int port)
{
	struct srt_hub_port *p, *next;
	DL_FOREACH_SAFE (h->ports, p, next) {
		if (p->number == port) {
			drop(h, p);
			return;
		}
	}
}

void srt_hub_share(struct srt_hub *h, bool on)
{
	struct srt_hub_port *p;
	DL_FOREACH (h->ports, p) {
		err e = srt_port_share(p->port, on);
		if (e)
			log_error("the SRT port %d: %s", p->number, err_trail(e));
	}
}

static void widen(uint32_t *lowest, uint32_t *highest, uint32_t number)
{
	*lowest = number < *lowest ? number : *lowest;
	*highest = number > *highest ? number : *highest;
}

/* Callers in the handshake have the next numbers below. */
void srt_hub_numbers(const struct srt_hub *h, struct steer_range *out)
{
	uint32_t lowest = UINT32_MAX, highest = 0;
	const struct srt_hub_port *p;
	const struct srt_session *s;
	DL_FOREACH (h->ports, p)
		widen(&lowest, &highest, srt_port_newest(p->port));
	DL_FOREACH (h->sessions, s)
		widen(&lowest, &highest, srt_link_number(s->link));
	*out = (struct steer_range){0};
	if (highest == 0)
		return;
	out->first = lowest > SRT_BACKLOG ? lowest - SRT_BACKLOG : 1;
	out->count = highest - out->first + 1;
}

void srt_hub_reload(struct srt_hub *h)
{
	if (h->gate)
		srt_gate_set_conf(h->gate, h->server->conf);
}

void srt_hub_figures(const struct srt_hub *h, struct srt_figures *out)
{
	*out = h->sum;
}

int srt_hub_port(const struct srt_hub *h, int n)
{
	const struct srt_hub_port *p;
	DL_FOREACH (h->ports, p)
		if (n-- == 0)
			return p->number;
	return 0;
}

void srt_hub_free(struct srt_hub **hub)
{
	struct srt_hub *h = *hub;
	*hub = NULL;
	if (!h)
		return;
	while (h->ports)
		drop(h, h->ports);
	timer_cancel(&h->look);
	srt_bridge_stop();
	srt_gate_free(&h->gate);
	map_free(&h->by_id);
	free(h);
}
