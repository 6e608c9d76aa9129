#include "http/head.h"

#include <string.h>

enum { LINE_ENDS_MAX = 2 * HTTP_HEADERS_MAX + 4 };

void http_head_init(struct http_head *head, enum http_parse_kind kind)
{
	*head = (struct http_head){.kind = kind};
	head->text.max = HTTP_HEAD_MAX + LINE_ENDS_MAX;
}

void http_head_fini(struct http_head *head)
{
	buf_free(&head->text);
}

err http_refuse(int *refusal, int status, const char *sentence)
{
	*refusal = status;
	return err_fail(status == 431 || status == 413 ? ERR_LIMIT : ERR_PROTOCOL, "%s", sentence);
}

static err refuse(struct http_head *head, int status, const char *sentence)
{
	return http_refuse(&head->refusal, status, sentence);
}

bool http_is_token(const char *s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	return *s && s[strspn(s, chars)] == '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1", to which nothing but the end of the text may follow. */
static err read_version(struct http_head *head, const char *text)
{
	bool good = strncmp(text, "HTTP/", 5) == 0 && is_digit(text[5]) && text[6] == '.' &&
		    is_digit(text[7]) && !text[8];
	if (!good)
		return refuse(head, 400, "This is not HTTP.");
	if (text[5] != '1')
		return refuse(head, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
	head->minor = text[7] > '0';
	return OK;
}

/* "GET /path HTTP/1.1" */
static err read_request_line(struct http_head *head, char *line)
{
	char *target = strchr(line, ' ');
	if (!target)
		return refuse(head, 400, "This is not HTTP.");
	*target++ = '\0';
	char *version = strchr(target, ' ');
	if (!http_is_token(line) || !*target || *target == ' ')
		return refuse(head, 400, "This is not HTTP.");
	if (!version)
		return refuse(head, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
	*version++ = '\0';
	head->method = (uint32_t)head->line;
	head->target = (uint32_t)(head->line + (size_t)(target - line));
	return read_version(head, version);
}

/* "HTTP/1.1 200 OK", the words being optional. */
static err read_status_line(struct http_head *head, char *line)
{
	char *status = strchr(line, ' ');
	if (!status)
		return refuse(head, 400, "This is not HTTP.");
	*status++ = '\0';
	TRY(read_version(head, line));
	bool good = status[0] >= '1' && status[0] <= '9' && is_digit(status[1]) &&
		    is_digit(status[2]) && (!status[3] || status[3] == ' ');
	if (!good)
		return refuse(head, 400, "There is no such status.");
	head->status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
	return OK;
}

/* "Name: value", both left in place. */
static err read_header(struct http_head *head, char *line)
{
	if (*line == ' ' || *line == '\t')
		return refuse(head, 400, "A header is folded into several lines.");
	char *colon = strchr(line, ':');
	if (!colon)
		return refuse(head, 400, "A header has no colon.");
	*colon = '\0';
	if (!http_is_token(line))
		return refuse(head, 400,
			      "The name of a header holds characters that are not allowed.");
	if (head->header_count == HTTP_HEADERS_MAX)
		return refuse(head, 431, "There are too many headers.");
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t n = strlen(value);
	while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	value[n] = '\0';
	head->at[head->header_count].name = (uint32_t)head->line;
	head->at[head->header_count++].value = (uint32_t)(head->line + (size_t)(value - line));
	return OK;
}

static err take_line(struct http_head *head)
{
	bool empty = head->text.n == head->line;
	if (empty && !head->started)
		return OK; /* empty lines before a message are skipped */
	buf_u8(&head->text, '\0');
	if (!buf_ok(&head->text))
		return refuse(head, 431, "The head of the message is too long.");
	char *line = (char *)head->text.p + head->line;
	err e = OK;
	if (empty)
		head->done = true;
	else if (head->started)
		e = read_header(head, line);
	else
		e = head->kind == HTTP_PARSE_REQUEST ? read_request_line(head, line)
						     : read_status_line(head, line);
	head->started = true;
	head->line = head->text.n;
	return e;
}

/* A byte that is no text, or stands behind a CR. */
static err take_byte(struct http_head *head, uint8_t c)
{
	if (head->after_cr && c == '\n') {
		head->after_cr = false;
		return take_line(head);
	}
	if (head->after_cr || c == '\n')
		return refuse(head, 400, "A line of the head does not end as it should.");
	if (c != '\r')
		return refuse(head, 400, "The head holds control characters.");
	head->after_cr = true;
	return OK;
}

static size_t text_size(struct span in)
{
	size_t n = 0;
	while (n < in.n && http_is_text(in.p[n]))
		n++;
	return n;
}

/* The text of a line as far as it has come, else one byte; *n is how many. */
static err take_some(struct http_head *head, struct span in, size_t *n)
{
	size_t text = head->after_cr ? 0 : text_size(in);
	*n = text ? text : 1;
	head->bytes += *n;
	if (head->bytes > HTTP_HEAD_MAX)
		return refuse(head, 431, "The head of the message is too long.");
	if (!text)
		return take_byte(head, *in.p);
	buf_put(&head->text, in.p, text);
	return OK;
}

err http_head_feed(struct http_head *head, struct span in, size_t *used)
{
	*used = 0;
	while (*used < in.n && !head->done) {
		size_t n;
		err e = take_some(head, span_rest(in, *used), &n);
		*used += n;
		TRY(e);
	}
	return OK;
}
