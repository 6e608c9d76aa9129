/* Media in datagrams: one port for all cameras, told apart by the SSRC. */
#include "base/log.h"
#include "base/mem.h"
#include "codec/rtp.h"
#include "codec/rtp_order.h"
#include "service/gb_media.h"

#include <stdlib.h>

struct gb_port {
	struct gb_hub *hub;
	struct udp *udp;
	struct co *co;
};

/* The packets of one stream. */
struct gb_flow {
	struct gb_line line;
	struct gb_stream *stream;
	struct addr from;
	struct rtp_order order;
	int64_t heard_ms, bytes;
	struct co *co;
};

static struct gb_flow *flow_of(struct gb_line *line)
{
	return container_of(line, struct gb_flow, line);
}

static const struct gb_flow *flow_of_const(const struct gb_line *line)
{
	return container_of_const(line, struct gb_flow, line);
}

/* ---- as a line ---- */

static err on_recv(struct gb_line *line, struct span *packet, bool *gap)
{
	return rtp_order_next(&flow_of(line)->order, clock_ms(), packet, gap) ? OK : ERR_AGAIN;
}

static void on_attach(struct gb_line *line)
{
	flow_of(line)->co = co_self();
}

static int64_t on_due(const struct gb_line *line)
{
	return rtp_order_due(&flow_of_const(line)->order);
}

static int64_t on_heard_ms(const struct gb_line *line)
{
	return flow_of_const(line)->heard_ms;
}

static int64_t on_bytes(const struct gb_line *line)
{
	return flow_of_const(line)->bytes;
}

/* Nobody says good-bye in datagrams. */
static bool on_is_gone(const struct gb_line *line)
{
	(void)line;
	return false;
}

static const struct gb_line_ops line_ops = {
	.recv = on_recv,
	.attach = on_attach,
	.due = on_due,
	.heard_ms = on_heard_ms,
	.bytes = on_bytes,
	.is_gone = on_is_gone,
};

/* ---- its life ---- */

static void flow_main(void *arg)
{
	struct gb_flow *f = arg;
	char id[9], peer[ADDR_TEXT_MAX];
	co_new_id(id);
	co_set_id(id);
	addr_text(peer, &f->from);
	log_info("media of %s from %s by UDP", f->stream->name, peer);
	err e = gb_stream_run(f->stream, &f->line);
	log_end(e, "GB28181 media from %s ended", peer);
	rtp_order_fini(&f->order);
	free(f);
}

static void flow_start(struct gb_stream *s, const struct addr *from)
{
	struct gb_flow *f = mem_new(struct gb_flow);
	f->line.ops = &line_ops;
	f->stream = s;
	f->from = *from;
	s->flow = f;
	f->co = co_start_in(&s->hub->server->sessions, "gb media", flow_main, f);
	if (f->co)
		return;
	s->flow = NULL;
	free(f);
}

static void take(void *ctx, const struct udp_packet *packet)
{
	struct gb_port *p = ctx;
	struct rtp rtp;
	if (rtp_is_control(packet->data) || !rtp_read(&rtp, packet->data))
		return;
	struct gb_stream *s = gb_stream_find(p->hub, rtp.ssrc, packet->from);
	if (s && !s->flow && !s->feed)
		flow_start(s, packet->from);
	struct gb_flow *f = s ? s->flow : NULL;
	if (!f || !addr_same(&f->from, packet->from)) {
		p->hub->unknown_media++;
		return;
	}
	f->heard_ms = clock_ms();
	f->bytes += (int64_t)packet->data.n;
	rtp_order_put(&f->order, rtp.seq, packet->data, f->heard_ms);
	co_wake(f->co);
}

static void port_main(void *arg)
{
	struct gb_port *p = arg;
	udp_attach(p->udp);
	for (err e = OK; e != ERR_STOPPED;) {
		e = udp_recv(p->udp, take, p);
		if (e == ERR_AGAIN)
			e = udp_wait(p->udp, CLOCK_NEVER);
		else
			co_yield ();
		if (co_stopping())
			return;
	}
}

struct gb_port *gb_port_new(struct gb_hub *hub, struct udp **udp)
{
	struct gb_port *p = mem_new(struct gb_port);
	p->hub = hub;
	p->udp = *udp;
	*udp = NULL;
	p->co = co_start("gb port", port_main, p);
	return p;
}

void gb_port_free(struct gb_port **port)
{
	struct gb_port *p = *port;
	*port = NULL;
	if (!p)
		return;
	co_stop(p->co);
	co_join(&p->co);
	udp_close(&p->udp);
	free(p);
}

int gb_port_number(const struct gb_port *port)
{
	return udp_port(port->udp);
}
