/* http - HTTP/1.1 (RFC 9110, 9112) on a socket, server side. Layer: http. */
#pragma once
#include "base/buf.h"
#include "net/sock.h"

enum { HTTP_HEAD_MAX = 16384, HTTP_BODY_MAX = 65536, HTTP_HEADERS_MAX = 64 };

/* The methods that are told apart. */
enum {
	HTTP_METHOD_DELETE,
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_PATCH,
	HTTP_METHOD_OTHER, /* known, and nothing here has it */
};

struct http_header {
	char *name, *value;
};

/* A request or a response, its head in memory. */
struct http_message {
	int method; /* HTTP_METHOD_…, of a request */
	const char *method_name;
	char *target; /* as sent: "/live/a.flv?k=v" */
	char *path;   /* decoded, without query; no "..", no control characters; begins with '/' */
	char *query;  /* "k=v&…" or "" */
	char *host;   /* "host[:port]" of an absolute target, else of the Host header, else "" */
	int status;   /* of a response */
	int minor;    /* HTTP/1.minor */
	bool keep_alive;
	int64_t content_length; /* as the head says, or -1 */
	int header_count;
	struct http_header *headers; /* these and all texts above are one block */
	struct buf body;
};
void http_message_free(struct http_message **m);
/* Value of the first header of that name (any case), or NULL. */
const char *http_header_get(const struct http_message *m, const char *name);

struct http_conn;                                   /* buffers what was read beyond one message */
struct http_conn *http_conn_new(struct sock *sock); /* borrows the socket */
void http_conn_free(struct http_conn **conn);

/* Reads one request before the deadline. ERR_CLOSED when the peer ended between requests, or in
 * the middle of one; ERR_LIMIT and ERR_PROTOCOL after having answered 413, 431 or 400 itself. */
err http_recv_request(struct http_conn *conn, struct http_message **out, int64_t deadline) BLOCKS;
/* Reads the head of one response; the body is read by http_recv_body(). Interim answers (1xx) are
 * skipped. */
err http_recv_response(struct http_conn *conn, struct http_message **out, int64_t deadline) BLOCKS;
/* More of the body (chunked or not) as soon as there is any, at most cap bytes; *n is 0 at its
 * end. ERR_CLOSED when the peer closed before the end that the head announced. */
err http_recv_body(struct http_conn *conn, void *p, size_t cap, size_t *n, int64_t deadline) BLOCKS;
/* The same without waiting: ERR_AGAIN when there is none. For a coroutine that waits for more than
 * this connection, and has called sock_attach(). */
err http_try_body(struct http_conn *conn, void *p, size_t cap, size_t *n);
/* A trailer behind the chunks of the response whose body has ended (RFC 9112 7.1.2), cut to fit; false: there is
 * none of that name. */
bool http_trailer_get(const struct http_conn *conn, const char *name, char *out, size_t cap);
/* True when the last message was read to its end and nothing was received beyond it. */
bool http_conn_clean(const struct http_conn *conn);

/* Appends status line and headers common to all answers (Server, Date, Connection). `length` < 0:
 * chunked for HTTP/1.1, until close for 1.0. `extra` is whole header lines or NULL; when it is
 * not (a line without a name, a stray CR or LF), it is left out. `request` may be NULL. */
void http_write_head(struct buf *b, const struct http_message *request, int status,
		     const char *content_type, int64_t length, const char *extra);
/* Appends one header line; control characters of the value are left out, so that nothing that
 * came from a request can start another line. */
void http_write_header(struct buf *b, const char *name, const char *value);
/* A whole small answer; no body for HEAD. */
err http_respond(struct sock *sock, const struct http_message *request, int status,
		 const char *content_type, struct span body, const char *extra) BLOCKS;
/* A plain text answer with a sentence. */
err http_respond_text(struct sock *sock, const struct http_message *request, int status,
		      const char *sentence, const char *extra) BLOCKS;
const char *http_status_text(int status);
/* True when the Authorization header is Bearer with this token, which is not empty (likewise). */
bool http_bearer_ok(const struct http_message *request, const char *token);
/* True when the Authorization header holds these (compared in constant time). */
bool http_basic_ok(const struct http_message *request, const char *username, const char *password);
