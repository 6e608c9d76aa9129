/* Answers: the head that all have in common, and the small ones as a whole. */
#include "base/clock.h"
#include "base/version.h"
#include "http/head.h"

#include <stdio.h>
#include <time.h>

enum { RESPONSE_HEAD_MAX = 32768 };

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second. */
static const char *date_now(void)
{
	static char text[40];
	static time_t made;
	time_t now = (time_t)(clock_wall_ms() / 1000);
	if (now != made) {
		struct tm tm;
		made = now;
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	}
	return text;
}

void http_write_header(struct buf *b, const char *name, const char *value)
{
	buf_puts(b, name);
	buf_puts(b, ": ");
	while (*value) {
		size_t n = 0;
		while (http_is_text((uint8_t)value[n]))
			n++;
		buf_put(b, value, n);
		value += n + (value[n] != '\0');
	}
	buf_puts(b, "\r\n");
}

/* Answers of these statuses have neither a body nor words about its length. */
static bool is_bodyless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void put_length(struct buf *b, int64_t length)
{
	buf_puts(b, "Content-Length: ");
	buf_decimal(b, (uint64_t)length);
	buf_puts(b, "\r\n");
}

/* Without printf(), whose two kilobytes of stack, below all that led here, would be a page more for each answer: to
 * be trimmed behind it and faulted in before the next one. */
void http_write_head(struct buf *b, const struct http_message *request, int status,
		     const char *content_type, int64_t length, const char *extra)
{
	bool until_close = request && request->minor == 0 && length < 0 && !is_bodyless(status);
	bool keep_alive = request && request->keep_alive && !until_close;
	buf_puts(b, "HTTP/1.1 ");
	buf_decimal(b, (uint64_t)status);
	buf_puts(b, " ");
	buf_puts(b, http_status_text(status));
	buf_puts(b, "\r\nServer: " SERVER_NAME "\r\nDate: ");
	buf_puts(b, date_now());
	buf_puts(b, keep_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n");
	if (content_type)
		http_write_header(b, "Content-Type", content_type);
	if (!is_bodyless(status) && length >= 0)
		put_length(b, length);
	else if (!is_bodyless(status) && !until_close)
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	if (extra && http_lines_ok(extra))
		buf_puts(b, extra);
	buf_puts(b, "\r\n");
}

err http_respond(struct sock *sock, const struct http_message *request, int status,
		 const char *content_type, struct span body, const char *extra)
{
	struct buf head = {.max = RESPONSE_HEAD_MAX};
	http_write_head(&head, request, status, content_type, (int64_t)body.n, extra);
	if (!buf_ok(&head)) {
		buf_free(&head);
		return err_fail(ERR_LIMIT, "the head of an HTTP answer is too long");
	}
	bool bare = is_bodyless(status) || body.n == 0 ||
		    (request && request->method == HTTP_METHOD_HEAD);
	struct iovec iov[2] = {{head.p, head.n}, {(void *)(uintptr_t)body.p, bare ? 0 : body.n}};
	err e = sock_sendv(sock, iov, bare ? 1 : 2);
	buf_free(&head);
	return e;
}

err http_respond_text(struct sock *sock, const struct http_message *request, int status,
		      const char *sentence, const char *extra)
{
	struct buf body = {.max = HTTP_BODY_MAX};
	buf_printf(&body, "%s\n", sentence);
	err e = http_respond(sock, request, status, "text/plain; charset=utf-8", buf_span(&body),
			     extra);
	buf_free(&body);
	return e;
}

const char *http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{206, "Partial Content"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}
