/* From the texts of a head to a message: where the target leads, whom it is for, and whether its
 * headers agree about where it ends. */
#include "base/addr.h"
#include "base/mem.h"
#include "codec/url.h"
#include "http/head.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

enum { LENGTH_DIGITS_MAX = 18 };

static err refuse(struct http_head *head, int status, const char *sentence)
{
	return http_refuse(&head->refusal, status, sentence);
}

bool http_lines_ok(const char *lines)
{
	while (*lines) {
		size_t name = strcspn(lines, ":\r\n");
		size_t line = strcspn(lines, "\r\n");
		if (name == 0 || lines[name] != ':' || strncmp(lines + line, "\r\n", 2) != 0)
			return false;
		lines += line + 2;
	}
	return true;
}

/* Lays headers and texts out in one block: the array, the texts, then room for what
 * target_split() derives from the target. */
static char *message_fill(struct http_message *m, const struct http_head *head)
{
	size_t array = (size_t)head->header_count * sizeof(struct http_header);
	size_t target = strlen((const char *)head->text.p + head->target);
	/* path, query and host are parts of the target, each with a NUL; a path may become "/" */
	m->headers = mem_alloc(array + head->text.n + target + 4);
	char *text = (char *)m->headers + array;
	memcpy(text, head->text.p, head->text.n);
	m->target = text + head->target;
	m->method_name = text + head->method;
	m->header_count = head->header_count;
	for (int i = 0; i < m->header_count; i++)
		m->headers[i] =
			(struct http_header){text + head->at[i].name, text + head->at[i].value};
	m->status = head->status;
	m->minor = head->minor;
	return text + head->text.n;
}

/* ---- the target ---- */

static char *copy(char **at, const char *p, size_t n)
{
	char *s = *at;
	memcpy(s, p, n);
	s[n] = '\0';
	*at += n + 1;
	return s;
}

static bool has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2) {
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	}
	return false;
}

static bool has_control(const char *s, unsigned char from)
{
	for (; *s; s++) {
		if ((unsigned char)*s < from || *s == 0x7f)
			return true;
	}
	return false;
}

static bool is_port(const char *text)
{
	size_t n = strlen(text);
	return n <= 5 && strspn(text, "0123456789") == n &&
	       (n == 0 || strtol(text, NULL, 10) <= 65535);
}

/* "host", "host:port", "[v6]:port" (RFC 3986, section 3.2): what else a Host header holds is read
 * differently by different readers. */
static bool is_authority(const char *text)
{
	static const char chars[] = "-._~%!$&'()*+,;=";
	char host[HOST_MAX];
	struct addr ip;
	size_t n = *text == '[' ? strcspn(text, "]") : strcspn(text, ":");
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (*text == '[') {
		if (text[n] != ']' || !strchr(host, ':') || !addr_literal(&ip, host + 1, 0))
			return false;
		n++;
	}
	for (const char *p = host; *p && *text != '['; p++)
		if (!isalnum((unsigned char)*p) && !strchr(chars, *p))
			return false;
	return !text[n] || (text[n] == ':' && is_port(text + n + 1));
}

/* "http://host:port/path?query" to the host and the place where the path starts. */
static err absolute_split(struct http_head *head, struct http_message *m, char **at, size_t *path)
{
	bool http = strncasecmp(m->target, "http://", 7) == 0;
	size_t host = http ? 7 : strlen("https://");
	if (!http && strncasecmp(m->target, "https://", 8) != 0)
		return refuse(head, 400, "The address of the request cannot be read.");
	size_t end = host + strcspn(m->target + host, "/?#");
	for (size_t i = host; i < end; i++)
		if (m->target[i] == '@')
			host = i + 1; /* a name and password are not ours to use */
	m->host = copy(at, m->target + host, end - host);
	*path = end;
	if (!*m->host || !is_authority(m->host))
		return refuse(head, 400, "The address of the request cannot be read.");
	return OK;
}

/* Fills in path, query and, of an absolute target, host. */
static err target_split(struct http_head *head, struct http_message *m, char *at)
{
	size_t start = 0;
	if (has_control(m->target, 0x21))
		return refuse(head, 400,
			      "The address of the request holds blanks or control characters.");
	if (strcmp(m->target, "*") == 0)
		start = 1;
	else if (*m->target != '/')
		TRY(absolute_split(head, m, &at, &start));
	const char *path = m->target + start;
	size_t n = strcspn(path, "?#");
	const char *query = path[n] == '?' ? path + n + 1 : "";
	m->query = copy(&at, query, strcspn(query, "#"));
	if (n == 0) {
		m->path = copy(&at, "/", 1);
		return OK;
	}
	m->path = at;
	if (url_unescape(m->path, n + 1, span_of(path, n)) != OK)
		return refuse(head, 400, "The path holds an escape that is not allowed.");
	if (*m->path != '/' || has_control(m->path, 0x20))
		return refuse(head, 400, "The path holds characters that are not allowed.");
	if (has_dotdot(m->path))
		return refuse(head, 400, "The path leads upwards.");
	return OK;
}

/* ---- what the headers say together ---- */

static err read_length(struct http_head *head, struct http_message *m, const char *value)
{
	size_t n = strlen(value);
	if (m->content_length >= 0)
		return refuse(head, 400, "There is more than one Content-Length.");
	if (n == 0 || n > LENGTH_DIGITS_MAX || strspn(value, "0123456789") != n)
		return refuse(head, 400, "The Content-Length is no number.");
	m->content_length = strtoll(value, NULL, 10);
	return OK;
}

/* How a message ends is said once, and in one way. */
static err check_framing(struct http_head *head, struct http_message *m)
{
	int encodings = 0;
	m->content_length = -1;
	for (int i = 0; i < m->header_count; i++) {
		const struct http_header *h = &m->headers[i];
		if (strcasecmp(h->name, "Content-Length") == 0)
			TRY(read_length(head, m, h->value));
		if (strcasecmp(h->name, "Transfer-Encoding") != 0)
			continue;
		if (++encodings > 1 || strcasecmp(h->value, "chunked") != 0 || m->minor == 0)
			return refuse(head, 400, "This transfer encoding is not understood.");
	}
	if (encodings && m->content_length >= 0)
		return refuse(head, 400,
			      "The message has both a Content-Length and a Transfer-Encoding.");
	return OK;
}

static err check_host(struct http_head *head, struct http_message *m)
{
	static char nothing[1];
	int hosts = 0;
	char *host = nothing;
	for (int i = 0; i < m->header_count; i++) {
		if (strcasecmp(m->headers[i].name, "Host") != 0)
			continue;
		host = m->headers[i].value;
		hosts++;
	}
	if (hosts > 1)
		return refuse(head, 400, "There is more than one Host header.");
	if (hosts == 0 && m->minor > 0)
		return refuse(head, 400, "There is no Host header.");
	if (!is_authority(host))
		return refuse(head, 400, "The Host header is no host.");
	if (!m->host)
		m->host = host;
	return OK;
}

/* One of the words of a list, "a, b". */
static bool list_has(const char *list, const char *word)
{
	for (const char *p = list; *p;) {
		p += strspn(p, " \t,");
		size_t n = strcspn(p, " \t,");
		if (n == strlen(word) && strncasecmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static bool keeps_alive(const struct http_message *m)
{
	bool close = false, keep = false;
	for (int i = 0; i < m->header_count; i++) {
		if (strcasecmp(m->headers[i].name, "Connection") != 0)
			continue;
		close |= list_has(m->headers[i].value, "close");
		keep |= list_has(m->headers[i].value, "keep-alive");
	}
	return !close && (m->minor > 0 || keep);
}

static err read_method(struct http_head *head, struct http_message *m)
{
	static const struct {
		const char *name;
		int method;
	} known[] = {
		{"GET", HTTP_METHOD_GET},         {"HEAD", HTTP_METHOD_HEAD},
		{"POST", HTTP_METHOD_POST},       {"PUT", HTTP_METHOD_PUT},
		{"DELETE", HTTP_METHOD_DELETE},   {"PATCH", HTTP_METHOD_PATCH},
		{"OPTIONS", HTTP_METHOD_OPTIONS}, {"CONNECT", HTTP_METHOD_OTHER},
		{"TRACE", HTTP_METHOD_OTHER},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(m->method_name, known[i].name) != 0)
			continue;
		m->method = known[i].method;
		return OK;
	}
	return refuse(head, 501, "There is no such method here.");
}

static err message_check(struct http_head *head, struct http_message *m, char *room)
{
	TRY(check_framing(head, m));
	m->keep_alive = keeps_alive(m);
	if (head->kind == HTTP_PARSE_RESPONSE)
		return OK;
	TRY(read_method(head, m));
	TRY(target_split(head, m, room));
	return check_host(head, m);
}

err http_message_make(struct http_message **out, struct http_head *head)
{
	static char nothing[1];
	struct http_message *m = mem_new(struct http_message);
	char *room = message_fill(m, head);
	m->path = m->query = nothing;
	err e = message_check(head, m, room);
	if (e != OK) {
		http_message_free(&m);
		return e;
	}
	if (!m->host)
		m->host = nothing;
	*out = m;
	return OK;
}

void http_message_free(struct http_message **m)
{
	if (!*m)
		return;
	buf_free(&(*m)->body);
	free((*m)->headers);
	free(*m);
	*m = NULL;
}

const char *http_header_get(const struct http_message *m, const char *name)
{
	for (int i = 0; i < m->header_count; i++) {
		if (strcasecmp(m->headers[i].name, name) == 0)
			return m->headers[i].value;
	}
	return NULL;
}
