#include "support/gb_camera.h"
#include "base/check.h"
#include "base/mem.h"
#include "sip/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER "34020000002000000001"
#define REALM "3402000000"

enum { ANSWER_MS = 2000 };

void gb_camera_open(struct gb_camera *c, const char *id, int port)
{
	struct udp_opts opts = {.at = {.host = "127.0.0.1"}, .what = "camera"};
	memset(c, 0, sizeof(*c));
	c->id = id;
	c->call_id = "first-life";
	check(udp_open(&c->udp, &opts) == OK && addr_literal(&c->to, "127.0.0.1", port));
}

void gb_camera_close(struct gb_camera *c)
{
	if (c->udp)
		udp_close(&c->udp);
}

static void put(struct gb_camera *c, const char *text)
{
	struct udp_out out = {.data = span_str(text), .to = &c->to};
	int sent = 0;
	check(udp_send(c->udp, &out, 1, &sent) == OK && sent == 1);
}

void gb_camera_ask(struct gb_camera *c, const char *method, const char *lines, const char *body)
{
	unsigned n = ++c->cseq;
	char *text = mem_printf(
		"%s sip:" SERVER "@" REALM " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;rport;"
		"branch=z9hG4bK%s%u\r\nFrom: <sip:%s@" REALM ">;tag=t%u\r\nTo: <sip:%s@" REALM
		">\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:%s@127.0.0.1:%d>\r\n"
		"User-Agent: camera\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, udp_port(c->udp), c->call_id, n, c->id, n, c->id, c->call_id, n, method,
		c->id, udp_port(c->udp), lines, strlen(body), body);
	put(c, text);
	free(text);
}

static void keep(void *ctx, const struct udp_packet *packet)
{
	struct gb_camera *c = ctx;
	check(c->count < 4 && packet->data.n < sizeof(c->text));
	memcpy(c->in[c->count], packet->data.p, packet->data.n);
	c->sizes[c->count++] = packet->data.n;
}

bool gb_camera_get(struct gb_camera *c, int64_t ms)
{
	int64_t until = clock_after(ms);
	udp_attach(c->udp);
	while (c->count == 0) {
		if (udp_recv(c->udp, keep, c) == ERR_AGAIN && clock_ms() >= until)
			return false;
		if (c->count == 0)
			(void)udp_wait(c->udp, until);
	}
	memcpy(c->text, c->in[0], c->sizes[0]);
	size_t n = c->sizes[0];
	memmove(c->in[0], c->in[1], sizeof(c->in[0]) * (size_t)--c->count);
	memmove(c->sizes, c->sizes + 1, sizeof(c->sizes[0]) * (size_t)c->count);
	check(sip_parse(&c->m, c->text, n, sizeof(c->text)) == OK);
	return true;
}

int gb_camera_try(struct gb_camera *c, const char *method, const char *lines, const char *body)
{
	gb_camera_ask(c, method, lines, body);
	while (gb_camera_get(c, ANSWER_MS))
		if (!c->m.is_request && c->m.cseq == c->cseq && c->m.status >= 200)
			return c->m.status;
	return 0;
}

static void copy_quoted(char *out, size_t room, struct span challenge, const char *name)
{
	const char *text = (const char *)challenge.p, *at = strstr(text, name);
	check(at);
	at = strchr(at, '"') + 1;
	snprintf(out, room, "%.*s", (int)(strchr(at, '"') - at), at);
}

int gb_camera_register(struct gb_camera *c, const char *password, int expires)
{
	char lines[1024], response[33];
	snprintf(lines, sizeof(lines), "Expires: %d\r\n", expires);
	int status = gb_camera_try(c, "REGISTER", lines, "");
	if (status != 401 || !password)
		return status;
	struct sip_credentials *said = mem_new(struct sip_credentials);
	struct span challenge = sip_header_value(&c->m, "WWW-Authenticate");
	snprintf(said->username, sizeof(said->username), "%s", c->id);
	snprintf(said->uri, sizeof(said->uri), "sip:" SERVER "@" REALM);
	copy_quoted(said->realm, sizeof(said->realm), challenge, "realm=");
	copy_quoted(said->nonce, sizeof(said->nonce), challenge, "nonce=");
	check(sip_digest_response(response, said, "REGISTER", password) == OK);
	snprintf(
		lines, sizeof(lines),
		"Expires: %d\r\nAuthorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
		"uri=\"%s\", response=\"%s\", algorithm=MD5\r\n",
		expires, said->username, said->realm, said->nonce, said->uri, response);
	free(said);
	return gb_camera_try(c, "REGISTER", lines, "");
}

void gb_camera_answer(struct gb_camera *c, int status, const char *body)
{
	const struct sip_message *m = &c->m;
	struct span via = sip_header_value(m, "Via");
	char *text = mem_printf("SIP/2.0 %d x\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s\r\nCall-ID: "
				"%.*s\r\nCSeq: %u %.*s\r\n"
				"Contact: <sip:%s@127.0.0.1:%d>\r\nContent-Length: %zu\r\n\r\n%s",
				status, (int)via.n, (const char *)via.p, (int)m->from.text.n,
				(const char *)m->from.text.p, (int)m->to.text.n,
				(const char *)m->to.text.p, m->to.tag.n ? "" : ";tag=camera",
				(int)m->call_id.n, (const char *)m->call_id.p, m->cseq,
				(int)m->cseq_method_name.n, (const char *)m->cseq_method_name.p,
				c->id, udp_port(c->udp), strlen(body), body);
	put(c, text);
	free(text);
}

bool gb_camera_await(struct gb_camera *c, const char *method, int64_t ms)
{
	int64_t until = clock_after(ms);
	while (clock_ms() < until && gb_camera_get(c, until - clock_ms())) {
		if (!c->m.is_request)
			continue;
		bool is = span_is(c->m.method_name, method);
		if (!span_is(c->m.method_name, "INVITE") && !span_is(c->m.method_name, "ACK"))
			gb_camera_answer(c, 200, "");
		if (is)
			return true;
	}
	return false;
}
