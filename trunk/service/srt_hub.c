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

enum { LOOK_MS = 2000 };

/* The library knows nothing any more of a connection whose peer has left: what its line was like is asked from time to
 * time. */
static void on_look(struct timer *timer)
{
	struct srt_hub *h = container_of(timer, struct srt_hub, look);
	struct srt_session *s;
	struct srt_figures unused;
	DL_FOREACH (h->sessions, s)
		srt_link_figures(s->link, &unused);
	timer_set(timer, clock_after(LOOK_MS));
}

struct srt_hub *srt_hub_new(struct server *server)
{
	struct srt_hub *h = mem_new(struct srt_hub);
	h->server = server;
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
	if (!h->look.armed)
		timer_set(&h->look, clock_after(LOOK_MS));
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

static void add(struct srt_figures *sum, const struct srt_figures *f)
{
	sum->recv_packets += f->recv_packets;
	sum->recv_lost += f->recv_lost;
	sum->recv_retransmitted += f->recv_retransmitted;
	sum->recv_dropped += f->recv_dropped;
	sum->send_packets += f->send_packets;
	sum->send_lost += f->send_lost;
	sum->send_retransmitted += f->send_retransmitted;
	sum->send_dropped += f->send_dropped;
}

void srt_hub_keep_figures(struct srt_hub *h, const struct srt_figures *figures)
{
	add(&h->past, figures);
}

void srt_hub_figures(const struct srt_hub *h, struct srt_figures *out)
{
	const struct srt_session *s;
	*out = h->past;
	DL_FOREACH (h->sessions, s) {
		struct srt_figures f;
		srt_link_figures(s->link, &f);
		add(out, &f);
	}
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
	free(h);
}
