/* The one file that knows http-parser. It feeds the parser and copies what it reports into one
 * growing text, with offsets; when the head is complete, texts and header array become one block.
 *
 * The library is commonly built without its strict mode, in which it takes a blank in a header
 * name, and any byte where the CR and LF behind a chunk belong. Two parties that disagree about
 * such bytes see different messages (request smuggling), so these are checked here: the parser is
 * paused wherever a line of the framing ends, and the bytes that it skipped are looked at. */
#include "base/mem.h"
#include "codec/url.h"
#include "http/parse.h"

#include <http_parser.h>
#include <stdlib.h>
#include <strings.h>

_Static_assert(HTTP_METHOD_DELETE == (int)HTTP_DELETE && HTTP_METHOD_GET == (int)HTTP_GET);
_Static_assert(HTTP_METHOD_HEAD == (int)HTTP_HEAD && HTTP_METHOD_POST == (int)HTTP_POST);
_Static_assert(HTTP_METHOD_PUT == (int)HTTP_PUT && HTTP_METHOD_OPTIONS == (int)HTTP_OPTIONS);

/* What the last text reported by the parser was: texts arrive in pieces. */
enum piece { PIECE_NONE, PIECE_TARGET, PIECE_NAME, PIECE_VALUE };

/* The bytes that must stand right before the place where the parser paused. */
enum line_end { END_ANY, END_LF, END_CRLF };

struct http_parse {
	struct http_parser parser;
	struct buf text; /* target, names and values, each with its NUL */
	uint32_t target_at;
	struct {
		uint32_t name, value;
	} at[HTTP_HEADERS_MAX]; /* offsets into text */
	int header_count;
	size_t head_bytes;
	enum piece last;
	enum line_end line_end;
	bool head_done, done, too_many, last_chunk;
	uint8_t last_byte; /* of the previous feed */
	int status;
	uint8_t *out; /* where body bytes go */
	size_t got;
};

static struct http_parse *of(struct http_parser *parser)
{
	return parser->data;
}

static int on_url(struct http_parser *parser, const char *p, size_t n)
{
	struct http_parse *parse = of(parser);
	if (parse->last != PIECE_TARGET)
		parse->target_at = (uint32_t)parse->text.n;
	parse->last = PIECE_TARGET;
	buf_put(&parse->text, p, n);
	return 0;
}

static int on_header_field(struct http_parser *parser, const char *p, size_t n)
{
	struct http_parse *parse = of(parser);
	if (parse->head_done) /* a trailer behind the chunks: dropped */
		return 0;
	if (parse->last != PIECE_NAME) {
		if (parse->header_count == HTTP_HEADERS_MAX) {
			parse->too_many = true;
			return 1;
		}
		buf_u8(&parse->text, '\0');
		parse->at[parse->header_count++].name = (uint32_t)parse->text.n;
	}
	parse->last = PIECE_NAME;
	buf_put(&parse->text, p, n);
	return 0;
}

static int on_header_value(struct http_parser *parser, const char *p, size_t n)
{
	struct http_parse *parse = of(parser);
	if (parse->head_done)
		return 0;
	if (parse->last != PIECE_VALUE) {
		buf_u8(&parse->text, '\0');
		parse->at[parse->header_count - 1].value = (uint32_t)parse->text.n;
	}
	parse->last = PIECE_VALUE;
	buf_put(&parse->text, p, n);
	return 0;
}

static int on_headers_complete(struct http_parser *parser)
{
	struct http_parse *parse = of(parser);
	parse->head_done = true;
	parser->upgrade = 0; /* no other protocol is spoken here, so an offer of one is ignored */
	http_parser_pause(parser, 1);
	/* 1: no body. http-parser would wait for the Content-Length that a 304 may carry. */
	return parser->type == HTTP_RESPONSE &&
	       (parser->status_code == 204 || parser->status_code == 304);
}

static int on_chunk_header(struct http_parser *parser)
{
	struct http_parse *parse = of(parser);
	parse->last_chunk = parser->content_length == 0;
	parse->line_end = END_LF;
	http_parser_pause(parser, 1);
	return 0;
}

static int on_chunk_complete(struct http_parser *parser)
{
	struct http_parse *parse = of(parser);
	if (parse->last_chunk) /* the end of the trailer: on_message_complete follows */
		return 0;
	parse->line_end = END_CRLF;
	http_parser_pause(parser, 1);
	return 0;
}

static int on_body(struct http_parser *parser, const char *p, size_t n)
{
	struct http_parse *parse = of(parser);
	memmove(parse->out + parse->got, p, n);
	parse->got += n;
	return 0;
}

static int on_message_complete(struct http_parser *parser)
{
	struct http_parse *parse = of(parser);
	parse->done = true;
	parse->line_end = parser->flags & F_CHUNKED ? END_LF : END_ANY;
	http_parser_pause(parser, 1);
	return 0;
}

static const struct http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_chunk_header = on_chunk_header,
	.on_chunk_complete = on_chunk_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

struct http_parse *http_parse_new(enum http_parse_kind kind)
{
	struct http_parse *parse = mem_new(struct http_parse);
	/* Process-wide. For the lines around chunks: of the head it counts some bytes twice, depending
	 * on the cuts, so that is counted here. */
	http_parser_set_max_header_size(2 * HTTP_HEAD_MAX);
	http_parser_init(&parse->parser, kind == HTTP_PARSE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
	parse->parser.data = parse;
	/* Each text is followed by one NUL where the head had at least one delimiter. */
	parse->text.max = HTTP_HEAD_MAX + 2 * HTTP_HEADERS_MAX + 2;
	return parse;
}

void http_parse_free(struct http_parse **parse)
{
	if (!*parse)
		return;
	buf_free(&(*parse)->text);
	free(*parse);
	*parse = NULL;
}

bool http_parse_done(const struct http_parse *parse)
{
	return parse->done;
}

int http_parse_status(const struct http_parse *parse)
{
	return parse->status;
}

static err refuse(struct http_parse *parse, int status, const char *sentence)
{
	parse->status = status;
	return err_fail(status == 431 || status == 413 ? ERR_LIMIT : ERR_PROTOCOL, "%s", sentence);
}

/* What http-parser found wrong, as a sentence and a status. */
static err refuse_parser(struct http_parse *parse)
{
	enum http_errno code = HTTP_PARSER_ERRNO(&parse->parser);
	if (parse->too_many)
		return refuse(parse, 431, "There are too many headers.");
	if (code == HPE_HEADER_OVERFLOW)
		return parse->head_done
			       ? refuse(parse, 413, "The lines around a chunk are too long.")
			       : refuse(parse, 431, "The head of the message is too long.");
	parse->status = 400;
	return err_fail(ERR_PROTOCOL, "This is not HTTP: %s.", http_errno_description(code));
}

/* Characters of which names consist (RFC 9110 "token"). */
static bool is_token(const char *s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	return *s && s[strspn(s, chars)] == '\0';
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
static char *message_fill(struct http_message *m, struct http_parse *parse)
{
	const struct http_parser *parser = &parse->parser;
	buf_u8(&parse->text, '\0');
	size_t array = (size_t)parse->header_count * sizeof(struct http_header);
	size_t target = strlen((const char *)parse->text.p + parse->target_at);
	/* path, query and host are parts of the target, each with a NUL; a path may become "/" */
	m->headers = mem_alloc(array + parse->text.n + target + 4);
	char *text = (char *)m->headers + array;
	memcpy(text, parse->text.p, parse->text.n);
	m->target = text + parse->target_at;
	m->header_count = parse->header_count;
	for (int i = 0; i < m->header_count; i++)
		m->headers[i] =
			(struct http_header){text + parse->at[i].name, text + parse->at[i].value};
	m->method = (int)parser->method;
	m->method_name = http_method_str((enum http_method)parser->method);
	m->status = (int)parser->status_code;
	m->minor = parser->http_minor > 0;
	m->keep_alive = http_should_keep_alive(parser) != 0;
	m->content_length = parser->flags & F_CONTENTLENGTH && parser->content_length <= INT64_MAX
				    ? (int64_t)parser->content_length
				    : -1;
	return text + parse->text.n;
}

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

/* "http://host:port/path?query" to the host and the place where the path starts. */
static err absolute_split(struct http_parse *parse, struct http_message *m, char **at, size_t *path)
{
	struct http_parser_url u;
	http_parser_url_init(&u);
	size_t n = strlen(m->target);
	if (http_parser_parse_url(m->target, n, 0, &u) != 0 || !(u.field_set & (1 << UF_HOST)))
		return refuse(parse, 400, "The address of the request cannot be read.");
	size_t host = (size_t)(strstr(m->target, "://") - m->target) + 3;
	size_t end = host + strcspn(m->target + host, "/?#");
	if (u.field_set & (1 << UF_USERINFO)) /* not ours to use, and not to be shown */
		host = u.field_data[UF_HOST].off;
	m->host = copy(at, m->target + host, end - host);
	*path = end;
	return OK;
}

/* Fills in path, query and, of an absolute target, host. */
static err target_split(struct http_parse *parse, struct http_message *m, char *at)
{
	size_t start = 0;
	if (has_control(m->target, 0x21))
		return refuse(parse, 400,
			      "The address of the request holds blanks or control characters.");
	if (strcmp(m->target, "*") == 0)
		start = 1;
	else if (*m->target != '/')
		TRY(absolute_split(parse, m, &at, &start));
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
		return refuse(parse, 400, "The path holds an escape that is not allowed.");
	if (*m->path != '/' || has_control(m->path, 0x20))
		return refuse(parse, 400, "The path holds characters that are not allowed.");
	if (has_dotdot(m->path))
		return refuse(parse, 400, "The path leads upwards.");
	return OK;
}

/* What http-parser lets pass although two readers could take it differently. */
static err headers_check(struct http_parse *parse, const struct http_message *m)
{
	int hosts = 0, encodings = 0;
	for (int i = 0; i < m->header_count; i++) {
		const struct http_header *h = &m->headers[i];
		if (!is_token(h->name))
			return refuse(
				parse, 400,
				"The name of a header holds characters that are not allowed.");
		hosts += strcasecmp(h->name, "Host") == 0;
		if (strcasecmp(h->name, "Transfer-Encoding") != 0)
			continue;
		if (++encodings > 1 || strcasecmp(h->value, "chunked") != 0 ||
		    parse->parser.http_minor == 0)
			return refuse(parse, 400, "This transfer encoding is not understood.");
	}
	if (hosts > 1)
		return refuse(parse, 400, "There is more than one Host header.");
	return OK;
}

static err message_check(struct http_parse *parse, struct http_message *m, char *room)
{
	if (parse->parser.http_major != 1)
		return refuse(parse, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
	TRY(headers_check(parse, m));
	if (parse->parser.type == HTTP_RESPONSE)
		return m->status >= 100 ? OK : refuse(parse, 400, "There is no such status.");
	TRY(target_split(parse, m, room));
	return OK;
}

static err message_make(struct http_parse *parse, struct http_message **out)
{
	static char nothing[1];
	if (!buf_ok(&parse->text))
		return refuse(parse, 431, "The head of the message is too long.");
	struct http_message *m = mem_new(struct http_message);
	char *room = message_fill(m, parse);
	m->path = m->query = nothing;
	buf_free(&parse->text);
	err e = message_check(parse, m, room);
	if (e != OK) {
		http_message_free(&m);
		return e;
	}
	if (!m->host) {
		const char *host = http_header_get(m, "Host");
		m->host = host ? (char *)(uintptr_t)host : nothing;
	}
	*out = m;
	return OK;
}

err http_parse_head(struct http_parse *parse, struct span in, size_t *used,
		    struct http_message **out)
{
	*out = NULL;
	*used = http_parser_execute(&parse->parser, &settings, (const char *)in.p, in.n);
	parse->head_bytes += *used;
	if (parse->head_bytes + parse->head_done > HTTP_HEAD_MAX)
		return refuse(parse, 431, "The head of the message is too long.");
	if (HTTP_PARSER_ERRNO(&parse->parser) == HPE_OK && !parse->head_done)
		return OK;
	if (HTTP_PARSER_ERRNO(&parse->parser) != HPE_PAUSED)
		return refuse_parser(parse);
	/* It pauses before the last LF, which decides whether there is a body. */
	http_parser_pause(&parse->parser, 0);
	if (*used >= in.n || in.p[*used] != '\n')
		return refuse(parse, 400, "The head does not end as it should.");
	TRY(message_make(parse, out));
	http_parser_execute(&parse->parser, &settings, "\n", 1);
	*used += 1;
	if (parse->done || HTTP_PARSER_ERRNO(&parse->parser) == HPE_OK)
		return OK;
	http_message_free(out);
	return refuse_parser(parse);
}

/* Looks at the bytes before p[at], where the parser paused. */
static bool line_ended(const struct http_parse *parse, const uint8_t *p, size_t at)
{
	if (parse->line_end == END_ANY)
		return true;
	if (p[at - 1] != '\n')
		return false;
	return parse->line_end == END_LF || (at > 1 ? p[at - 2] : parse->last_byte) == '\r';
}

err http_parse_body(struct http_parse *parse, uint8_t *p, size_t n, size_t *used, size_t *got)
{
	size_t at = 0;
	uint8_t last_byte = n ? p[n - 1] : 0; /* before decoding in place moves things */
	parse->out = p;
	parse->got = 0;
	while (at < n && !parse->done) {
		at += http_parser_execute(&parse->parser, &settings, (const char *)p + at, n - at);
		if (HTTP_PARSER_ERRNO(&parse->parser) == HPE_OK)
			break;
		if (HTTP_PARSER_ERRNO(&parse->parser) != HPE_PAUSED)
			return refuse_parser(parse);
		http_parser_pause(&parse->parser, 0);
		if (!line_ended(parse, p, at))
			return refuse(parse, 400,
				      "A chunk of the body does not end where it says.");
	}
	parse->last_byte = last_byte;
	*used = at;
	*got = parse->got;
	return OK;
}

err http_parse_eof(struct http_parse *parse)
{
	if (!parse->done)
		http_parser_execute(&parse->parser, &settings, NULL, 0);
	if (parse->done)
		return OK;
	return err_fail(ERR_CLOSED, "the peer closed in the middle of an HTTP message");
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

const char *http_status_text(int status)
{
	return http_status_str((enum http_status)status);
}
