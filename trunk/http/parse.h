/* parse - the bytes of one HTTP message, in any cuts, into a head and a body. Layer: http, for its
 * own files and tests only. No I/O: fed by conn.c. */
#pragma once
#include "http/http.h"

struct http_parse;
enum http_parse_kind { HTTP_PARSE_REQUEST, HTTP_PARSE_RESPONSE };

struct http_parse *http_parse_new(enum http_parse_kind kind);
void http_parse_free(struct http_parse **parse);

/* Takes bytes of the head; *used is how many. *out is the message once its head is complete (then
 * nothing of the body was used) and NULL while more is wanted. After ERR_PROTOCOL and ERR_LIMIT,
 * http_parse_status() is what to answer and the error's trail is the sentence. */
err http_parse_head(struct http_parse *parse, struct span in, size_t *used,
		    struct http_message **out);
/* Decodes body bytes in place: *used of the n bytes were taken, *got bytes of content are at p.
 * All are taken unless the message ends before. */
err http_parse_body(struct http_parse *parse, uint8_t *p, size_t n, size_t *used, size_t *got);
/* The peer closed: OK when that is how this message ends, else ERR_CLOSED. */
err http_parse_eof(struct http_parse *parse);
/* The whole message was taken. */
bool http_parse_done(const struct http_parse *parse);
/* The value of a trailer (RFC 9112 7.1.2), cut to fit; false: the body had none of that name. */
bool http_parse_trailer(const struct http_parse *parse, const char *name, char *out, size_t cap);
int http_parse_status(const struct http_parse *parse);

/* True for "" and for whole header lines, each "Name: value\r\n". */
bool http_lines_ok(const char *lines);
