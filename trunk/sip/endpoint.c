#include "sip/endpoint.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "sip/inside.h"
#include "sip/random.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum {
	CONNECTIONS = 4096,
	PER_ADDRESS = 64,
	STRANGER_MS = 60000,
	CALLS = 16384,
	ANSWERS = 16 << 20,
	BUFFERS = 64 << 20,
	UNTRUSTED_PART = 4,
	DATAGRAMS = 64, /* before others have a turn */
	KEY_BYTES = (SIP_KEY_MAX - 1) / 2,
	ANSWER_ROOM = 2 * SIP_HEAD_MAX,
};

/* ---- life ---- */

static void fill_in(struct sip_endpoint_opts *opts)
{
#define DEFAULT(member, value) opts->member = opts->member ? opts->member : (value)
	DEFAULT(body_max, SIP_BODY_ROOM);
	DEFAULT(connections_max, CONNECTIONS);
	DEFAULT(strangers_max, (opts->connections_max + UNTRUSTED_PART - 1) / UNTRUSTED_PART);
	DEFAULT(per_address_max, PER_ADDRESS);
	DEFAULT(stranger_ms, STRANGER_MS);
	DEFAULT(calls_max, CALLS);
	DEFAULT(answers_max, ANSWERS);
	DEFAULT(buffers_max, BUFFERS);
#undef DEFAULT
}

err sip_endpoint_new(struct sip_endpoint **out, const struct sip_endpoint_opts *opts)
{
	char word[SIP_WORD_MAX];
	TRY(sip_word(word));
	struct sip_endpoint *ep = mem_new(struct sip_endpoint);
	ep->opts = *opts;
	fill_in(&ep->opts);
	ep->strangers = map_new();
	ep->by_branch = map_new();
	ep->by_call = map_new();
	ep->answers = sip_answers_new(ep->opts.answers_max);
	ep->buffers = (struct budget){.max = ep->opts.buffers_max,
				      .untrusted_max = ep->opts.buffers_max / UNTRUSTED_PART};
	*out = ep;
	return OK;
}

static void close_port(struct sip_endpoint *ep, struct sip_port *port)
{
	co_stop(port->co);
	co_join(&port->co);
	DL_DELETE(ep->ports, port);
	udp_close(&port->udp);
	sip_port_unref(&port);
}

void sip_endpoint_free(struct sip_endpoint **endpoint)
{
	struct sip_endpoint *ep = *endpoint;
	*endpoint = NULL;
	if (!ep)
		return;
	ep->is_ending = true;
	sip_calls_end(ep);
	while (ep->ports)
		close_port(ep, ep->ports);
	co_group_stop(&ep->streams);
	sip_answers_free(&ep->answers);
	map_free(&ep->strangers);
	map_free(&ep->by_branch);
	map_free(&ep->by_call);
	free(ep);
}

const struct sip_counts *sip_endpoint_counts(struct sip_endpoint *endpoint)
{
	endpoint->counts.answers = sip_answers_count(endpoint->answers);
	return &endpoint->counts;
}

bool sip_endpoint_may_log(const struct sip_endpoint *endpoint)
{
	const struct sip_endpoint_opts *opts = &endpoint->opts;
	return opts->may_log && opts->may_log(opts->ctx);
}

/* ---- messages ---- */

/* The key of a transaction, equal for repeats of one request alone: who sent it, its branch and, since old
 * devices have none or always the same, what else names it. */
static void transaction_key(char out[static SIP_KEY_MAX], const struct sip_message *m,
			    const struct sip_flow *flow)
{
	char head[ADDR_TEXT_MAX + 32], peer[ADDR_TEXT_MAX];
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	const struct span parts[] = {m->method_name, m->via.branch, m->call_id, m->from.tag};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	addr_text(peer, &flow->peer);
	int n = snprintf(head, sizeof(head), "%s %s %u", sip_transport_name(flow->transport), peer,
			 m->cseq);
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, head, (size_t)n) == 1;
	for (size_t i = 0; ok && i < sizeof(parts) / sizeof(parts[0]); i++)
		ok = EVP_DigestUpdate(ctx, "\n", 1) == 1 &&
		     EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, sum, NULL) == 1;
	check(ok);
	EVP_MD_CTX_free(ctx);
	for (size_t i = 0; i < KEY_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

static void take_request(struct sip_endpoint *ep, struct sip_flow *flow)
{
	const struct sip_message *m = &ep->message;
	char key[SIP_KEY_MAX];
	struct sip_incoming in = {.message = m, .flow = flow, .endpoint = ep, .key = key};
	ep->counts.requests++;
	if (m->method == SIP_ACK)
		return;
	transaction_key(key, m, flow);
	struct span answer = sip_answers_get(ep->answers, key);
	if (answer.n) {
		ep->counts.repeated++;
		(void)!sip_flow_send(ep, flow, answer);
		return;
	}
	ep->opts.on_request(ep->opts.ctx, &in);
	if (!in.is_answered)
		ep->counts.dropped++;
}

err sip_endpoint_take(struct sip_endpoint *ep, struct sip_flow *flow, uint8_t *text, size_t n)
{
	if (ep->is_ending)
		return OK;
	err e = sip_parse(&ep->message, text, n, ep->opts.body_max);
	if (e) {
		ep->counts.malformed++;
		return e;
	}
	if (ep->message.is_request) {
		take_request(ep, flow);
		return OK;
	}
	ep->counts.responses++;
	if (!sip_calls_take(ep, flow, &ep->message))
		ep->counts.dropped++;
	return OK;
}

err sip_answer(struct sip_incoming *in, const struct sip_answer *answer)
{
	struct sip_endpoint *ep = in->endpoint;
	char tag[SIP_WORD_MAX];
	struct buf out = {.max = ANSWER_ROOM + answer->body.n};
	check(!in->is_answered);
	TRY(sip_word(tag));
	in->is_answered = true;
	sip_write_response(&out, in->message, answer, &in->flow->peer, tag, ep->opts.agent);
	err e = buf_ok(&out) ? OK : err_fail(ERR_LIMIT, "an answer that is too long");
	if (!e && !sip_answers_put(ep->answers, in->key, buf_span(&out), answer->untrusted))
		ep->counts.unremembered++;
	if (!e)
		e = sip_flow_send(ep, in->flow, buf_span(&out));
	buf_free(&out);
	return e;
}

/* ---- UDP ---- */

/* Whether it is one of the empty lines by which devices keep a router's memory fresh. */
static bool is_keepalive(struct span datagram)
{
	for (size_t i = 0; i < datagram.n; i++)
		if (datagram.p[i] && datagram.p[i] != '\r' && datagram.p[i] != '\n')
			return false;
	return true;
}

static struct sip_flow *flow_of(struct sip_port *port, const struct addr *peer,
				const struct addr *local)
{
	struct sip_flow *flow = sip_flow_new(SIP_UDP, peer, local);
	flow->port = port;
	port->refs++;
	return flow;
}

struct sip_flow *sip_endpoint_flow(struct sip_endpoint *ep, const struct addr *peer,
				   const struct addr *local)
{
	struct sip_port *port;
	DL_FOREACH (ep->ports, port)
		if (udp_port(port->udp) == addr_port(local))
			return flow_of(port, peer, local);
	return NULL;
}

/* The bytes are the socket's own, and folded lines are made one where they stand. */
static void on_packet(void *ctx, const struct udp_packet *packet)
{
	struct sip_port *port = ctx;
	struct sip_endpoint *ep = port->endpoint;
	if (is_keepalive(packet->data))
		return;
	struct sip_flow *flow = flow_of(port, packet->from, packet->to);
	err e = sip_endpoint_take(ep, flow, (uint8_t *)(uintptr_t)packet->data.p, packet->data.n);
	if (e && sip_endpoint_may_log(ep)) {
		char peer[ADDR_TEXT_MAX];
		addr_text(peer, packet->from);
		log_info("SIP datagram of %s: %s", peer, log_quote(err_trail(e)));
	}
	sip_flow_unref(&flow);
}

static err receive(struct sip_port *port)
{
	for (int i = 0;; i++) {
		err e = udp_recv(port->udp, on_packet, port);
		if (e == ERR_AGAIN)
			e = udp_wait(port->udp, CLOCK_NEVER);
		else if (!e && i % DATAGRAMS == DATAGRAMS - 1)
			co_yield ();
		if (e)
			return e;
		if (co_stopping())
			return err_plain(ERR_STOPPED);
	}
}

static void run_port(void *arg)
{
	struct sip_port *port = arg;
	err e = receive(port);
	if (e != ERR_STOPPED)
		log_end(e, "SIP over UDP at port %d", udp_port(port->udp));
}

err sip_endpoint_add_udp(struct sip_endpoint *ep, struct udp **udp)
{
	struct sip_port *port = mem_new(struct sip_port);
	port->refs = 1;
	port->endpoint = ep;
	port->udp = *udp;
	*udp = NULL;
	port->co = co_start("sip udp", run_port, port);
	if (!port->co) {
		udp_close(&port->udp);
		sip_port_unref(&port);
		return err_fail(ERR_SYSTEM, "SIP over UDP: no memory to receive");
	}
	DL_APPEND(ep->ports, port);
	return OK;
}

bool sip_endpoint_remove_udp(struct sip_endpoint *ep, int number)
{
	struct sip_port *port;
	DL_FOREACH (ep->ports, port)
		if (udp_port(port->udp) == number)
			break;
	if (!port)
		return false;
	close_port(ep, port);
	sip_calls_look(ep);
	return true;
}
