#include "node/proxied.h"
#include "codec/forwarded.h"
#include "codec/proxy_header.h"

#include <string.h>
#include <strings.h>

/* Nobody waits between looking into it and leaving it. */
static uint8_t seen[PROXY_HEADER_MAX];

/* ---- the PROXY protocol ---- */

static err refuse(const struct sock *sock, const char *what)
{
	char peer[ADDR_TEXT_MAX];
	addr_text(peer, sock_peer(sock));
	return err_fail(ERR_PROTOCOL, "the proxy %s %s", peer, what);
}

/* A loopback address, where the proxy is called from its own host, is none of ours. */
static bool is_of_use(const struct addr *addr)
{
	return !addr_is_loopback(addr) && !addr_is_any(addr);
}

static err read_header(struct sock *sock, struct proxy_header *header, bool required)
{
	for (;;) {
		size_t n;
		TRY(sock_peek(sock, seen, sizeof(seen), &n));
		switch (proxy_header_parse(header, span_of(seen, n))) {
		case PROXY_WHOLE:
			return sock_drop(sock, header->bytes);
		case PROXY_ABSENT:
			return required ? refuse(sock, "sends no PROXY header") : OK;
		case PROXY_BAD:
			return refuse(sock, "sends a PROXY header that cannot be read");
		case PROXY_PART:
			TRY(sock_await_more(sock));
		}
	}
}

static err no_place(const struct addr *peer)
{
	char ip[ADDR_TEXT_MAX];
	addr_ip(ip, peer);
	return err_fail(ERR_LIMIT, "there is no place for a further connection from %s", ip);
}

err proxied_begin(struct server *server, struct sock *sock, struct conn_place *place,
		  bool *by_proxy)
{
	const struct conf *conf = server->conf;
	struct proxy_header header = {0};
	bool trusted = server_is_proxy(conf, sock_peer(sock));
	if (by_proxy)
		*by_proxy = trusted;
	if (!trusted || conf->proxy_protocol == PROXY_PROTOCOL_OFF)
		return OK;
	TRY(read_header(sock, &header, conf->proxy_protocol == PROXY_PROTOCOL_REQUIRED));
	if (!header.has_from || !is_of_use(&header.from))
		return OK;
	sock_set_peer(sock, &header.from);
	if (!server_may_arrive(server, sock_peer(sock)) ||
	    !server_move_place(server, place, sock_peer(sock)))
		return no_place(sock_peer(sock));
	return OK;
}

/* ---- headers of HTTP ---- */

static bool is_trusted(const void *ctx, const struct addr *addr)
{
	return server_is_proxy(ctx, addr);
}

static struct forwarded read_all(const struct conf *conf, const struct http_message *m,
				 const char *name,
				 void (*take)(struct forwarded *f, struct span value))
{
	struct forwarded f = {.is_trusted = is_trusted, .ctx = conf};
	for (int i = 0; i < m->header_count; i++)
		if (strcasecmp(m->headers[i].name, name) == 0)
			take(&f, span_str(m->headers[i].value));
	return f;
}

static bool is_same_host(struct addr a, struct addr b)
{
	addr_set_port(&a, 0);
	addr_set_port(&b, 0);
	return addr_same(&a, &b);
}

void proxied_client(struct addr *client, const struct server *server, const struct addr *via,
		    const struct http_message *request)
{
	const struct conf *conf = server->conf;
	*client = *via;
	if (!server_is_proxy(conf, via))
		return;
	struct forwarded list =
		read_all(conf, request, "X-Forwarded-For", forwarded_take_addresses);
	struct forwarded elements = read_all(conf, request, "Forwarded", forwarded_take_elements);
	const struct addr *from = list.any ? &list.client : &elements.client;
	if (list.any && elements.any && !is_same_host(list.client, elements.client))
		(void)addr_literal(client, "0.0.0.0", 0);
	else if ((list.any || elements.any) && !addr_is_loopback(from))
		*client = *from;
}
