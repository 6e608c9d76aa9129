/* One request, one answer, one deadline. A kept connection is tried first; that it was closed by
 * the peer meanwhile shows as an end before the first byte of the answer, and then (only then) the
 * request is sent once more on a new connection. */
#include "http/client.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"
#include "http/parse.h"
#include "http/pool.h"
#include "net/dial.h"
#include "net/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REQUEST_HEAD_MAX = 32768, PIECE = 16384 };

static bool is_word(const char *s)
{
	for (const char *p = s; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	}
	return *s != '\0';
}

/* Names from a stream or from another server become parts of a request: none of them may add
 * a line to it. */
static err opts_check(const struct http_request_opts *opts)
{
	if (!is_word(opts->method) || !is_word(opts->host.host))
		return err_fail(ERR_PROTOCOL, "the method or host of an HTTP request is not valid");
	if (!is_word(opts->target) || *opts->target != '/')
		return err_fail(ERR_PROTOCOL, "the path of an HTTP request is not valid");
	if (opts->headers && !http_lines_ok(opts->headers))
		return err_fail(ERR_PROTOCOL, "the headers of an HTTP request are not valid");
	return OK;
}

static void head_write(struct buf *b, const struct http_request_opts *opts, bool keep_alive)
{
	char host[HOST_MAX + 8];
	hostport_text(host, &opts->host);
	if (opts->host.port == (opts->tls ? PORT_HTTPS : PORT_HTTP))
		*strrchr(host, ':') = '\0';
	buf_printf(
		b,
		"%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nConnection: %s\r\n",
		opts->method, opts->target, host, SERVER_NAME, keep_alive ? "keep-alive" : "close");
	if (opts->body.n || strcmp(opts->method, "POST") == 0 || strcmp(opts->method, "PUT") == 0)
		buf_printf(b, "Content-Length: %zu\r\n", opts->body.n);
	buf_printf(b, "%s\r\n", opts->headers ? opts->headers : "");
}

static err request_send(struct sock *sock, const struct http_request_opts *opts, bool keep_alive)
{
	struct buf head = {.max = REQUEST_HEAD_MAX};
	head_write(&head, opts, keep_alive);
	if (!buf_ok(&head)) {
		buf_free(&head);
		return err_fail(ERR_LIMIT, "the head of an HTTP request is too long");
	}
	struct iovec iov[2] = {{head.p, head.n}, {(void *)(uintptr_t)opts->body.p, opts->body.n}};
	err e = sock_sendv(sock, iov, opts->body.n ? 2 : 1);
	buf_free(&head);
	return e;
}

static const char *tls_name(const struct http_request_opts *opts)
{
	return opts->tls_name && *opts->tls_name ? opts->tls_name : opts->host.host;
}

static bool take_kept(struct http_link *link, const struct dns_answer *answer,
		      const struct http_request_opts *opts)
{
	for (int i = 0; i < answer->count; i++)
		if (http_pool_get(link, &answer->addrs[i], opts->tls, tls_name(opts)))
			return true;
	return false;
}

static err encrypt(struct http_link *link, const struct http_request_opts *opts)
{
	link->tls = tls_client_ref(opts->tls);
	link->tls_name = mem_strdup(tls_name(opts));
	sock_set_deadline(link->sock, opts->deadline);
	err e = tls_connect(link->sock, link->tls, link->tls_name, "http/1.1");
	if (e)
		http_link_close(link);
	return e;
}

/* A kept one if `kept` and there is one. */
static err link_open(struct http_link *link, const struct http_request_opts *opts, bool kept)
{
	struct dns_answer answer = {0};
	err e = dns_lookup(&answer, opts->host.host, opts->host.port, opts->deadline);
	bool done = e != OK || (kept && take_kept(link, &answer, opts));
	if (!done)
		e = dial_addrs(&link->sock, answer.addrs, answer.count, opts->deadline);
	dns_answer_fini(&answer);
	TRY(e);
	if (!done && opts->tls)
		TRY(encrypt(link, opts));
	if (!link->conn)
		link->conn = http_conn_new(link->sock);
	return OK;
}

static bool is_affordable(struct quota *quota, size_t n)
{
	return !quota || quota_take(quota, n);
}

static err body_read(struct http_conn *conn, struct buf *body, const struct http_request_opts *opts)
{
	uint8_t *piece = mem_alloc(PIECE);
	size_t n;
	err e;
	do {
		e = http_recv_body(conn, piece, PIECE, &n, opts->deadline);
		if (e == OK && !is_affordable(opts->quota, n))
			e = err_fail(ERR_LIMIT, "there is no room for the HTTP answer now");
		else if (e == OK && n)
			buf_put(body, piece, n);
	} while (e == OK && n && buf_ok(body));
	free(piece);
	if (e == OK && !buf_ok(body))
		return err_fail(ERR_LIMIT, "the HTTP answer is too long");
	return e;
}

static void field_read(struct http_field *field, const struct http_message *head)
{
	const char *value = http_header_get(head, field->name);
	bool fits = value && strlen(value) < sizeof(field->value);
	snprintf(field->value, sizeof(field->value), "%s", fits ? value : "");
}

/* *reusable when the connection is good for another request. */
static err exchange(struct http_link *link, const struct http_request_opts *opts, int *status,
		    struct buf *body, bool *reusable)
{
	struct http_message *head = NULL;
	sock_set_deadline(link->sock, opts->deadline);
	TRY(request_send(link->sock, opts, true));
	TRY(http_recv_response(link->conn, &head, opts->deadline));
	*status = head->status;
	if (opts->field)
		field_read(opts->field, head);
	bool bodyless = strcmp(opts->method, "HEAD") == 0;
	bool keep_alive = head->keep_alive && !bodyless;
	bool too_long = head->content_length > 0 && (uint64_t)head->content_length > opts->body_max;
	if (opts->head)
		*opts->head = head;
	else
		http_message_free(&head);
	if (bodyless)
		return OK;
	if (too_long)
		return err_fail(ERR_LIMIT, "the HTTP answer is too long");
	TRY(body_read(link->conn, body, opts));
	*reusable = keep_alive && http_conn_clean(link->conn);
	return OK;
}

/* One attempt on this link, which is closed or kept. *stale: it was a kept one that had gone. */
static err attempt(struct http_link *link, const struct http_request_opts *opts, int *status,
		   struct buf *body, bool *stale)
{
	bool reusable = false;
	int64_t before = sock_recv_bytes(link->sock);
	err e = exchange(link, opts, status, body, &reusable);
	bool silent = sock_recv_bytes(link->sock) == before;
	*stale = link->reused && silent && e != OK && e != ERR_TIMEOUT && e != ERR_STOPPED;
	if (e == OK && reusable)
		http_pool_put(link, opts->at_once ? opts->at_once : POOL_PER_ADDR);
	else
		http_link_close(link);
	return e;
}

static err request(const struct http_request_opts *opts, int *status, struct buf *body)
{
	bool stale = false;
	struct http_link link = {0};
	TRY(link_open(&link, opts, true));
	err e = attempt(&link, opts, status, body, &stale);
	if (!stale)
		return e;
	buf_clear(body);
	link = (struct http_link){0};
	TRY(link_open(&link, opts, false));
	return attempt(&link, opts, status, body, &stale);
}

static err request_in_turn(const struct http_request_opts *opts, int *status, struct buf *body)
{
	struct http_visit visit;
	char host[HOST_MAX + 8];
	TRY(opts_check(opts));
	hostport_text(host, &opts->host);
	TRY(http_pool_enter(&visit, host, opts->at_once ? opts->at_once : POOL_BUSY_MAX,
			    opts->deadline));
	err e = request(opts, status, body);
	http_pool_leave(&visit);
	return e;
}

/* The path without its query, which may hold a secret. */
static err describe(err e, const struct http_request_opts *opts)
{
	char host[HOST_MAX + 8];
	hostport_text(host, &opts->host);
	return err_add(e, "%s http%s://%s%.*s", opts->method, opts->tls ? "s" : "", host,
		       (int)strcspn(opts->target, "?"), opts->target);
}

/* A reload may let go of it while a request waits for its turn, for a name or for a connection. */
static struct tls_client *hold(const struct http_request_opts *opts)
{
	return opts->tls ? tls_client_ref(opts->tls) : NULL;
}

err http_request(const struct http_request_opts *opts, int *status, struct buf *body)
{
	struct tls_client *held = hold(opts);
	buf_clear(body);
	body->max = opts->body_max;
	*status = 0;
	err e = request_in_turn(opts, status, body);
	tls_client_unref(&held);
	return e == OK ? OK : describe(e, opts);
}

static err open_live(struct http_link *link, const struct http_request_opts *opts,
		     struct http_message **head)
{
	TRY(opts_check(opts));
	TRY(link_open(link, opts, false));
	sock_set_deadline(link->sock, opts->deadline);
	TRY(request_send(link->sock, opts, false));
	TRY(http_recv_response(link->conn, head, opts->deadline));
	sock_set_deadline(link->sock, CLOCK_NEVER);
	return OK;
}

err http_open(const struct http_request_opts *opts, struct sock **sock, struct http_conn **conn,
	      struct http_message **head)
{
	struct http_link link = {0};
	struct tls_client *held = hold(opts);
	err e = open_live(&link, opts, head);
	tls_client_unref(&held);
	if (e != OK) {
		http_link_close(&link);
		return describe(e, opts);
	}
	*sock = link.sock;
	*conn = link.conn;
	tls_client_unref(&link.tls);
	free(link.tls_name);
	return OK;
}

/* ---- what an answer means ---- */

err http_outcome(int status)
{
	switch (status) {
	case 200:
		return OK;
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return ERR_REDIRECT;
	case 404:
		return err_fail(ERR_NOTFOUND, "the server says 404");
	default:
		return err_fail(ERR_DENIED, "the server says %d", status);
	}
}

err http_follow(struct http_url *to, const char *location)
{
	if (!*location)
		return err_fail(ERR_PROTOCOL, "the server redirects to nowhere");
	struct http_url *next = mem_new(struct http_url);
	err e = http_url_parse(next, location);
	if (!e && strcmp(to->schema, "https") == 0 && strcmp(next->schema, "https") != 0)
		e = err_fail(ERR_DENIED, "the server redirects to %s, without encryption",
			     next->schema);
	if (!e)
		*to = *next;
	free(next);
	return e;
}
