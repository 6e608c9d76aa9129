/* Messages on a connection. What arrives is read into one scratch of the process, parsed at once,
 * and only what lies beyond the message is kept: a connection that waits holds no buffer. Nothing
 * may switch coroutines between a read into the scratch and the end of its use. */
#include "base/clock.h"
#include "base/mem.h"
#include "http/parse.h"

#include <stdlib.h>

enum { SCRATCH = 16384, WORK_BEFORE_YIELD = 256 * 1024, WORK_PER_CALL = 1024, INTERIM_MAX = 8 };
static uint8_t scratch[SCRATCH];

struct http_conn {
	struct sock *sock;
	struct buf left;         /* received beyond the last message */
	struct http_parse *body; /* of a response whose body is being read */
	struct http_parse *over; /* of the last one, whose trailers can be asked for */
	size_t work;             /* since this connection last let others run */
	bool clean;              /* the last message was read to its end */
};

struct http_conn *http_conn_new(struct sock *sock)
{
	struct http_conn *conn = mem_new(struct http_conn);
	conn->sock = sock;
	conn->left.max = SCRATCH;
	conn->clean = true;
	return conn;
}

void http_conn_free(struct http_conn **conn)
{
	if (!*conn)
		return;
	http_parse_free(&(*conn)->body);
	http_parse_free(&(*conn)->over);
	buf_free(&(*conn)->left);
	free(*conn);
	*conn = NULL;
}

bool http_trailer_get(const struct http_conn *conn, const char *name, char *out, size_t cap)
{
	return conn->over && http_parse_trailer(conn->over, name, out, cap);
}

bool http_conn_clean(const struct http_conn *conn)
{
	return conn->clean && conn->left.n == 0;
}

/* The socket's deadline is the caller's for the time of one call; returns the one to put back. */
static int64_t deadline_set(struct http_conn *conn, int64_t deadline)
{
	int64_t outer = sock_deadline(conn->sock);
	sock_set_deadline(conn->sock, deadline);
	return outer;
}

/* Reads into the scratch. Not by sock_recv(), which may let others run after it has read. */
static err scratch_recv(struct http_conn *conn, size_t *n)
{
	struct sock *sock = conn->sock;
	if (conn->work >= WORK_BEFORE_YIELD) {
		conn->work = 0;
		co_yield ();
	}
	sock_attach(sock);
	for (;;) {
		err e = co_stopping() ? ERR_STOPPED : sock_try_recv(sock, scratch, SCRATCH, n);
		if (e == OK)
			conn->work += *n + WORK_PER_CALL;
		if (e == ERR_AGAIN) {
			conn->work = 0;
			e = co_wait(sock_deadline(sock));
			if (e == OK)
				continue;
		}
		/* A peer that is never silent does not get more time for that. */
		if (e == OK && clock_ms() > sock_deadline(sock))
			e = err_plain(ERR_TIMEOUT);
		return e;
	}
}

/* Bytes to parse: those left over, else new ones in the scratch. `more` of a message that has begun may be
 * held back until what has come is acknowledged (see sock_set_quick()). */
static err input_get(struct http_conn *conn, bool more, uint8_t **p, size_t *n)
{
	if (conn->left.n) {
		*p = conn->left.p;
		*n = conn->left.n;
		return OK;
	}
	if (more)
		sock_acknowledge(conn->sock);
	*p = scratch;
	return scratch_recv(conn, n);
}

/* Ends an input_get(): `used` of its n bytes were taken, the rest is kept. */
static void input_put(struct http_conn *conn, const uint8_t *p, size_t n, size_t used)
{
	if (conn->left.n)
		buf_drop(&conn->left, used);
	else if (used < n)
		buf_put(&conn->left, p + used, n - used);
	if (conn->left.n == 0)
		buf_free(&conn->left);
}

/* Reads a head. *started tells whether any byte of it has arrived. */
static err head_read(struct http_conn *conn, struct http_parse *parse, struct http_message **out,
		     bool *started)
{
	for (*out = NULL; !*out;) {
		uint8_t *p;
		size_t n, used = 0;
		TRY(input_get(conn, *started, &p, &n));
		*started = true;
		err e = http_parse_head(parse, span_of(p, n), &used, out);
		input_put(conn, p, n, used);
		TRY(e);
	}
	return OK;
}

/* Tells the peer what is wrong with its request. The words of `e` are the sentence. */
static err answer_refusal(struct http_conn *conn, int status, err e)
{
	char *sentence = mem_strdup(err_trail(e));
	(void)http_respond_text(conn->sock, NULL, status, sentence,
				NULL); /* the first error matters */
	e = err_fail(e, "HTTP request refused: %s", sentence);
	free(sentence);
	return e;
}

/* curl sends no large body before it has heard this, or waits a second. */
static err answer_expect(struct http_conn *conn, const struct http_message *m)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const char *expect = http_header_get(m, "Expect");
	if (!expect || m->minor == 0 || conn->left.n)
		return OK;
	return sock_send(conn->sock, go_on, sizeof(go_on) - 1);
}

static err body_read(struct http_conn *conn, struct http_parse *parse, struct http_message *m)
{
	m->body.max = HTTP_BODY_MAX;
	if (m->content_length > HTTP_BODY_MAX)
		return err_fail(ERR_LIMIT, "The body is too large.");
	if (!http_parse_done(parse))
		TRY(answer_expect(conn, m));
	while (!http_parse_done(parse)) {
		uint8_t *p;
		size_t n, used = 0, got = 0;
		TRY(input_get(conn, true, &p, &n));
		err e = http_parse_body(parse, p, n, &used, &got);
		if (got)
			buf_put(&m->body, p, got);
		input_put(conn, p, n, used);
		TRY(e);
		if (!buf_ok(&m->body))
			return err_fail(ERR_LIMIT, "The body is too large.");
	}
	return OK;
}

static err request_read(struct http_conn *conn, struct http_parse *parse, struct http_message **out)
{
	bool started = false;
	err e = head_read(conn, parse, out, &started);
	if (e == OK)
		e = body_read(conn, parse, *out);
	if (e == ERR_CLOSED && started)
		return err_fail(e, "the peer closed in the middle of an HTTP request");
	if (e == ERR_PROTOCOL)
		return answer_refusal(conn, http_parse_status(parse) ?: 400, e);
	if (e == ERR_LIMIT)
		return answer_refusal(conn, http_parse_status(parse) ?: 413, e);
	return e;
}

err http_recv_request(struct http_conn *conn, struct http_message **out, int64_t deadline)
{
	/* A peer that sends its requests in one go would never let another coroutine run. */
	if (conn->left.n)
		co_yield ();
	int64_t outer = deadline_set(conn, deadline);
	struct http_parse *parse = http_parse_new(HTTP_PARSE_REQUEST);
	sock_set_quick(conn->sock, false); /* the answer acknowledges the request */
	err e = request_read(conn, parse, out);
	sock_set_deadline(conn->sock, outer);
	if (e != OK)
		http_message_free(out);
	conn->clean = e == OK;
	http_parse_free(&parse);
	return e;
}

static err response_read(struct http_conn *conn, struct http_message **out)
{
	bool started = false;
	int interims = 0;
	http_parse_free(&conn->over);
	do {
		http_parse_free(&conn->body);
		conn->clean = false;
		conn->body = http_parse_new(HTTP_PARSE_RESPONSE);
		err e = head_read(conn, conn->body, out, &started);
		if (e == ERR_CLOSED && started)
			return err_fail(e, "the peer closed in the middle of an HTTP answer");
		TRY(e);
		if ((*out)->status == 101) {
			http_message_free(out);
			return err_fail(ERR_PROTOCOL, "the peer wants to change the protocol");
		}
		if ((*out)->status < 200)
			http_message_free(out);
	} while (!*out && ++interims < INTERIM_MAX);
	return *out ? OK : err_fail(ERR_PROTOCOL, "the HTTP answer never comes to its end");
}

err http_recv_response(struct http_conn *conn, struct http_message **out, int64_t deadline)
{
	int64_t outer = deadline_set(conn, deadline);
	err e = response_read(conn, out);
	sock_set_deadline(conn->sock, outer);
	return e;
}

/* Reads raw body bytes into p and decodes them there: no copy, and no wait to fill it. */
static err body_some(struct http_conn *conn, uint8_t *p, size_t cap, size_t *got, bool wait)
{
	size_t n = conn->left.n < cap ? conn->left.n : cap, used = 0;
	if (conn->left.n) {
		memcpy(p, conn->left.p, n);
		TRY(http_parse_body(conn->body, p, n, &used, got));
		buf_drop(&conn->left, used);
		if (conn->left.n == 0)
			buf_free(&conn->left);
		return OK;
	}
	/* Never beyond the scratch's size: what is left must fit into conn->left. */
	cap = cap < SCRATCH ? cap : SCRATCH;
	err e = wait ? sock_recv(conn->sock, p, cap, &n) : sock_try_recv(conn->sock, p, cap, &n);
	if (e == ERR_CLOSED)
		return http_parse_eof(conn->body);
	TRY(e);
	TRY(http_parse_body(conn->body, p, n, &used, got));
	if (used < n)
		buf_put(&conn->left, p + used, n - used);
	return OK;
}

static void body_check_end(struct http_conn *conn)
{
	if (!conn->body || !http_parse_done(conn->body))
		return;
	conn->clean = true;
	conn->over = conn->body;
	conn->body = NULL;
}

err http_try_body(struct http_conn *conn, void *p, size_t cap, size_t *n)
{
	err e = OK;
	*n = 0;
	while (e == OK && conn->body && *n == 0 && !http_parse_done(conn->body))
		e = body_some(conn, p, cap, n, false);
	body_check_end(conn);
	return e;
}

err http_recv_body(struct http_conn *conn, void *p, size_t cap, size_t *n, int64_t deadline)
{
	int64_t outer = deadline_set(conn, deadline);
	err e = OK;
	*n = 0;
	while (e == OK && conn->body && *n == 0 && !http_parse_done(conn->body))
		e = clock_ms() > deadline ? err_plain(ERR_TIMEOUT)
					  : body_some(conn, p, cap, n, true);
	sock_set_deadline(conn->sock, outer);
	body_check_end(conn);
	return e;
}
