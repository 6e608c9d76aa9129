#include "service/rtc_hub.h"
#include "base/log.h"
#include "base/mem.h"
#include "rtc/stream.h"
#include "service/rtc_past.h"
#include "service/rtc_sharing.h"

#include <stdlib.h>
#include <utlist.h>

struct rtc_hub_port {
	struct rtc_hub_port *prev, *next;
	struct rtc_port *port;
	struct co *co;
	bool retired; /* not listened on any more */
	bool is_left; /* another process reads it */
};

struct rtc_hub *rtc_hub_new(struct server *server)
{
	struct rtc_hub *h = mem_new(struct rtc_hub);
	h->server = server;
	h->tokens = map_new();
	places_init(&h->connecting);
	return h;
}

/* ---- ports ---- */

static void serve(void *arg)
{
	struct rtc_hub_port *p = arg;
	err e = rtc_port_run(p->port);
	if (e != ERR_STOPPED)
		log_error("the WebRTC port is lost: %s", err_trail(e));
}

void rtc_hub_listen(struct rtc_hub *h, struct udp **udp)
{
	struct rtc_hub_port *p = mem_new(struct rtc_hub_port);
	p->port = rtc_port_new(*udp);
	*udp = NULL;
	p->co = co_start("rtc port", serve, p);
	DL_PREPEND(h->ports, p);
}

static void drop(struct rtc_hub *h, struct rtc_hub_port *p)
{
	DL_DELETE(h->ports, p);
	for (enum rtc_side side = 0; side < RTC_SIDES; side++)
		if (rtc_sharing_is_of(h, side, p->port))
			rtc_sharing_end(h, side);
	co_stop(p->co);
	co_join(&p->co);
	rtc_port_unref(&p->port);
	free(p);
}

/* One that another process has taken over serves those, too, who have asked already and have no answer yet, and the
 * process before this one, which is reached through it. */
static bool is_used(const struct rtc_hub *h, const struct rtc_hub_port *p)
{
	return !p->retired || rtc_port_links(p->port) > 0 || (p->is_left && h->count > 0) ||
	       rtc_sharing_is_of(h, RTC_FORMER, p->port);
}

void rtc_hub_reap(struct rtc_hub *h)
{
	struct rtc_hub_port *p, *next;
	DL_FOREACH_SAFE (h->ports, p, next) {
		if (!is_used(h, p)) {
			drop(h, p);
			return; /* others may have changed the list meanwhile */
		}
	}
}

void rtc_hub_unlisten(struct rtc_hub *h, int port)
{
	struct rtc_hub_port *p;
	DL_FOREACH (h->ports, p)
		if (!p->retired && rtc_port_number(p->port) == port)
			p->retired = true;
	rtc_hub_reap(h);
}

/* The newest one that is listened on, else the one that another process reads for this one. */
static struct rtc_hub_port *current(const struct rtc_hub *h)
{
	struct rtc_hub_port *p;
	DL_FOREACH (h->ports, p)
		if (!p->retired)
			return p;
	DL_FOREACH (h->ports, p)
		if (p->is_left)
			return p;
	return NULL;
}

struct rtc_port *rtc_hub_port(const struct rtc_hub *h)
{
	const struct rtc_hub_port *p = current(h);
	return p ? p->port : NULL;
}

void rtc_hub_read(struct rtc_hub *h, bool on)
{
	struct rtc_hub_port *p = current(h);
	if (!p)
		return;
	p->is_left = !on;
	err e = rtc_port_receive(p->port, on);
	if (e)
		log_error("the WebRTC port: %s", err_trail(e));
}

/* ---- over TCP ---- */

struct arrival {
	struct rtc_hub *hub;
	struct sock *sock;
	struct rtc_port *port;
	struct conn_place place;
	struct buf read; /* of it already */
};

static void arrival_free(struct arrival *a)
{
	sock_close(&a->sock);
	rtc_port_unref(&a->port);
	place_give(&a->place);
	buf_free(&a->read);
	free(a);
}

static void serve_stream(void *arg)
{
	struct arrival *a = arg;
	char id[9], peer[ADDR_TEXT_MAX];
	co_new_id(id);
	co_set_id(id);
	addr_text(peer, sock_peer(a->sock));
	err e = rtc_stream_run(a->port, a->sock, buf_span(&a->read));
	if (err_severity(e) != ERR_QUIET)
		log_end(e, "WebRTC over TCP from %s ended", peer);
	arrival_free(a);
}

/* The session has a place of its own: this one goes with the connection. */
static void arrive(struct rtc_hub *h, struct sock *sock, struct span read)
{
	struct rtc_port *port = rtc_hub_port(h);
	struct conn_place place = {0};
	if (!port || !server_take_place(h->server, &place, "WebRTC TCP", sock_peer(sock)) ||
	    place.is_reserved) {
		place_give(&place);
		sock_close(&sock);
		return;
	}
	struct arrival *a = mem_new(struct arrival);
	*a = (struct arrival){.hub = h, .sock = sock, .port = rtc_port_ref(port), .place = place};
	a->read.max = RTC_STREAM_IN_MAX;
	buf_put(&a->read, read.p, read.n);
	if (!co_start_in(&h->server->sessions, "rtc tcp", serve_stream, a))
		arrival_free(a);
}

void rtc_hub_accept(void *ctx, struct sock *sock)
{
	arrive(ctx, sock, span_of(NULL, 0));
}

void rtc_hub_adopt(struct rtc_hub *h, int fd, struct span read)
{
	struct sock *sock = NULL;
	err e = sock_wrap(&sock, fd);
	if (e)
		log_error("a connection of the next process cannot be served: %s", err_trail(e));
	else
		arrive(h, sock, read);
}

/* ---- the certificate ---- */

err rtc_hub_identity(struct rtc_hub *h, const struct dtls_identity **out)
{
	if (h->identity && dtls_identity_is_old(h->identity))
		dtls_identity_free(&h->identity);
	if (!h->identity)
		TRY(dtls_identity_new(&h->identity));
	*out = h->identity;
	return OK;
}

void rtc_hub_free(struct rtc_hub **hub)
{
	struct rtc_hub *h = *hub;
	if (!h)
		return;
	while (h->ports)
		drop(h, h->ports);
	dtls_identity_free(&h->identity);
	map_free(&h->tokens);
	places_fini(&h->connecting);
	rtc_past_clear();
	free(h);
	*hub = NULL;
}
