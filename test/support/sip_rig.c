#include "support/sip_rig.h"
#include "base/check.h"
#include "base/mem.h"
#include "support/co_unit.h"

#include <stdio.h>
#include <stdlib.h>

struct sip_rig rig;

/* ---- the owner ---- */

static void on_request(void *ctx, struct sip_incoming *in)
{
	(void)ctx;
	const struct sip_message *m = in->message;
	rig.requests++;
	snprintf(rig.method, sizeof(rig.method), "%.*s", (int)m->method_name.n,
		 (const char *)m->method_name.p);
	snprintf(rig.body, sizeof(rig.body), "%.*s", (int)m->body.n, (const char *)m->body.p);
	sip_flow_unref(&rig.flow);
	rig.flow = sip_flow_ref(in->flow);
	if (rig.accepts)
		sip_flow_accept(in->flow);
	if (rig.answer.status)
		(void)!sip_answer(in, &rig.answer);
	if (rig.closes)
		sip_flow_close(in->flow);
}

static void on_closed(void *ctx, struct sip_flow *flow)
{
	(void)ctx;
	check(!sip_flow_is_open(flow));
	rig.closed++;
}

static bool may_log(void *ctx)
{
	(void)ctx;
	rig.lines++;
	return rig.may_log;
}

static void on_answer(void *ctx, const struct sip_message *answer)
{
	(void)ctx;
	check(rig.count < SIP_RIG_ANSWERS);
	rig.at_ms[rig.count] = clock_ms();
	rig.statuses[rig.count++] = answer->status;
	if (answer->status < 200)
		return;
	if (answer->status < 300)
		(void)!sip_dialog_take(&rig.dialog, answer);
	if (rig.acks && answer->status < 300 && answer->cseq_method == SIP_INVITE)
		check(sip_call_ack(rig.call) == OK);
	if (rig.releases)
		sip_call_release(&rig.call);
}

static void on_failure(void *ctx, err why)
{
	(void)ctx;
	rig.failure = why;
	rig.failure_ms = clock_ms();
}

/* ---- around a test ---- */

static void open_tcp(void)
{
	struct listen_opts opts = {.at = {.host = "127.0.0.1"},
				   .what = "SIP",
				   .on_accept = sip_endpoint_accept,
				   .ctx = rig.endpoint};
	check(listener_open(&rig.listener, &opts) == OK);
	listener_start(rig.listener);
}

static void open_udp(void)
{
	struct udp *udp;
	struct udp_opts opts = {
		.at = {.host = "127.0.0.1"}, .what = "SIP", .packet_max = SIP_DATAGRAM_MAX};
	check(udp_open(&udp, &opts) == OK);
	rig.udp_port = udp_port(udp);
	check(sip_endpoint_add_udp(rig.endpoint, &udp) == OK && !udp);
}

static void close_all(void)
{
	listener_close(&rig.listener);
	sip_endpoint_free(&rig.endpoint);
	sip_call_release(&rig.call);
	sip_flow_unref(&rig.flow);
}

void sip_rig_open(struct sip_endpoint_opts opts)
{
	close_all();
	rig = (struct sip_rig){.answer = {.status = 200}, .may_log = true};
	opts.on_request = on_request;
	opts.on_flow_closed = on_closed;
	opts.may_log = may_log;
	check(sip_endpoint_new(&rig.endpoint, &opts) == OK);
	open_udp();
	open_tcp();
}

int sip_rig_setup(void **state)
{
	int rc = co_setup(state);
	rig = (struct sip_rig){0};
	sip_rig_open((struct sip_endpoint_opts){0});
	return rc;
}

int sip_rig_setup_fake_time(void **state)
{
	fake_time_begin();
	return sip_rig_setup(state);
}

int sip_rig_teardown(void **state)
{
	close_all();
	return co_teardown(state);
}

err sip_rig_send(const char *method, int timeout_ms)
{
	const struct sip_request request = {.method = method,
					    .timeout_ms = timeout_ms,
					    .on_answer = on_answer,
					    .on_failure = on_failure};
	if (!*rig.dialog.call_id)
		TRY(sip_dialog_begin(&rig.dialog, "sip:server@domain", "sip:device@domain"));
	return sip_send(rig.endpoint, rig.flow, &rig.dialog, &request, &rig.call);
}

/* ---- peers ---- */

struct sip_peer *sip_peer_new(enum sip_transport transport)
{
	struct sip_peer *p = mem_new(struct sip_peer);
	bool tcp = transport == SIP_TCP;
	int port = tcp ? listener_port(rig.listener) : rig.udp_port;
	check(addr_literal(&p->server, "127.0.0.1", port));
	struct udp_opts opts = {
		.at = {.host = "127.0.0.1"}, .what = "peer", .packet_max = SIP_DATAGRAM_MAX};
	if (tcp)
		check(sock_dial(&p->sock, &p->server, clock_after(UNTIL_MS)) == OK);
	else
		check(udp_open(&p->udp, &opts) == OK);
	return p;
}

void sip_peer_free(struct sip_peer **peer)
{
	struct sip_peer *p = *peer;
	*peer = NULL;
	if (!p)
		return;
	sock_close(&p->sock);
	udp_close(&p->udp);
	free(p);
}

void sip_peer_put(struct sip_peer *p, const char *text, size_t n)
{
	struct udp_out out = {.data = span_of(text, n), .to = &p->server};
	struct iovec iov = {(void *)(uintptr_t)text, n};
	int count = 0;
	size_t sent = 0;
	if (p->udp) {
		check(udp_send(p->udp, &out, 1, &count) == OK && count == 1);
		return;
	}
	err e = sock_try_sendv(p->sock, &iov, 1, &sent);
	check(e == ERR_CLOSED || sent == n);
}

void sip_peer_ask(struct sip_peer *p, const char *method, const char *branch)
{
	char text[1000];
	int n = snprintf(text, sizeof(text),
			 "%s sip:server@domain SIP/2.0\r\n"
			 "Via: SIP/2.0/%s 192.168.1.9:5060;rport;branch=%s\r\n"
			 "From: <sip:device@domain>;tag=d\r\nTo: <sip:server@domain>\r\n"
			 "Call-ID: %s\r\nCSeq: 7 %s\r\nContact: <sip:device@192.168.1.9:5060>\r\n"
			 "Content-Length: 0\r\n\r\n",
			 method, p->udp ? "UDP" : "TCP", branch, branch, method);
	sip_peer_put(p, text, (size_t)n);
}

void sip_peer_answer(struct sip_peer *p, int status, const char *lines)
{
	char extra[1000];
	struct buf out = {.max = SIP_RIG_TEXT};
	struct addr from;
	check(addr_literal(&from, "127.0.0.1", 1));
	snprintf(extra, sizeof(extra), "Contact: <sip:device@192.168.1.9:5060>\r\n%s", lines);
	struct sip_answer answer = {.status = status, .reason = "x", .headers = extra};
	sip_write_response(&out, &p->message, &answer, &from, "peer", NULL);
	sip_peer_put(p, (const char *)out.p, out.n);
	buf_free(&out);
}

static void keep(struct sip_peer *p, const uint8_t *text, size_t n)
{
	check(n < sizeof(p->text));
	memcpy(p->text, text, n);
	p->text[n] = '\0';
	p->at_ms = clock_ms();
	/* Parsed from another copy: what is folded is changed, and a test may look at the text. */
	static uint8_t copy[SIP_RIG_TEXT];
	memcpy(copy, text, n);
	check(sip_parse(&p->message, copy, n, SIP_RIG_TEXT) == OK);
}

static void on_packet(void *ctx, const struct udp_packet *packet)
{
	keep(ctx, packet->data.p, packet->data.n);
}

/* ERR_AGAIN: it is not whole yet. */
static err next_of_stream(struct sip_peer *p)
{
	struct sip_frame frame;
	size_t n = 0;
	err e = sock_try_recv(p->sock, p->in + p->n, sizeof(p->in) - p->n, &n);
	p->n += n;
	check(sip_frame(&frame, p->in, p->n, SIP_RIG_TEXT) == OK);
	if (!frame.length || p->n < frame.length)
		return e ? e : ERR_AGAIN;
	keep(p, p->in, frame.length);
	p->n -= frame.length;
	memmove(p->in, p->in + frame.length, p->n);
	return OK;
}

bool sip_peer_get(struct sip_peer *p, int64_t ms)
{
	int64_t deadline = clock_after(ms);
	for (;;) {
		err e = p->udp ? udp_recv(p->udp, on_packet, p) : next_of_stream(p);
		p->is_closed = e && e != ERR_AGAIN;
		if (e != ERR_AGAIN)
			return e == OK;
		if (p->sock)
			sock_attach(p->sock);
		e = p->udp ? udp_wait(p->udp, deadline) : co_wait(deadline);
		if (e)
			return false;
	}
}
