/* A message: its head, then a body of one of four framings, decoded where it lies. */
#include "base/mem.h"
#include "http/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { CHUNK_LINE_MAX = HTTP_HEAD_MAX, SIZE_DIGITS_MAX = 15, TRAILERS_MAX = 512 };

enum framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_TO_END };

/* The meaning of the next byte of a chunked body. */
enum chunk_state {
	CHUNK_SIZE,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_START, /* of a line; an empty one is the end */
	TRAILER_LINE,
	TRAILER_LF,
	END_LF,
};

struct http_parse {
	struct http_head head;
	enum framing framing;
	enum chunk_state state;
	int64_t left;        /* of the body, or of this chunk */
	int digits;          /* of its size */
	size_t line;         /* bytes around chunks since the last one */
	struct buf trailers; /* lines behind the last chunk, each with its LF */
	bool done;
};

struct http_parse *http_parse_new(enum http_parse_kind kind)
{
	struct http_parse *parse = mem_new(struct http_parse);
	http_head_init(&parse->head, kind);
	parse->trailers.max = TRAILERS_MAX;
	return parse;
}

void http_parse_free(struct http_parse **parse)
{
	if (!*parse)
		return;
	http_head_fini(&(*parse)->head);
	buf_free(&(*parse)->trailers);
	free(*parse);
	*parse = NULL;
}

bool http_parse_done(const struct http_parse *parse)
{
	return parse->done;
}

/* "Name: value" between line ends, as a header is written. */
bool http_parse_trailer(const struct http_parse *parse, const char *name, char *out, size_t cap)
{
	struct span rest = buf_span(&parse->trailers);
	size_t n = strlen(name);
	while (buf_ok(&parse->trailers) && rest.n > 0) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		struct span line = span_head(rest, end ? (size_t)(end - rest.p) : rest.n);
		rest = span_rest(rest, line.n + 1);
		if (line.n <= n || line.p[n] != ':' ||
		    strncasecmp((const char *)line.p, name, n) != 0)
			continue;
		line = span_rest(line, n + 1);
		while (line.n > 0 && *line.p == ' ')
			line = span_rest(line, 1);
		snprintf(out, cap, "%.*s", (int)line.n, line.p ? (const char *)line.p : "");
		return true;
	}
	return false;
}

int http_parse_status(const struct http_parse *parse)
{
	return parse->head.refusal;
}

static err refuse(struct http_parse *parse, int status, const char *sentence)
{
	return http_refuse(&parse->head.refusal, status, sentence);
}

/* ---- head ---- */

static bool has_no_body(const struct http_message *m)
{
	return (m->status >= 100 && m->status < 200) || m->status == 204 || m->status == 304;
}

static void begin_body(struct http_parse *parse, struct http_message *m)
{
	bool response = parse->head.kind == HTTP_PARSE_RESPONSE;
	if (response && has_no_body(m))
		parse->framing = BODY_NONE;
	else if (http_header_get(m, "Transfer-Encoding"))
		parse->framing = BODY_CHUNKED;
	else if (m->content_length > 0)
		parse->framing = BODY_LENGTH;
	else if (response && m->content_length < 0)
		parse->framing = BODY_TO_END;
	parse->left = m->content_length;
	parse->done = parse->framing == BODY_NONE;
	m->keep_alive &= parse->framing != BODY_TO_END;
}

err http_parse_head(struct http_parse *parse, struct span in, size_t *used,
		    struct http_message **out)
{
	*out = NULL;
	TRY(http_head_feed(&parse->head, in, used));
	if (!parse->head.done)
		return OK;
	TRY(http_message_make(out, &parse->head));
	begin_body(parse, *out);
	http_head_fini(&parse->head);
	return OK;
}

/* ---- chunks ---- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static err bad_chunk(struct http_parse *parse)
{
	return refuse(parse, 400, "A chunk of the body does not end where it says.");
}

static err take_size(struct http_parse *parse, uint8_t c)
{
	int digit = hex_digit(c);
	if (digit >= 0 && parse->digits < SIZE_DIGITS_MAX) {
		parse->left = parse->digits++ ? parse->left * 16 + digit : digit;
		return OK;
	}
	if (digit >= 0 || parse->digits == 0 || !strchr(" \t;\r", c) || !c)
		return refuse(parse, 400, "The size of a chunk cannot be read.");
	parse->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
	return OK;
}

static void begin_chunk(struct http_parse *parse)
{
	parse->digits = 0;
	parse->state = parse->left ? CHUNK_DATA : TRAILER_START;
	if (parse->left)
		parse->line = 0;
}

/* A byte of a line whose content does not matter, and what the CR at its end leads to. */
static err skip_text(struct http_parse *parse, uint8_t c, enum chunk_state at_cr)
{
	if (c == '\r')
		parse->state = at_cr;
	else if (!http_is_text(c))
		return bad_chunk(parse);
	return OK;
}

/* Likewise of a line behind the last chunk, which is kept; what is too long is not. */
static err keep_text(struct http_parse *parse, uint8_t c, enum chunk_state at_cr)
{
	if (c != '\r')
		buf_u8(&parse->trailers, c);
	return skip_text(parse, c, at_cr);
}

/* A byte that can be one thing only. */
static err expect(struct http_parse *parse, uint8_t c, char wanted, enum chunk_state next)
{
	if (c != wanted)
		return bad_chunk(parse);
	parse->state = next;
	return OK;
}

/* A byte that is not data. */
static err take_framing(struct http_parse *parse, uint8_t c)
{
	if (++parse->line > CHUNK_LINE_MAX)
		return refuse(parse, 413, "The lines around a chunk are too long.");
	switch (parse->state) {
	case CHUNK_SIZE:
		return take_size(parse, c);
	case CHUNK_EXTENSION:
		return skip_text(parse, c, CHUNK_SIZE_LF);
	case CHUNK_SIZE_LF:
		TRY(expect(parse, c, '\n', CHUNK_DATA));
		begin_chunk(parse);
		return OK;
	case CHUNK_DATA_CR:
		return expect(parse, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF:
		return expect(parse, c, '\n', CHUNK_SIZE);
	case TRAILER_START:
		parse->state = TRAILER_LINE;
		return keep_text(parse, c, END_LF);
	case TRAILER_LINE:
		return keep_text(parse, c, TRAILER_LF);
	case TRAILER_LF:
		buf_u8(&parse->trailers, '\n');
		return expect(parse, c, '\n', TRAILER_START);
	case END_LF:
		TRY(expect(parse, c, '\n', END_LF));
		parse->done = true;
		return OK;
	default:
		return bad_chunk(parse);
	}
}

/* ---- body ---- */

/* Moves data to the front of the bytes that were given, behind what is there already. */
static void take_data(struct http_parse *parse, uint8_t *p, size_t n, size_t *used, size_t *got)
{
	size_t take = n - *used;
	if (parse->framing != BODY_TO_END && (int64_t)take > parse->left)
		take = (size_t)parse->left;
	memmove(p + *got, p + *used, take);
	*used += take;
	*got += take;
	if (parse->framing == BODY_TO_END)
		return;
	parse->left -= (int64_t)take;
	if (parse->left == 0 && parse->framing == BODY_LENGTH)
		parse->done = true;
	else if (parse->left == 0)
		parse->state = CHUNK_DATA_CR;
}

err http_parse_body(struct http_parse *parse, uint8_t *p, size_t n, size_t *used, size_t *got)
{
	*used = *got = 0;
	while (*used < n && !parse->done) {
		if (parse->framing != BODY_CHUNKED || parse->state == CHUNK_DATA)
			take_data(parse, p, n, used, got);
		else
			TRY(take_framing(parse, p[(*used)++]));
	}
	return OK;
}

err http_parse_eof(struct http_parse *parse)
{
	if (parse->head.done && parse->framing == BODY_TO_END)
		parse->done = true;
	if (parse->done)
		return OK;
	return err_fail(ERR_CLOSED, "the peer closed in the middle of an HTTP message");
}
