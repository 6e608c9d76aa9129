#include "service/whip_pass.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/client.h"
#include "node/certs.h"
#include "service/whip_link.h"

#include <stdlib.h>

enum { PASS_MS = 8000, LINES_MAX = 4096, ANSWER_LINES_MAX = 20480, ANSWER_MAX = 65536 };

static const char passed[] = "X-SRS-Passed";

bool whip_is_to_pass(const struct http_message *request)
{
	return http_header_get(request, "Origin") && !http_header_get(request, passed);
}

static void copy_header(struct buf *lines, const struct http_message *m, const char *name)
{
	const char *value = http_header_get(m, name);
	if (value)
		http_write_header(lines, name, value);
}

/* Where the session is ended, as the page reaches it. */
static void put_location(struct buf *lines, const struct outcome *o, const char *location)
{
	if (!*location)
		return;
	char *url = mem_printf("http%s://%s%s", o->tls ? "s" : "", o->http, location);
	http_write_header(lines, "Location", *location == '/' ? url : location);
	free(url);
}

static err respond(struct http_session *s, const struct outcome *o, int status, struct buf *body,
		   const char *location)
{
	struct buf lines = {.max = ANSWER_LINES_MAX};
	buf_printf(&lines, "%s", s->cors);
	put_location(&lines, o, location);
	if (status == 201)
		whip_link_put(&lines, &s->conf->rtc_server, "page");
	err e = http_respond(s->sock, s->request, status,
			     status == 201 ? "application/sdp" : "text/plain; charset=utf-8",
			     buf_span(body), buf_text(&lines));
	buf_free(&lines);
	return e;
}

static err ask(struct http_session *s, const struct conf_vhost *vhost, const struct outcome *o,
	       struct http_field *location, int *status, struct buf *body)
{
	struct hostport host;
	struct buf lines = {.max = LINES_MAX};
	char client[ADDR_TEXT_MAX];
	const struct http_message *m = s->request;
	TRY(hostport_parse(&host, o->http, o->tls ? PORT_HTTPS : PORT_HTTP));
	copy_header(&lines, m, "Content-Type");
	copy_header(&lines, m, "Authorization");
	http_write_header(&lines, passed, "1");
	addr_ip(client, sock_peer(s->sock));
	http_write_header(&lines, "X-Forwarded-For", client);
	struct http_request_opts opts = {
		.method = "POST",
		.host = host,
		.tls = o->tls ? certs_client(s->server->certs) : NULL,
		.tls_name = vhost->cluster.tls_name,
		.target = m->target,
		.headers = buf_text(&lines),
		.body = buf_span(&m->body),
		.body_max = ANSWER_MAX,
		.deadline = clock_after(PASS_MS),
		.field = location,
	};
	err e = http_request(&opts, status, body);
	buf_free(&lines);
	return e;
}

err whip_pass(struct http_session *s, const struct conf_vhost *vhost, const struct outcome *o)
{
	int status = 0;
	struct buf body = {.max = ANSWER_MAX};
	struct http_field location = {.name = "Location"};
	log_info("asking %s for the answer to a page", o->http);
	err e = ask(s, vhost, o, &location, &status, &body);
	if (e)
		e = http_respond_text(s->sock, s->request, 502,
				      "The server that has the stream does not answer.", s->cors);
	else
		e = respond(s, o, status, &body, location.value);
	buf_free(&body);
	return e;
}

/* ---- the process before this one ---- */

static err respond_as(struct http_session *s, int status, const struct http_message *head,
		      struct span body)
{
	struct buf lines = {.max = LINES_MAX};
	buf_printf(&lines, "%s", s->cors);
	copy_header(&lines, head, "ETag");
	err e = http_respond(s->sock, s->request, status, http_header_get(head, "Content-Type"),
			     body, buf_text(&lines));
	buf_free(&lines);
	return e;
}

bool whip_pass_to_former(struct http_session *s, err *e)
{
	const struct generation *former = &s->server->former;
	const struct http_message *m = s->request;
	struct http_message *head = NULL;
	struct buf lines = {.max = LINES_MAX}, body = {.max = ANSWER_MAX};
	struct hostport host;
	int status = 0;
	if (former->state != GENERATION_THERE ||
	    hostport_parse(&host, former->api, PORT_HTTP) != OK)
		return false;
	copy_header(&lines, m, "Content-Type");
	copy_header(&lines, m, "If-Match");
	*e = http_request(&(struct http_request_opts){.method = m->method_name,
						      .host = host,
						      .target = m->target,
						      .headers = buf_text(&lines),
						      .body = buf_span(&m->body),
						      .body_max = ANSWER_MAX,
						      .deadline = clock_after(PASS_MS),
						      .head = &head},
			  &status, &body);
	bool is_there = *e == OK && head && status != 404;
	if (is_there)
		*e = respond_as(s, status, head, buf_span(&body));
	http_message_free(&head);
	buf_free(&lines);
	buf_free(&body);
	return is_there;
}
